import * as Plot from "@observablehq/plot";
import type { ClassCalibration, GaussianCalibration } from "@manyfold/protocol";
import { count, number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { chart, colour, figure, type Size } from "../plot.ts";

const share = { domain: [0, 1], ticks: 5, labelArrow: "none" } as const;
const margins = { marginTop: 28, marginBottom: 44, marginLeft: 56 };

/** Reliability diagram: how often the most probable class is right, against how sure it is. */
export function reliability({ bins, ece, mce, brier }: ClassCalibration): Html {
  const rows = bins.reduce((sum, bin) => sum + bin.rows, 0);
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    ...margins,
    marginRight: narrow ? 20 : 60,
    x: { ...share, label: "probability of the most probable class", labelAnchor: "center" },
    y: { ...share, label: "share of rows where it is right", grid: true },
    marks: [
      Plot.line(
        [0, 1].map((at) => ({ at })),
        { x: "at", y: "at", stroke: colour("law"), strokeDasharray: "5 4" },
      ),
      Plot.line(bins, { x: "confidence", y: "accuracy", stroke: colour("measured") }),
      Plot.dot(bins, {
        x: "confidence",
        y: "accuracy",
        // Area in proportion to rows; a bin of one row can still be seen.
        r: ({ rows: own }: { rows: number }) => 2 + 9 * Math.sqrt(own / rows),
        fill: colour("measured"),
        fillOpacity: 0.6,
      }),
    ],
  });
  return figure(
    chart("Share of right answers against the probability given, by bins", draw),
    html`Are probabilities to be taken at their word? On the dashed line they are; below it the
    ensemble is too sure, above it not sure enough. Over ${count(rows)} rows the gap is
    ${percent(ece.equalWidth)} on average (ECE; ${percent(ece.equalMass)} with bins of equal mass)
    and ${percent(mce)} at most. Brier score ${number(brier.score)} = reliability
    ${number(brier.reliability)} − resolution ${number(brier.resolution)} + uncertainty
    ${number(brier.uncertainty)} (${number(brier.withinBins, 2)} within bins).`,
  );
}

/** Histogram of the probability integral transform. */
export function pit({ pit: tenths, coverage, crps }: GaussianCalibration, target: string): Html {
  const values = tenths.reduce((sum, own) => sum + own, 0);
  const bars = tenths.map((own, index) => ({
    from: index / tenths.length,
    to: (index + 1) / tenths.length,
    share: own / values,
  }));
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    ...margins,
    marginRight: narrow ? 20 : 60,
    x: {
      ...share,
      label: `place of the true ${target} in its predicted distribution`,
      labelAnchor: "center",
    },
    y: { label: "share of values", labelArrow: "none", ticks: 5, grid: true },
    marks: [
      Plot.rectY(bars, { x1: "from", x2: "to", y: "share", fill: colour("measured"), inset: 1 }),
      Plot.ruleY([1 / tenths.length], { stroke: colour("law"), strokeDasharray: "5 4" }),
    ],
  });
  const levels = coverage.map(
    ({ level, share: own }, index) =>
      html`${index > 0 && ", "}${percent(level, 0)}: ${percent(own, 0)}`,
  );
  return figure(
    chart("Histogram of where true values lie within their predicted distributions", draw),
    html`Is the predicted width right? Level bars mean yes, a hump in the middle too wide, high ends
    too narrow. Share of ${count(values)} values within the central interval of each level:
    ${levels}. Mean continuous ranked probability score (CRPS): ${number(crps)}, in target units.`,
  );
}
