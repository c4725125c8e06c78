import * as Plot from "@observablehq/plot";
import type { Html } from "../html.ts";
import { axis, chart, colour, type Colour, extent, figure, key, small } from "../plot.ts";

/** Lines or dots over two axes. */
export interface SeriesChart {
  /** What it shows; the caption. */
  readonly title: Html;
  /** The same for those who do not see it. */
  readonly label: string;
  readonly x: string;
  readonly y: string;
  /** Axes that are logarithmic where all their values are positive. */
  readonly log?: "x" | "y" | "both" | undefined;
  readonly series: readonly {
    readonly name: string;
    readonly mark: "line" | "dots";
    readonly points: readonly (readonly [number, number])[];
  }[];
}

const COLOURS: readonly Colour[] = ["measured", "law", "floor", "best", "band", "ink"];

/** A line of more points is thinned. */
const MOST = 240;

/** One small figure; what is not finite is left out. */
export function seriesFigure({ title, label, x, y, log, series }: SeriesChart): Html {
  const shown = series.map(({ points, ...rest }) => ({
    ...rest,
    points: thinned(points.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b))),
  }));
  const all = shown.flatMap(({ points }) => points);
  const [logX, logY] = [log === "x" || log === "both", log === "y" || log === "both"];
  const [across, up] = [
    extent(
      all.map(([a]) => a),
      { log: logX },
    ),
    extent(
      all.map(([, b]) => b),
      { log: logY },
    ),
  ];
  const draw = (): Plot.PlotOptions => ({
    marginTop: 14,
    marginBottom: 40,
    marginLeft: 58,
    marginRight: 14,
    x: { ...axis(across, x), labelAnchor: "center", ticks: 5 },
    y: { ...axis(up, y), grid: true, ticks: 5 },
    marks: shown.map(({ mark, points }, i) => {
      const own = colour(COLOURS[i % COLOURS.length] ?? "ink");
      if (mark === "dots") return Plot.dot(points, { x: first, y: second, r: 3, fill: own });
      return Plot.line(points, {
        x: first,
        y: second,
        stroke: own,
        strokeWidth: 2,
        ...(i % 2 === 1 ? { strokeDasharray: "6 3" } : {}),
      });
    }),
  });
  const entries = shown.map(({ name, mark }, i) => ({
    mark:
      mark === "dots" ? ("dot" as const) : i % 2 === 1 ? ("dashes" as const) : ("line" as const),
    colour: COLOURS[i % COLOURS.length] ?? "ink",
    text: name,
  }));
  return figure(chart(label, draw, small), title, key(entries));
}

const first = ([a]: readonly [number, number]): number => a;
const second = ([, b]: readonly [number, number]): number => b;

function thinned(points: readonly (readonly [number, number])[]) {
  if (points.length <= MOST) return points;
  const step = (points.length - 1) / (MOST - 1);
  return Array.from({ length: MOST }, (_, i) => points[Math.round(i * step)]!);
}
