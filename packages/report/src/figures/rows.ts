import * as Plot from "@observablehq/plot";
import type { LearningCurve } from "@manyfold/protocol";
import { count, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, key, lineLabels, type Size } from "../plot.ts";

/** Error over the number of training rows: a member's, what members share, the ensemble's. */
export function rowsCurve({ points, members, fit }: LearningCurve, error: string): Html {
  const lines = [
    { name: "a member, v", at: "v", ink: "law" },
    { name: `mean of ${count(members)}`, at: "error", ink: "measured" },
    { name: "shared, c", at: "c", ink: "floor" },
  ] as const;
  const most = points.at(-1)?.rows ?? 1;
  const shown = lines.filter(({ at }) => points.every((point) => point[at] !== null));
  const range = extent([
    ...points.flatMap(({ v, c, error: own }) => [v, own, c ?? own]),
    ...(fit === null ? [] : [fit.doubled]),
  ]);
  const ahead =
    fit === null
      ? []
      : Array.from({ length: 41 }, (_, i) => {
          const rows = most * (1 + i / 40);
          return { rows, error: fit.floor + fit.slope / rows };
        });
  const draw = ({ narrow, height }: Size): Plot.PlotOptions => {
    const [marginTop, marginBottom] = [28, 44];
    const ends = shown.map(({ name, at, ink }) => ({
      at: (at === "error" ? fit?.doubled : undefined) ?? points.at(-1)?.[at] ?? range.low,
      text: name,
      colour: ink,
    }));
    return {
      marginTop,
      marginBottom,
      marginLeft: 56,
      marginRight: narrow ? 82 : 112,
      x: {
        domain: [0, fit === null ? most : 2 * most],
        label: "training rows, n",
        labelArrow: "none",
        labelAnchor: "center",
        ticks: narrow ? 3 : 8,
      },
      y: { ...axis(range, `error: ${error}`), grid: true },
      marks: [
        ...shown.flatMap(({ at, ink }) => [
          Plot.line(points, { x: "rows", y: at, stroke: colour(ink), strokeWidth: 2 }),
          Plot.dot(points, { x: "rows", y: at, r: 3, fill: colour(ink) }),
        ]),
        Plot.line(ahead, {
          x: "rows",
          y: "error",
          stroke: colour("measured"),
          strokeWidth: 1.5,
          strokeDasharray: "3 4",
        }),
        ...lineLabels(ends, range, height - marginTop - marginBottom),
      ],
    };
  };
  return figure(
    chart("Error over the number of training rows", draw),
    html`What do more rows bring? Each dot is ${count(members)} members trained on that many rows
    (mean over random subsets; the last on all ${count(most)}).
    ${
      fit !== null &&
      `The dotted line goes on as ${number(fit.floor)} + ${number(fit.slope)}/n, fitted to the dots: a guess, the more so the further it goes.`
    }
    ${range.low !== 0 && "The error axis does not start at 0."}`,
    key([
      ...shown.map(({ name, ink }) => ({ mark: "dot" as const, colour: ink, text: name })),
      ...(fit === null
        ? []
        : [
            { mark: "dots" as const, colour: "measured" as const, text: "if it goes on as it did" },
          ]),
    ]),
  );
}
