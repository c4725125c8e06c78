import * as Plot from "@observablehq/plot";
import type { ConformalScore } from "@manyfold/protocol";
import { count, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, key, small } from "../plot.ts";

const margins = { marginTop: 28, marginBottom: 44, marginLeft: 56, marginRight: 16 };

/** Coverage found, and size, over the coverage asked for. */
export function coverageCurve(curve: readonly ConformalScore[], size: string): Html {
  const on = curve[0]?.on ?? 1;
  const least = Math.min(...curve.map((row) => Math.min(row.coverage, row.achieved)));
  const domain = [Math.max(0, least - 0.05), 1];
  const band = curve.map(({ coverage }) => {
    const half = 2 * Math.sqrt((coverage * (1 - coverage)) / on);
    return { coverage, low: Math.max(0, coverage - half), high: Math.min(1, coverage + half) };
  });
  const asked = { label: "coverage asked for", labelArrow: "none", labelAnchor: "center" } as const;
  const share = { domain, ticks: 5, tickFormat: "~%" };
  const found = (): Plot.PlotOptions => ({
    ...margins,
    x: { ...share, ...asked },
    y: { ...share, label: "coverage found on test rows", labelArrow: "none", grid: true },
    marks: [
      Plot.areaY(band, {
        x: "coverage",
        y1: "low",
        y2: "high",
        fill: colour("band"),
        fillOpacity: 0.22,
      }),
      Plot.line(
        domain.map((at) => ({ at })),
        { x: "at", y: "at", stroke: colour("law"), strokeDasharray: "5 4" },
      ),
      Plot.line(curve, { x: "coverage", y: "achieved", stroke: colour("measured") }),
      Plot.dot(curve, { x: "coverage", y: "achieved", r: 3, fill: colour("measured") }),
    ],
  });
  const range = extent([0, ...curve.map((row) => row.size)]);
  const sizes = (): Plot.PlotOptions => ({
    ...margins,
    x: { ...share, ...asked },
    y: { ...axis(range, size), grid: true },
    marks: [
      Plot.line(curve, { x: "coverage", y: "size", stroke: colour("measured"), strokeWidth: 2 }),
      Plot.dot(curve, { x: "coverage", y: "size", r: 3, fill: colour("measured") }),
    ],
  });
  const last = curve.at(-1);
  return figure(
    html`<div class="panels">
      <div>${chart("Coverage found against coverage asked for", found, small)}</div>
      <div>${chart(`${size} against coverage asked for`, sizes, small)}</div>
    </div>`,
    html`On the dashed line the promise is kept to the digit; ${count(on)} test values stray from it
    as far as the band goes in 95 of 100 cases. To the right is its price: the surer, the larger.
    ${last !== undefined && `More than ${percent(last.coverage)} is not drawn.`}`,
    key([
      { mark: "dot", colour: "measured", text: "found" },
      { mark: "dashes", colour: "law", text: "as asked for" },
      { mark: "area", colour: "band", text: "chance" },
    ]),
  );
}
