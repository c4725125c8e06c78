import * as Plot from "@observablehq/plot";
import type { Selective } from "@manyfold/protocol";
import { number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, key, type Size } from "../plot.ts";
import type { Subject } from "../subject.ts";

/** Error among the rows that are answered, over their share. */
export function riskCoverage({ points, risk, aurc, oracle }: Selective, subject: Subject): Html {
  const unit = subject.classification ? 1 : null;
  const range = extent([0, risk, ...points.map((point) => point.risk)]);
  const told = (value: number) => (unit === null ? number(value) : percent(value, 2));
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 56,
    marginRight: narrow ? 20 : 60,
    x: {
      domain: [0, 1],
      ticks: 5,
      tickFormat: "%",
      label: "rows answered, the surest first",
      labelArrow: "none",
      labelAnchor: "center",
    },
    y: {
      ...axis(
        range,
        subject.classification ? "wrong among them" : `${subject.errorAxis} among them`,
      ),
      ...(unit !== null && { tickFormat: "~%" }),
      grid: true,
    },
    marks: [
      Plot.ruleY([risk], { stroke: colour("law"), strokeDasharray: "5 4" }),
      Plot.line(points, { x: "share", y: "risk", stroke: colour("measured"), strokeWidth: 2 }),
      Plot.dot(points, { x: "share", y: "risk", r: 2, fill: colour("measured") }),
    ],
  });
  return figure(
    chart("Error among the rows answered against the share of rows answered", draw),
    html`Does the ensemble know where it errs? If it does, the line rises to the right: the rows it
    is surest of come first. The mean over all shares (AURC) is ${told(aurc)}; an order by the
    errors themselves would have ${told(oracle)}, an order by chance ${told(risk)}, the dashed line.`,
    key([
      { mark: "dot", colour: "measured", text: "error among the rows answered" },
      { mark: "dashes", colour: "law", text: "all rows answered" },
    ]),
  );
}
