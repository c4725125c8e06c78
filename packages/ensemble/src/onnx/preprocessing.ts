import type { FittedColumn, Preprocessing } from "@manyfold/protocol";
import type { Builder } from "./builder.ts";

type Kind = FittedColumn["kind"];
type ColumnOf<K extends Kind> = Extract<FittedColumn, { kind: K }>;

/** How a column is encoded: one scaled number, or an input a level. */
type Encoding =
  | { readonly offset: number; readonly factor: number; readonly impute: number }
  | { readonly levels: readonly string[]; readonly impute: string };

const ENCODINGS: { readonly [K in Kind]: (column: ColumnOf<K>) => Encoding } = {
  numeric: ({ offset, factor, impute }) => ({ offset, factor, impute }),
  boolean: ({ impute }) => ({ offset: 0, factor: 1, impute: Number(impute) }),
  categorical: ({ levels, impute }) => ({ levels, impute }),
};

function encodingOf<K extends Kind>(column: ColumnOf<K>): Encoding {
  const rule: (column: ColumnOf<K>) => Encoding = ENCODINGS[column.kind as K];
  return rule(column);
}

/**
 * Writes an input per column, `[rows, 1]`: double for numbers and truths (NaN is missing), text for
 * categories (an empty one is missing), and what makes them the networks' inputs.
 *
 * @returns the name of the encoded rows `[rows, width]`, float
 */
export function writePreprocessing(b: Builder, { inputs, width }: Preprocessing): string {
  const blocks: string[] = [];
  /** For each network input, where it lies in the blocks put together. */
  const from: number[] = Array.from({ length: width }, () => 0);
  let at = 0;
  let used = 0;
  const numbers: { name: string; offset: number; factor: number; impute: number }[] = [];
  const missing: { numbers: number; to: number }[] = [];
  const later: { column: FittedColumn; levels: readonly string[]; impute: string; to: number }[] =
    [];
  for (const column of inputs) {
    const encoding = encodingOf(column);
    const { name, indicator } = column;
    const own = "levels" in encoding ? encoding.levels.length : 1;
    const text = "levels" in encoding;
    b.input({ name, type: text ? "string" : "double", shape: ["rows", 1] });
    if ("levels" in encoding) later.push({ column, ...encoding, to: at });
    else {
      from[at] = numbers.length;
      if (indicator) missing.push({ numbers: numbers.length, to: at + 1 });
      numbers.push({ name, ...encoding });
    }
    at += own + Number(indicator);
  }
  if (numbers.length > 0) {
    const row = (values: number[]) =>
      b.constant({ type: "double", shape: [1, values.length], values });
    const names = numbers.map(({ name }) => name);
    const all = b.op("Concat", names, { axis: 1 });
    const absent = b.op("IsNaN", [all]);
    const filled = b.op("Where", [absent, row(numbers.map(({ impute }) => impute)), all]);
    const centred = b.op("Sub", [filled, row(numbers.map(({ offset }) => offset))]);
    const scaled = b.op("Mul", [centred, row(numbers.map(({ factor }) => factor))]);
    blocks.push(b.cast(scaled, "float"));
    used = numbers.length;
    if (missing.length > 0) {
      blocks.push(b.cast(absent, "float"));
      for (const one of missing) from[one.to] = used + one.numbers;
      used += numbers.length;
    }
  }
  for (const { column, levels, impute, to } of later) {
    const shape = [1, levels.length];
    const empty = b.constant({ type: "string", shape: [1, 1], values: [""] });
    const known = b.constant({ type: "string", shape, values: levels });
    const values = levels.map((level) => Number(level === impute));
    const stand = b.constant({ type: "float", shape, values });
    const absent = b.op("Equal", [column.name, empty]);
    const set = b.cast(b.op("Equal", [column.name, known]), "float");
    blocks.push(b.op("Where", [absent, stand, set]));
    for (let i = 0; i < levels.length; i++) from[to + i] = used++;
    if (!column.indicator) continue;
    blocks.push(b.cast(absent, "float"));
    from[to + levels.length] = used++;
  }
  const joined = blocks.length === 1 ? blocks[0]! : b.op("Concat", blocks, { axis: 1 });
  const inOrder = used === width && from.every((place, i) => place === i);
  return inOrder ? joined : b.op("Gather", [joined, b.places(...from)], { axis: 1 });
}
