import * as Plot from "@observablehq/plot";
import type { RunResult } from "@manyfold/protocol";
import { mean, quantile, sampleCorrelation } from "simple-statistics";
import { count, counted, number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, type Size } from "../plot.ts";

type Residual = NonNullable<RunResult["residuals"]>[number];

/** Dots drawn at most; a larger set is thinned evenly. */
const most = 1200;

/** Residuals against predictions, and their size against the members' spread. */
export function residualPlots(
  all: readonly Residual[],
  target: string,
  ensemble: boolean,
): Html | null {
  if (all.length === 0) return null;
  const step = Math.ceil(all.length / most);
  const drawn = all.filter((_, index) => index % step === 0);
  const dots = { r: drawn.length > 400 ? 1.5 : 2.5, fill: colour("measured"), fillOpacity: 0.55 };
  const rms = Math.sqrt(mean(all.map(({ residual }) => residual ** 2)));
  const bias = mean(all.map(({ residual }) => residual));
  const margins = { marginTop: 28, marginBottom: 44, marginLeft: 60 };

  const residualRange = extent([...drawn.map(({ residual }) => residual), rms, -rms]);
  const against = ({ narrow }: Size): Plot.PlotOptions => ({
    ...margins,
    marginRight: 60,
    x: {
      label: `predicted ${target}`,
      labelArrow: "none",
      labelAnchor: "center",
      ticks: narrow ? 5 : 9,
    },
    y: { ...axis(residualRange, `residual: true ${target} less predicted`), grid: true },
    marks: [
      Plot.ruleY([0], { stroke: colour("ink") }),
      Plot.ruleY([rms, -rms], { stroke: colour("law"), strokeDasharray: "5 4" }),
      Plot.dot(drawn, { x: "predicted", y: "residual", ...dots }),
      ...([rms, -rms] as const).map((at) =>
        Plot.text([at], {
          y: [at],
          text: () => (at > 0 ? "+ RMSE" : "\u2212 RMSE"),
          frameAnchor: "right",
          textAnchor: "start",
          dx: 5,
          fill: colour("law"),
        }),
      ),
    ],
  });

  const sizes = drawn.map(({ residual, spread }) => ({ size: Math.abs(residual), spread }));
  const limit = Math.max(...sizes.map(({ spread }) => spread), 1e-300);
  const sizeRange = extent(sizes.map(({ size }) => size));
  const bySpread = ({ narrow }: Size): Plot.PlotOptions => ({
    ...margins,
    marginRight: 60,
    x: {
      label: `spread of the members (standard deviation) of ${target}`,
      labelArrow: "none",
      labelAnchor: "center",
      ticks: narrow ? 5 : 9,
    },
    y: { ...axis({ ...sizeRange, low: 0 }, `size of the residual`), grid: true },
    marks: [
      Plot.line(
        [0, Math.min(limit, sizeRange.high)].map((at) => ({ at })),
        { x: "at", y: "at", stroke: colour("law"), strokeDasharray: "5 4" },
      ),
      Plot.text([Math.min(limit, sizeRange.high)], {
        x: (d: number) => d,
        y: (d: number) => d,
        text: () => "equal",
        textAnchor: "start",
        dx: 5,
        fill: colour("law"),
      }),
      Plot.dot(sizes, { x: "spread", y: "size", ...dots }),
    ],
  });

  const within = all.filter(({ residual }) => Math.abs(residual) <= rms).length / all.length;
  const first = figure(
    chart(`Residuals against predicted values, ${counted(all.length, "value")}`, against),
    html`Each dot is one value. Residuals average ${number(bias)}; ${percent(within, 0)} lie within
    one RMSE (${number(rms)}) of 0. A bend or a funnel would show what the networks miss.
    ${step > 1 && `Drawn is every ${count(step)}th of ${counted(all.length, "value")}.`}`,
  );
  if (!ensemble || !all.some(({ spread }) => spread > 0)) return first;
  const r = sampleCorrelation(
    all.map(({ spread }) => spread),
    all.map(({ residual }) => Math.abs(residual)),
  );
  const middle = quantile(
    all.map(({ spread }) => spread),
    0.5,
  );
  const above =
    all.filter(({ residual, spread }) => Math.abs(residual) > spread).length / all.length;
  const second = figure(
    chart("Size of the residual against the spread of the members", bySpread),
    html`Does disagreement warn of error? The correlation of spread and residual size is
    ${number(r, 2)}. The median spread is ${number(middle)}, the RMSE ${number(rms)}: spread tells
    how unsure the members are of the mean, not how noisy the target is, and ${percent(above, 0)} of
    the dots lie above the line.`,
  );
  return html`${first}${second}`;
}
