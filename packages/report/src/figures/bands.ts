import * as Plot from "@observablehq/plot";
import type { ResamplingVariance } from "@manyfold/protocol";
import { count, number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, key, type Size } from "../plot.ts";
import type { Subject } from "../subject.ts";

/** Predictions in rising order with the band they would move in with other training rows. */
export function resamplingBands(found: ResamplingVariance, subject: Subject): Html {
  const { members, from, variance, noise, below } = found;
  // A probability cannot leave 0 to 1.
  const within = (value: number) =>
    subject.classification ? Math.min(1, Math.max(0, value)) : value;
  const rows = found.values
    .toSorted((a, b) => a.prediction - b.prediction)
    .map((own, at) => ({
      at: at + 1,
      ...own,
      low: within(own.prediction - 1.96 * own.error),
      high: within(own.prediction + 1.96 * own.error),
    }));
  const what = subject.classification ? "probability of its class" : subject.target;
  const range = extent(rows.flatMap(({ low, high, truth }) => [low, high, truth ?? low]));
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 56,
    marginRight: narrow ? 20 : 60,
    x: {
      label: `${count(rows.length)} rows by rising prediction`,
      labelArrow: "none",
      labelAnchor: "center",
      ticks: narrow ? 4 : 8,
    },
    y: { ...axis(range, subject.classification ? what : `predicted ${what}`), grid: true },
    marks: [
      Plot.ruleX(rows, { x: "at", y1: "low", y2: "high", stroke: colour("band"), strokeWidth: 2 }),
      Plot.line(rows, { x: "at", y: "prediction", stroke: colour("measured"), strokeWidth: 2 }),
      subject.classification
        ? null
        : Plot.dot(rows, { x: "at", y: "truth", r: 1.5, fill: colour("law") }),
    ],
  });
  const typical = Math.sqrt(Math.max(0, variance));
  return figure(
    chart("Predictions with the band that they would move in with other training rows", draw),
    html`How much does the answer owe to the very rows that were trained on? With ${count(from)}
    other rows of the same kind the bag's mean would move by ${number(typical)} (root mean square of
    the standard errors; bands are 1.96 of them wide to each side). This is not the noise of a
    single answer.
    ${
      below > 0 &&
      html`With ${count(members)} members a single band is rough: a variance strays by
      ${number(noise)} around ${number(Math.max(0, variance))} by chance, and ${percent(below, 0)}
      of the rows come out without a band; about ${count(from)} members would make them sharp.`
    }`,
    key([
      { mark: "line", colour: "measured", text: "prediction of the bag" },
      { mark: "area", colour: "band", text: "where it would lie, 95\u00a0%" },
      ...(subject.classification
        ? []
        : [{ mark: "dot", colour: "law", text: "true value" } as const]),
    ]),
  );
}
