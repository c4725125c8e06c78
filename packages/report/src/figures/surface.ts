import * as Plot from "@observablehq/plot";
import type { SearchInsight, SearchResult, Space } from "@manyfold/protocol";
import { number, plain } from "../format.ts";
import { html, type Html } from "../html.ts";
import { chart, colour, figure, key, type Size } from "../plot.ts";
import { paramText } from "../subject.ts";
import { path } from "../table.ts";
import { thinnedTrials, type Scored } from "./scored.ts";

/** Steps of colour, from the best to the worst. */
const LEVELS = 8;
const mostDots = 150;

type Surface = NonNullable<SearchInsight["surface"]>;
type SurfaceAxis = Surface["x"];

interface Cell {
  readonly x1: number;
  readonly x2: number;
  readonly y1: number;
  readonly y2: number;
}

/** A list's values stand at whole numbers. */
function edgesOf({ edges, values = [] }: SurfaceAxis): readonly number[] {
  return edges ?? Array.from({ length: values.length + 1 }, (_, at) => at - 0.5);
}

function placeOf({ name, values }: SurfaceAxis): (trial: Scored) => number {
  return ({ params }) => {
    const value = params[name];
    if (value === undefined) return Number.NaN;
    return values ? values.indexOf(value) : Number(value);
  };
}

function scaleOf(axis: SurfaceAxis, space: Space): Plot.ScaleOptions {
  const domain = space[axis.name];
  const edges = edgesOf(axis);
  const ends = [edges[0] ?? 0, edges.at(-1) ?? 1];
  if (axis.values) {
    const names = axis.values.map(paramText);
    return {
      domain: ends,
      ticks: names.map((_, at) => at),
      tickFormat: (at: number) => names[at] ?? "",
    };
  }
  const log = domain !== undefined && "scale" in domain && domain.scale === "log";
  return { domain: ends, type: log ? "log" : "linear", ticks: 5, ...(log && { tickFormat: "~g" }) };
}

/** From the colour of the best to that of the worst. */
function shade(level: number): string {
  const part = (100 * (1 - level / (LEVELS - 1))).toFixed(0);
  return `color-mix(in srgb, var(--measured) ${part}%, var(--zero))`;
}

/** The value over the two most important parameters, and the trials that say so. */
export function valueSurface(search: SearchResult, space: Space): Html | null {
  const surface = search.insight?.surface;
  if (!surface) return null;
  const { x, y, cells } = surface;
  const known = cells.flat().flatMap((value) => value ?? []);
  if (known.length < 2) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  if (low === high) return null;
  const [best, worst] = search.direction === "minimise" ? [low, high] : [high, low];
  const [across, up] = [edgesOf(x), edgesOf(y)];
  const levels = Array.from({ length: LEVELS }, (): Cell[] => []);
  cells.forEach((row, j) => {
    row.forEach((value, i) => {
      if (value === null) return;
      const share = (value - best) / (worst - best);
      const level = Math.min(LEVELS - 1, Math.floor(share * LEVELS));
      const [x1 = 0, x2 = 0] = [across[i], across[i + 1]];
      const [y1 = 0, y2 = 0] = [up[j], up[j + 1]];
      levels[level]?.push({ x1, x2, y1, y2 });
    });
  });
  const { shown } = thinnedTrials(search, mostDots);
  const has = shown.filter(({ params }) => x.name in params && y.name in params);
  const found = has.filter(({ trial }) => trial === search.best?.trial);
  const place = { x: placeOf(x), y: placeOf(y) };
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 64,
    marginRight: 20,
    x: { ...scaleOf(x, space), label: x.name, labelArrow: "none", labelAnchor: "center" },
    y: { ...scaleOf(y, space), label: y.name, labelArrow: "none" },
    marks: [
      ...levels.map((group, level) =>
        Plot.rect(group, {
          x1: "x1",
          x2: "x2",
          y1: "y1",
          y2: "y2",
          fill: shade(level),
          inset: -0.3,
        }),
      ),
      Plot.dot(has, {
        ...place,
        r: narrow ? 1.6 : 2,
        fill: colour("ink"),
        fillOpacity: 0.75,
        stroke: colour("paper"),
        strokeWidth: 0.4,
      }),
      Plot.dot(found, {
        ...place,
        r: 7,
        symbol: "diamond",
        fill: colour("best"),
        stroke: colour("paper"),
      }),
    ],
  });
  const scale = html`<div
    class="levels"
    role="img"
    aria-label="Colours from ${number(best)}, the best, to ${number(worst)}"
  >
    <span>${number(best)}</span
    ><span class="steps"
      >${levels.map((_, level) => html`<i style="background:${shade(level)}"></i>`)}</span
    ><span>${number(worst)}</span>
  </div>`;
  const caption = html`${search.metric} over ${path(x.name)} and ${path(y.name)}, the two parameters
  that matter most: means of the trials nearby, the more so the nearer; where it is blank, none is
  near. Dots are trials (at most ${plain(mostDots)}, the best among them). Values beyond
  ${number(surface.limit)} count as that.`;
  return figure(
    html`${scale}${chart(`${search.metric} over ${x.name} and ${y.name}`, draw)}`,
    caption,
    key([
      { mark: "dot", colour: "ink", text: "a trial" },
      { mark: "diamond", colour: "best", text: "the best" },
    ]),
  );
}
