import * as Plot from "@observablehq/plot";
import type { ErrorAnalysis } from "@manyfold/protocol";
import { number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { chart, colour, figure, flat, type Size } from "../plot.ts";

/** Mean member error, less what averaging removes, is the ensemble's error. */
export function ambiguityBars(analysis: ErrorAnalysis, error: string): Html | null {
  if (analysis.k < 2) return null;
  const { ambiguity: split, ensembleError } = analysis;
  const bars = [
    {
      name: "mean member",
      from: 0,
      to: split.meanMemberError,
      value: split.meanMemberError,
      fill: "muted",
    },
    {
      name: "\u2212 ambiguity",
      from: ensembleError,
      to: split.meanMemberError,
      value: split.ambiguity,
      fill: "best",
    },
    { name: "= ensemble", from: 0, to: ensembleError, value: ensembleError, fill: "measured" },
  ] as const;
  type Bar = (typeof bars)[number];

  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 4,
    marginLeft: 100,
    marginRight: 60,
    marginBottom: 40,
    x: {
      label: `error: ${error}`,
      labelArrow: "none",
      labelAnchor: "center",
      ticks: narrow ? 3 : 8,
      domain: [0, split.meanMemberError || 1],
    },
    y: { domain: bars.map(({ name }) => name), label: null, tickSize: 0 },
    marks: [
      Plot.barX(bars, {
        x1: "from",
        x2: "to",
        y: "name",
        fill: (bar: Bar) => colour(bar.fill),
        insetTop: 3,
        insetBottom: 3,
      }),
      Plot.text(bars, {
        x: "to",
        y: "name",
        text: (bar: Bar) => number(bar.value),
        dx: 6,
        textAnchor: "start",
      }),
    ],
  });

  const caption = html`The ensemble's error is the mean member's error less the ambiguity: how far,
  in the mean square, members lie from their own average (Krogh and Vedelsby 1995). Disagreement
  removes ${percent(split.ambiguity / split.meanMemberError, 0)} of the mean member's error here.`;
  return figure(
    chart("Mean member error less ambiguity gives the ensemble error", draw, flat),
    caption,
  );
}
