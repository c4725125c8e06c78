import * as Plot from "@observablehq/plot";
import type { ErrorAnalysis, ErrorCurvePoint } from "@manyfold/protocol";
import { count, number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, key, lineLabels, type Size } from "../plot.ts";

/** More points than this add bytes, not sight. */
const most = 300;

/** All of a short curve; of a long one, points at growing distances, both ends included. */
function thinned(curve: readonly ErrorCurvePoint[]): readonly ErrorCurvePoint[] {
  if (curve.length <= most) return curve;
  const ratio = Math.log(curve.length) / (most - 1);
  const at = Array.from({ length: most }, (_, i) => Math.round(Math.exp(ratio * i)) - 1);
  return [...new Set(at)].flatMap((index) => curve[Math.min(index, curve.length - 1)] ?? []);
}

/** Error of the average of k members: measured, the law's line, its floor, other orders. */
export function errorCurve(analysis: ErrorAnalysis, error: string): Html | null {
  const { floor, v, k } = analysis;
  const last = analysis.curve.at(-1);
  if (analysis.curve.length < 2 || last === undefined || floor === null) return null;
  const points = thinned(analysis.curve);
  const range = extent([...points.flatMap((p) => [p.measured, p.law, p.low, p.high]), floor]);
  const log = k > 100;

  const draw = ({ narrow, height }: Size): Plot.PlotOptions => {
    const [marginTop, marginBottom] = [28, 44];
    const ends = [
      { at: last.measured, text: narrow ? "measured" : "measured = law", colour: "measured" },
      { at: floor, text: `floor c`, colour: "floor" },
    ] as const;
    return {
      marginTop,
      marginBottom,
      marginLeft: 56,
      marginRight: narrow ? 66 : 112,
      x: {
        ...(log && { type: "log" }),
        label: "members averaged, k",
        labelArrow: "none",
        ...(log ? { ticks: narrow ? 4 : 8, tickFormat: ",d" } : { ticks: narrow ? 5 : 9 }),
        labelAnchor: "center",
      },
      y: { ...axis(range, `error: ${error}`), grid: true },
      marks: [
        Plot.areaY(points, {
          x: "k",
          y1: "low",
          y2: "high",
          fill: colour("band"),
          fillOpacity: 0.22,
        }),
        Plot.ruleY([floor], { stroke: colour("floor"), strokeWidth: 1.5, strokeDasharray: "2 4" }),
        Plot.line(points, {
          x: "k",
          y: "law",
          stroke: colour("law"),
          strokeWidth: 2,
          strokeDasharray: "7 4",
        }),
        Plot.line(points, { x: "k", y: "measured", stroke: colour("measured"), strokeWidth: 1 }),
        k <= 128
          ? Plot.dot(points, { x: "k", y: "measured", r: k > 48 ? 2 : 3, fill: colour("measured") })
          : null,
        ...lineLabels(ends, range, height - marginTop - marginBottom),
      ],
    };
  };

  const gone = (v - last.measured) / (v - floor);
  const caption = html`One member alone has an error of ${number(v)} on average; the average of
  ${count(k)} has ${number(last.measured)}. The dashed line is the law with this run's v and c. It
  falls towards c = ${number(floor)}, what the members' errors share, which no further member of
  this kind removes; ${v > floor && html`${percent(gone, 0)} of the way there is gone.`} Dots
  average the first k members by number; the band holds the middle 90${"\u00a0"}% of random orders.
  At k = ${count(k)} all orders are one, and the law is exact.
  ${range.low !== 0 && "The error axis does not start at 0."}`;
  return figure(
    chart(
      `Error against the number of members averaged, 1 to ${count(k)}: measured, law and floor`,
      draw,
    ),
    caption,
    key([
      { mark: "dot", colour: "measured", text: "measured, in member order" },
      { mark: "dashes", colour: "law", text: "law: v/k + (k \u2212 1)/k \u00b7 c" },
      { mark: "dots", colour: "floor", text: "floor c" },
      { mark: "area", colour: "band", text: "5 to 95\u00a0% of random orders" },
    ]),
  );
}
