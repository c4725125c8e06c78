import * as Plot from "@observablehq/plot";
import type { SearchResult } from "@manyfold/protocol";
import { count, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { chart, colour, figure, type Size } from "../plot.ts";
import { path } from "../table.ts";

/** Parameters drawn at most. */
const most = 15;
const row = 40;

type Importance = NonNullable<SearchResult["importance"]>[number];

/** Which parameters set the best trials apart, with intervals. */
export function importanceBars({ importance = [] }: SearchResult): Html | null {
  if (importance.length < 2) return null;
  const shown = importance.slice(0, most);
  const name = (one: Importance) => one.name;
  const height = 34 + row * shown.length;
  const sizes: readonly Size[] = [
    { width: 720, height, narrow: false },
    { width: 340, height, narrow: true },
  ];
  const draw = (): Plot.PlotOptions => ({
    marginTop: 4,
    marginBottom: 38,
    marginLeft: 14,
    marginRight: 44,
    x: {
      domain: [0, Math.max(...shown.map(({ high }) => high))],
      label: "share of what sets the best tenth of the trials apart",
      labelArrow: "none",
      labelAnchor: "center",
      ticks: 5,
      tickFormat: "%",
      grid: true,
    },
    y: { domain: shown.map(name), axis: null, padding: 0.2 },
    marks: [
      Plot.barX(shown, { x: "share", y: name, fill: colour("band"), insetTop: 16 }),
      Plot.ruleY(shown, {
        x1: "low",
        x2: "high",
        y: name,
        stroke: colour("ink"),
        strokeWidth: 1.5,
        dy: 8,
      }),
      ...(["low", "high"] as const).map((end) =>
        Plot.tickX(shown, {
          x: end,
          y: name,
          stroke: colour("ink"),
          strokeWidth: 1.5,
          insetTop: 19,
          insetBottom: 3,
        }),
      ),
      Plot.text(shown, {
        text: ({ name: own, share, low, high }: Importance) =>
          `${own}  ${percent(share, 0)} (${percent(low, 0)} to ${percent(high, 0)})`,
        x: 0,
        y: name,
        textAnchor: "start",
        lineAnchor: "bottom",
        dy: -2,
        dx: 2,
        fill: colour("ink"),
      }),
      Plot.ruleX([0], { stroke: colour("muted") }),
    ],
  });
  const [first] = shown;
  const caption = html`Importance by PED-ANOVA: how far the values of a parameter among the best
  tenth of the trials differ from those among all.
  ${first !== undefined && html`Most of it, ${percent(first.share, 0)}, is ${path(first.name)}.`}
  The thin lines hold 90 of 100 resamples of the trials; where they overlap, the order is not
  certain.
  ${importance.length > most && `Shown are the first ${count(most)} of ${count(importance.length)}.`}`;
  return figure(chart("Importance of each parameter, with intervals", draw, sizes), caption);
}
