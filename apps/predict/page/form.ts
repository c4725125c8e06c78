import type { FittedColumn, Preprocessing } from "@manyfold/protocol";
import { h, short } from "./elements.ts";

/** A row as it is predicted; null is a missing value. */
export type Row = Record<string, number | boolean | string | null>;

type Kind = FittedColumn["kind"];
type ColumnOf<K extends Kind> = Extract<FittedColumn, { kind: K }>;

interface Field {
  readonly element: HTMLElement;
  show(value: Row[string]): void;
}

type Change = (value: Row[string]) => void;

/** Steps of a slider over the training values. */
const STEPS = 200;

const FIELDS: { readonly [K in Kind]: (column: ColumnOf<K>, change: Change) => Field } = {
  numeric: ({ name, min, max, impute }, change) => {
    const whole = [min, max].every(Number.isInteger) && max - min >= 4 && max - min <= STEPS;
    const step = whole ? 1 : (max - min || 1) / STEPS;
    const slider = h("input", { type: "range", min, max, step, "aria-label": name });
    const box = h("input", { type: "number", step: "any", "aria-label": `${name}, exactly` });
    slider.addEventListener("input", () => {
      box.value = String(Number(Number(slider.value).toPrecision(6)));
      change(Number(box.value));
    });
    box.addEventListener("input", () => {
      const value = box.value === "" ? null : box.valueAsNumber;
      slider.value = String(value ?? impute);
      change(value);
    });
    return {
      element: h(
        "div",
        { class: "field" },
        h("label", {}, name),
        slider,
        box,
        h("small", {}, `${short(min)} to ${short(max)} in training; empty is missing`),
      ),
      show: (value) => {
        box.value = value === null ? "" : String(value);
        slider.value = String(value ?? impute);
      },
    };
  },
  boolean: ({ name }, change) =>
    choice(
      name,
      ["yes", "no"],
      (text) => change(text === null ? null : text === "yes"),
      (value) => (value === true ? "yes" : "no"),
    ),
  categorical: ({ name, levels }, change) => choice(name, levels, change, String),
};

function choice(
  name: string,
  options: readonly string[],
  change: (text: string | null) => void,
  textOf: (value: Row[string]) => string,
): Field {
  const missing = "\u2014 missing";
  const select = h("select", { "aria-label": name });
  for (const text of [...options, missing]) select.append(h("option", {}, text));
  select.addEventListener("input", () => change(select.value === missing ? null : select.value));
  return {
    element: h("div", { class: "field" }, h("label", {}, name), select),
    show: (value) => (select.value = value === null ? missing : textOf(value)),
  };
}

function fieldOf<K extends Kind>(column: ColumnOf<K>, change: Change): Field {
  const make: (column: ColumnOf<K>, change: Change) => Field = FIELDS[column.kind as K];
  return make(column, change);
}

/** What stands in for every missing value in training: a row like the average one. */
export function typicalRow({ inputs }: Preprocessing): Row {
  return Object.fromEntries(
    inputs.map((column) => [
      column.name,
      column.kind === "numeric" ? Number(column.impute.toPrecision(4)) : column.impute,
    ]),
  );
}

/** A field per input, with the range that training saw. */
export function form(preprocessing: Preprocessing, changed: (row: Row) => void) {
  let row = typicalRow(preprocessing);
  const fields = preprocessing.inputs.map((column) => ({
    name: column.name,
    field: fieldOf(column, (value) => {
      row = { ...row, [column.name]: value };
      changed(row);
    }),
  }));
  const show = (next: Row) => {
    row = { ...next };
    for (const { name, field } of fields) field.show(row[name] ?? null);
  };
  show(row);
  return {
    element: h("div", { class: "fields" }, ...fields.map(({ field }) => field.element)),
    show,
  };
}
