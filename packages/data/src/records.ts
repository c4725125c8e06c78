import {
  ManyfoldError,
  nearest,
  show,
  type FittedColumn,
  type Preprocessing,
} from "@manyfold/protocol";
import {
  byCodeUnit,
  isMissing,
  place,
  printable,
  readBoolean,
  readNumber,
  requireFinite,
  type Cells,
  type Origin,
} from "./cells.ts";
import type { InputRows, RawColumn } from "./column.ts";

/** A value as one column of a fitted kind takes it; undefined where it is missing. */
type Value = number | boolean | string | undefined;

/**
 * The input columns of text cells, typed as they were in training: rows to predict. Other columns
 * (the target, ignored ones) are passed over; an empty cell, NA or null is a missing value.
 *
 * @throws ManyfoldError for an absent column, or naming the line of a cell of another type
 */
export function inputsFromCells(
  preprocessing: Preprocessing,
  cells: Omit<Cells, "hash">,
): InputRows {
  const columns = preprocessing.inputs.map((fitted) => {
    const index = cells.header.indexOf(fitted.name);
    if (index < 0) throw absent(cells.source, fitted.name, cells.header);
    return column(fitted, cells.rows.length, (row) => {
      const cell = (cells.rows[row]?.[index] ?? "").trim();
      if (isMissing(cell)) return undefined;
      if (fitted.kind === "categorical") return cell;
      const at = place(cells, row, fitted.name);
      if (fitted.kind === "numeric") return readNumber(cell, at, NUMERIC);
      return readBoolean(cell, at);
    });
  });
  return { source: cells.source, lines: cells.lines, rows: cells.rows.length, columns };
}

// A column cannot be declared anew at prediction, so the help differs from that of training.
const NUMERIC =
  "The column was numeric in training; leave the cell empty where the value is missing.";

/**
 * The input columns of JSON records (one object per row, a value per column name), typed as they
 * were in training. `null` and `undefined` values are missing, but every input has to be named;
 * names of target columns are passed over, other unknown names are errors.
 *
 * @param source what an error calls the list: `rows[3].age must be ...`
 * @throws ManyfoldError naming the row and column
 */
export function inputsFromRecords(
  preprocessing: Preprocessing,
  records: readonly unknown[],
  source = "rows",
): InputRows {
  const origin: Origin = { source };
  const targets = [preprocessing.target, ...(preprocessing.heads ?? [])];
  const names = preprocessing.inputs.map(({ name }) => name);
  const known = new Set([
    ...names,
    ...targets.flatMap((target) =>
      target.task === "classification" ? [target.column] : target.columns.map(({ name }) => name),
    ),
  ]);
  const rows = records.map((record, row) => {
    if (typeof record !== "object" || record === null || Array.isArray(record)) {
      throw new ManyfoldError({
        code: "input",
        path: `${source}[${row}]`,
        condition: "an object with a value per input column",
        got: show(record),
      });
    }
    const own = new Map<string, unknown>(Object.entries(record));
    for (const name of own.keys()) {
      if (!known.has(name)) throw unknownName(`${source}[${row}]`, name, names);
    }
    for (const name of names) {
      if (!own.has(name)) throw absent(`${source}[${row}]`, name, [...own.keys()]);
    }
    return own;
  });
  const columns = preprocessing.inputs.map((fitted) =>
    column(fitted, rows.length, (row) => {
      const value = rows[row]?.get(fitted.name);
      if (value === null || value === undefined) return undefined;
      return jsonValue(fitted, value, place(origin, row, fitted.name));
    }),
  );
  return { ...origin, rows: rows.length, columns };
}

function jsonValue(fitted: FittedColumn, value: unknown, at: string): Value {
  if (fitted.kind === "numeric") {
    if (typeof value === "number") return requireFinite(value, value, at);
  } else if (fitted.kind === "boolean") {
    if (typeof value === "boolean") return value;
    if (value === 0 || value === 1) return value === 1;
    if (typeof value === "string") return readBoolean(value.trim(), at);
  } else {
    // Whole numbers may be categories; their text is what training saw.
    if (typeof value === "string") return value.trim();
    if (typeof value === "number" || typeof value === "boolean") return String(value);
  }
  const wanted = { numeric: "a number", boolean: "true or false", categorical: "a text" };
  throw new ManyfoldError({
    code: "input",
    path: at,
    condition: `${wanted[fitted.kind]}, or null where it is missing`,
    got: show(value),
  });
}

function column(fitted: FittedColumn, rows: number, value: (row: number) => Value): RawColumn {
  const { name } = fitted;
  if (fitted.kind === "numeric") {
    const values = Float64Array.from({ length: rows }, (_, row) => Number(value(row) ?? NaN));
    return { kind: "numeric", name, values };
  }
  if (fitted.kind === "boolean") {
    const values = Int8Array.from({ length: rows }, (_, row) => Number(value(row) ?? -1));
    return { kind: "boolean", name, values };
  }
  const texts = Array.from({ length: rows }, (_, row) => value(row));
  const levels = [...new Set(texts.filter((text) => typeof text === "string"))].sort(byCodeUnit);
  const code = new Map<Value, number>(levels.map((level, i) => [level, i]));
  const values = Int32Array.from(texts, (text) => code.get(text) ?? -1);
  return { kind: "categorical", name, levels, values };
}

function absent(where: string, name: string, found: readonly string[]): ManyfoldError {
  const near = nearest(name, found);
  return new ManyfoldError({
    code: "input",
    path: where,
    condition: `given with a value for the input ${printable(name)}`,
    got: found.length === 0 ? "no columns" : `the columns ${summary(found)}`,
    help:
      near === undefined
        ? "Every input that the ensemble was trained on is needed; a missing value is an empty cell or null."
        : `Is ${printable(near)} meant for it?`,
  });
}

function unknownName(where: string, name: string, names: readonly string[]): ManyfoldError {
  const near = nearest(name, names);
  return new ManyfoldError({
    code: "input",
    path: `${where}.${name}`,
    condition: "an input of this ensemble",
    got: show(name),
    help:
      near === undefined ? `Its inputs are ${summary(names)}.` : `Did you mean ${printable(near)}?`,
  });
}

function summary(names: readonly string[]): string {
  const list = names.slice(0, 8).map(printable).join(", ");
  return names.length > 8 ? `${list}, and ${names.length - 8} more` : list;
}
