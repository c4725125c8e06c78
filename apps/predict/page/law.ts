import type { ErrorAnalysis } from "@manyfold/protocol";
import { chart, line, rangeOf } from "./chart.ts";
import { h, s, short } from "./elements.ts";

/** Why the average wins: the error of the first k members against the law. */
export function lawView(analysis: ErrorAnalysis): HTMLElement {
  const { curve, unit, on, rows, v, c, k, ensembleError, sentences } = analysis;
  const errors = curve.flatMap(({ law, measured, low, high }) => [law, measured, low, high]);
  const drawing = chart("Error against the number of members", {
    x: { name: "members k", range: [1, Math.max(2, k)] },
    y: { name: `error (${unit})`, range: rangeOf([...errors, c ?? v]) },
  });
  const law = curve.map((point) => [point.k, point.law] as const);
  drawing.svg.append(line(drawing, law, "thick"));
  for (const point of curve) {
    drawing.svg.append(
      s("circle", { class: "dot", cx: drawing.x(point.k), cy: drawing.y(point.measured), r: 3 }),
    );
  }
  if (c !== null) {
    const y = drawing.y(c);
    drawing.svg.append(
      s("line", { class: "floor", x1: drawing.x(1), x2: drawing.x(k), y1: y, y2: y }),
    );
  }
  const figures = h(
    "dl",
    {},
    ...[
      ["one member, on average (v)", short(v)],
      ["what more members cannot pass (c)", c === null ? "unknown" : short(c)],
      [`all ${k} together`, short(ensembleError)],
    ].flatMap(([name = "", value = ""]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
  return h(
    "div",
    {},
    drawing.svg,
    h(
      "p",
      { class: "legend" },
      `Line: v/k + (k-1)/k c. Dots: measured on ${rows} ${on === "test" ? "test" : "training"} rows. Dashed: c.`,
    ),
    figures,
    h("ul", {}, ...sentences.slice(0, 4).map((sentence) => h("li", {}, sentence))),
  );
}
