import { outputNames, type Prediction } from "@manyfold/ensemble";
import type { Preprocessing } from "@manyfold/protocol";
import { chart, line, rangeOf } from "./chart.ts";
import { h, s } from "./elements.ts";
import type { Row } from "./form.ts";

const POINTS = 41;

/** The prediction as one input runs over its training values while the others stay. */
export function whatIf(preprocessing: Preprocessing, predict: (rows: Row[]) => Prediction) {
  const numeric = preprocessing.inputs.filter((one) => one.kind === "numeric");
  const names = outputNames(preprocessing.target);
  const select = h("select", { "aria-label": "input to vary" });
  for (const { name } of numeric) select.append(h("option", {}, name));
  const place = h("div", {});
  let row: Row = {};
  let chosen = false;

  /** Starts with the input that moves the prediction of this row most. */
  const choose = () => {
    chosen = true;
    const ends = numeric.flatMap(({ name, min, max }) =>
      [min, max].map((end) => ({ ...row, [name]: end })),
    );
    const { values, outputs } = predict(ends);
    const moves = numeric.map((_, i) => {
      let most = 0;
      for (let at = 0; at < outputs; at++) {
        const low = values[2 * i * outputs + at] ?? 0;
        most = Math.max(most, Math.abs((values[(2 * i + 1) * outputs + at] ?? 0) - low));
      }
      return most;
    });
    select.selectedIndex = moves.indexOf(Math.max(...moves));
  };

  const draw = () => {
    const column = numeric.find(({ name }) => name === select.value);
    if (column === undefined) return;
    const { min, max, name } = column;
    const xs = Array.from(
      { length: POINTS },
      (_, i) => min + ((max - min || 1) * i) / (POINTS - 1),
    );
    const prediction = predict(xs.map((x) => ({ ...row, [name]: x })));
    const here = predict([row]);
    const { outputs, values } = prediction;
    const at = here.labels?.[0] ?? 0;
    const classes = here.labels !== null;
    const curve = (all: Float64Array) => xs.map((x, i) => [x, all[i * outputs + at] ?? 0] as const);
    const members = prediction.members.members.map(({ values: own }) => curve(own));
    const range: [number, number] = classes ? [0, 1] : rangeOf(members.flat().map(([, y]) => y));
    const said = names[at] ?? "";
    const drawing = chart(`${said} against ${name}`, {
      x: { name, range: [min, max === min ? min + 1 : max] },
      y: { name: classes ? `probability of ${said}` : said, range },
    });
    for (const points of members) drawing.svg.append(line(drawing, points, "thin"));
    drawing.svg.append(line(drawing, curve(values), "thick"));
    const now = row[name];
    if (typeof now === "number") {
      const x = drawing.x(Math.min(max, Math.max(min, now)));
      drawing.svg.append(
        s("line", { class: "now", x1: x, x2: x, y1: drawing.y(range[0]), y2: drawing.y(range[1]) }),
      );
    }
    place.replaceChildren(drawing.svg);
  };
  select.addEventListener("input", draw);
  return {
    element: h("div", {}, h("label", {}, "Vary ", select), place),
    any: numeric.length > 0,
    show: (next: Row) => {
      row = next;
      if (!chosen) choose();
      draw();
    },
  };
}
