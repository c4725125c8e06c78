import {
  ManyfoldError,
  type FittedColumn,
  type FittedTarget,
  type Preprocessing,
  type Scaling,
} from "@manyfold/protocol";
import { printable } from "./cells.ts";
import {
  isMissingAt,
  type BooleanColumn,
  type CategoricalColumn,
  type NumericColumn,
  type RawColumn,
} from "./column.ts";
import type { RawTable, RawTarget } from "./raw-table.ts";

/**
 * Preprocessing fitted on the given rows alone: scaling, imputation and the levels of categories
 * know nothing of other rows. Only the list of classes is that of the whole source, so that every
 * table of a run has the same outputs.
 *
 * @param rows row indices of `table`, which are the training rows
 * @param inputRows rows that inputs are fitted on, if others too have no part in any score
 */
export function fitPreprocessing(
  table: RawTable,
  rows: Uint32Array,
  scaling: Scaling,
  inputRows: Uint32Array = rows,
): Preprocessing {
  const inputs = table.columns.map((column) => fitColumn(table, column, inputRows, scaling));
  return {
    inputs,
    target: fitTarget(table.target, rows),
    ...(table.heads.length > 0 && { heads: table.heads.map((head) => fitTarget(head, rows)) }),
    width: inputs.reduce((sum, column) => sum + widthOf(column), 0),
  };
}

/** Number of network inputs that a column becomes. */
export function widthOf(column: FittedColumn): number {
  const values = column.kind === "categorical" ? column.levels.length : 1;
  return values + (column.indicator ? 1 : 0);
}

function fitColumn(
  table: RawTable,
  column: RawColumn,
  rows: Uint32Array,
  scaling: Scaling,
): FittedColumn {
  const present = rows.filter((row) => !isMissingAt(column, row));
  const indicator = present.length < rows.length;
  if (column.kind === "numeric") {
    return { ...fitNumeric(table.source, column, present, scaling), indicator };
  }
  if (column.kind === "boolean") return { ...fitBoolean(column, present), indicator };
  return { ...fitCategorical(column, present), indicator };
}

function fitNumeric(
  source: string,
  { name, values }: NumericColumn,
  present: Uint32Array,
  scaling: Scaling,
) {
  const { mean, deviation, min, max } = moments(values, present);
  // An empty column (all its values are in other rows) and a constant one carry no information.
  const constant = present.length === 0 || min === max;
  const offset = { standard: mean, minmax: min, none: 0 }[scaling];
  const factor = { standard: 1 / deviation, minmax: 1 / (max - min), none: 1 }[scaling];
  if (!constant && !(Number.isFinite(deviation) && Number.isFinite(max - min))) {
    throw new ManyfoldError({
      code: "input",
      path: `${source} column ${printable(name)}`,
      condition: "of numbers whose spread a double can hold",
      got: `values from ${min} to ${max}`,
      help: "Give it in other units, or take its logarithm.",
    });
  }
  return {
    kind: "numeric" as const,
    name,
    offset: constant ? min : offset,
    factor: constant || !Number.isFinite(factor) ? 0 : factor,
    impute: mean,
    min,
    max,
  };
}

/**
 * Mean, population deviation and range of the chosen values, summed in the order of `rows`; the
 * mean by two passes, the second taking the first one's rounding back. All 0 for no rows.
 */
function moments(values: Float64Array, rows: Uint32Array) {
  if (rows.length === 0) return { mean: 0, deviation: 0, min: 0, max: 0 };
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  for (const row of rows) {
    const value = values[row]!;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  let mean = sum / rows.length;
  let rest = 0;
  for (const row of rows) rest += values[row]! - mean;
  mean += rest / rows.length;
  let squares = 0;
  for (const row of rows) {
    const centred = values[row]! - mean;
    squares += centred * centred;
  }
  return { mean, deviation: Math.sqrt(squares / rows.length), min, max };
}

function fitBoolean({ name, values }: BooleanColumn, present: Uint32Array) {
  let trues = 0;
  for (const row of present) trues += values[row]!;
  return { kind: "boolean" as const, name, impute: 2 * trues > present.length };
}

function fitCategorical({ name, levels, values }: CategoricalColumn, present: Uint32Array) {
  const counts = new Uint32Array(levels.length);
  for (const row of present) counts[values[row]!]!++;
  let most = 0;
  let impute = "";
  for (const [code, level] of levels.entries()) {
    const count = counts[code]!;
    if (count > most) {
      most = count;
      impute = level;
    }
  }
  const seen = levels.filter((_, code) => counts[code]! > 0);
  return { kind: "categorical" as const, name, levels: seen, impute };
}

function fitTarget(target: RawTarget, rows: Uint32Array): FittedTarget {
  if (target.task === "classification") {
    return { task: "classification", column: target.column, classes: [...target.classes] };
  }
  return {
    task: "regression",
    columns: target.columns.map(({ name, values }) => {
      const { mean, deviation } = moments(values, rows);
      // A fold may hold one value only; there is then nothing to scale by.
      return { name, offset: mean, scale: deviation > 0 ? deviation : 1 };
    }),
  };
}
