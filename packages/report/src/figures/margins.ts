import * as Plot from "@observablehq/plot";
import type { Observatory } from "@manyfold/protocol";
import { count, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { chart, colour, figure, type Size } from "../plot.ts";

type Margins = NonNullable<Observatory["margins"]>;

/** Histogram of how far the true class is ahead. */
export function marginHistogram(bins: Margins): Html {
  const rows = bins.reduce((sum, bin) => sum + bin.rows, 0);
  const behind = bins.filter(({ high }) => high <= 0).reduce((sum, bin) => sum + bin.rows, 0);
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 56,
    marginRight: narrow ? 20 : 60,
    x: {
      domain: [-1, 1],
      ticks: 5,
      label: "margin: probability of the true class less the largest other",
      labelArrow: "none",
      labelAnchor: "center",
    },
    y: { label: "rows", labelArrow: "none", ticks: 5, grid: true },
    marks: [
      Plot.rectY(bins, {
        x1: "low",
        x2: "high",
        y: "rows",
        fill: ({ high }: Margins[number]) => colour(high <= 0 ? "law" : "measured"),
        inset: 1,
      }),
      Plot.ruleX([0], { stroke: colour("ink") }),
    ],
  });
  return figure(
    chart(`Histogram of the margins of ${count(rows)} rows`, draw),
    html`How safe are the answers? To the right of 0 the true class is ahead;
    ${percent(behind / rows)} of ${count(rows)} rows lie to the left of it and are taken for another
    class.`,
  );
}
