import type { Origin } from "./cells.ts";

/** Numbers; NaN where the value is missing. */
export interface NumericColumn {
  readonly kind: "numeric";
  readonly name: string;
  readonly values: Float64Array;
}

/** 1 true, 0 false, -1 missing. */
export interface BooleanColumn {
  readonly kind: "boolean";
  readonly name: string;
  readonly values: Int8Array;
}

/** Indices into `levels`, which are sorted by code unit; -1 missing. */
export interface CategoricalColumn {
  readonly kind: "categorical";
  readonly name: string;
  readonly levels: readonly string[];
  readonly values: Int32Array;
}

/** A typed column of a source, before anything is fitted. */
export type RawColumn = NumericColumn | BooleanColumn | CategoricalColumn;

/** Typed input columns of some rows, wherever these came from. */
export interface InputRows extends Origin {
  readonly rows: number;
  readonly columns: readonly RawColumn[];
}

/** Whether a column's value in a row is missing. */
export function isMissingAt(column: RawColumn, row: number): boolean {
  const value = column.values[row] as number;
  return column.kind === "numeric" ? Number.isNaN(value) : value < 0;
}
