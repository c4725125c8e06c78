import { ManyfoldError, show, type FittedColumn, type Preprocessing } from "@manyfold/protocol";
import { place } from "./cells.ts";
import { isMissingAt, type InputRows, type RawColumn } from "./column.ts";
import type { RawTarget } from "./raw-table.ts";
import { widthOf } from "./preprocessing.ts";

/**
 * Network inputs of the given rows, `[rows, width]`. Every value is computed in float64 from its own
 * cell alone and rounded once, so that training, command line, server and browser agree to the bit.
 *
 * @param rows row indices of `input`; all of them by default
 * @throws ManyfoldError where a scaled value is beyond what float32 can hold
 */
export function encodeRows(
  preprocessing: Preprocessing,
  input: InputRows,
  rows?: Uint32Array,
): Float32Array {
  const count = rows?.length ?? input.rows;
  const { width } = preprocessing;
  const out = new Float32Array(count * width);
  const byName = new Map(input.columns.map((column) => [column.name, column]));
  let at = 0;
  for (const fitted of preprocessing.inputs) {
    const column = byName.get(fitted.name);
    if (column?.kind !== fitted.kind) {
      throw new ManyfoldError({
        code: "input",
        path: `${input.source} column ${fitted.name}`,
        condition: `a ${fitted.kind} column`,
        got: column?.kind ?? "no such column",
      });
    }
    const write = encoder(fitted, column, out);
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const to = i * width + at;
      write(row, to);
      if (!Number.isFinite(out[to])) {
        throw new ManyfoldError({
          code: "input",
          path: place(input, row, fitted.name),
          condition: "a number that float32 can hold once scaled",
          got: show(column.values[row]),
          help: "Its size is beyond 3e38: give the column in other units.",
        });
      }
    }
    at += widthOf(fitted);
  }
  return out;
}

/** Writes one row's values of one column from `to` on; `out` is zero before. */
function encoder(
  fitted: FittedColumn,
  column: RawColumn,
  out: Float32Array,
): (row: number, to: number) => void {
  if (fitted.kind === "numeric") {
    const write = cellEncoder.numeric(fitted);
    return (row, to) => write(column.values[row]!, out, to);
  }
  if (fitted.kind === "boolean") {
    const write = cellEncoder.boolean(fitted);
    return (row, to) => write(column.values[row]!, out, to);
  }
  // From the column's own level numbers to the fitted ones; a level unknown in training sets nothing.
  const levels = column.kind === "categorical" ? column.levels : [];
  const position = new Map(fitted.levels.map((level, i) => [level, i]));
  const target = Int32Array.from(levels, (level) => position.get(level) ?? -1);
  const write = cellEncoder.categorical(fitted);
  return (row, to) =>
    write(isMissingAt(column, row) ? null : target[column.values[row]!]!, out, to);
}

type Of<K extends FittedColumn["kind"]> = Extract<FittedColumn, { kind: K }>;
type Write<Value> = (value: Value, out: Float32Array, to: number) => void;

/** How one cell becomes inputs, written from `to` on; `out` is zero before. */
export const cellEncoder = {
  /** A number; NaN is missing. */
  numeric: ({ offset, factor, impute, indicator }: Of<"numeric">): Write<number> => {
    return (value, out, to) => {
      const missing = Number.isNaN(value);
      out[to] = ((missing ? impute : value) - offset) * factor;
      if (missing && indicator) out[to + 1] = 1;
    };
  },
  /** 1 true, 0 false, -1 missing. */
  boolean: ({ impute, indicator }: Of<"boolean">): Write<number> => {
    return (value, out, to) => {
      const missing = value < 0;
      out[to] = missing ? Number(impute) : value;
      if (missing && indicator) out[to + 1] = 1;
    };
  },
  /** Position among the fitted levels; -1 is none of them, null is missing. */
  categorical: (fitted: Of<"categorical">): Write<number | null> => {
    const last = widthOf(fitted) - 1;
    const impute = fitted.levels.indexOf(fitted.impute);
    return (position, out, to) => {
      const level = position ?? impute;
      if (level >= 0) out[to + level] = 1;
      if (position === null && fitted.indicator) out[to + last] = 1;
    };
  },
};

/**
 * Targets of the given rows, `[rows, targets]`: a class index, or values in scaled units, computed
 * in float64 and rounded once; 0 for a row without a target.
 */
export function encodeTargets(
  { target: fitted }: Pick<Preprocessing, "target">,
  target: RawTarget,
  rows: Uint32Array,
): Float32Array {
  if (target.task === "classification") {
    return Float32Array.from(rows, (row) => Math.max(0, target.codes[row]!));
  }
  const columns = fitted.task === "regression" ? fitted.columns : [];
  const out = new Float32Array(rows.length * columns.length);
  for (const [j, { offset, scale }] of columns.entries()) {
    const values = target.columns[j]!.values;
    for (let i = 0; i < rows.length; i++) {
      const value = values[rows[i]!]!;
      out[i * columns.length + j] = Number.isNaN(value) ? 0 : (value - offset) / scale;
    }
  }
  return out;
}

/** Targets of the model's further heads, `[rows, heads]`, as {@link encodeTargets} gives each. */
export function encodeHeads(
  { heads = [] }: Preprocessing,
  targets: readonly RawTarget[],
  rows: Uint32Array,
): Float32Array {
  const out = new Float32Array(rows.length * heads.length);
  for (const [head, target] of heads.entries()) {
    const own = encodeTargets({ target }, targets[head]!, rows);
    for (let i = 0; i < rows.length; i++) out[i * heads.length + head] = own[i]!;
  }
  return out;
}
