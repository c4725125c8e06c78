import {
  ManyfoldError,
  nearest,
  show,
  type ColumnKind,
  type DataSpec,
  type Hash,
  type SideHead,
} from "@manyfold/protocol";
import {
  byCodeUnit,
  isMissing,
  looksBoolean,
  looksNumeric,
  place,
  printable,
  readBoolean,
  readNumber,
  type Cells,
} from "./cells.ts";
import type { InputRows, RawColumn } from "./column.ts";

/** What is to be predicted, before anything is fitted. */
export type RawTarget =
  | {
      readonly task: "classification";
      readonly column: string;
      /** Labels: whole numbers in numeric order, texts by code unit. */
      readonly classes: readonly string[];
      /** Class index per row; -1 where there is none. */
      readonly codes: Int32Array;
    }
  | {
      readonly task: "regression";
      /** NaN where there is none. */
      readonly columns: readonly { readonly name: string; readonly values: Float64Array }[];
    };

/** Typed columns of a whole source: inputs, target, and what the split goes by. */
export interface RawTable extends InputRows {
  readonly lines: ArrayLike<number>;
  readonly hash: Hash;
  readonly target: RawTarget;
  /** The targets of the model's further heads. */
  readonly heads: readonly RawTarget[];
  /** Rows that have a target; those without one are kept only where the settings say so. */
  readonly labelled: Uint32Array;
  /** Group number per row, where the split goes by groups. */
  readonly groups: Int32Array | undefined;
  /** Columns that are no inputs though they might be: declared so, or the groups. */
  readonly ignored: readonly string[];
}

/**
 * Types the cells of a source.
 *
 * A column's kind is the declared one, or inferred from its cells, missing ones (empty, NA, null)
 * left aside: `boolean` where all are true, false, yes or no; `numeric` where more than half read
 * as numbers (so that one odd text is an error and does not silently turn a measurement into
 * hundreds of categories); `categorical` otherwise. Whole numbers are numeric. NaN and infinity in
 * a numeric column are errors, not missing values. The group column is no input.
 *
 * @param heads the model's further heads, whose targets are columns too
 * @throws ManyfoldError naming the line and column, or the setting, that is wrong
 */
export function rawTable(cells: Cells, spec: DataSpec, heads: readonly SideHead[] = []): RawTable {
  const own = typeof spec.target === "string" ? [spec.target] : spec.target;
  checkNames(cells, spec, own);
  checkHeads(cells, spec, own, heads);
  const targets = [...own, ...heads.map(({ target }) => target)];
  const group = spec.split?.group;
  const ignored: string[] = [];
  const columns: RawColumn[] = [];
  for (const [index, name] of cells.header.entries()) {
    if (targets.includes(name)) continue;
    const declared = spec.columns[name];
    if (declared === "ignore" || name === group) {
      ignored.push(name);
      continue;
    }
    const kind = declared ?? inferKind(cells, index);
    const column = typedColumn(cells, index, kind);
    if (spec.missing === "error") requirePresent(cells, index, "given in every row");
    columns.push(column);
  }
  if (columns.length === 0) {
    throw new ManyfoldError({
      code: "input",
      path: cells.source,
      condition: "a table with at least one input column besides the target",
      got: `the columns ${cells.header.map(printable).join(", ")}`,
      help: "Add columns, or take some out of data.columns where they are ignored.",
    });
  }
  const labelled = labelledRows(cells, spec, targets);
  return {
    source: cells.source,
    lines: cells.lines,
    hash: cells.hash,
    rows: cells.rows.length,
    columns,
    target: readTarget(cells, spec, own, labelled),
    heads: heads.map(({ target, task }) =>
      readTarget(cells, { ...spec, task }, [target], labelled),
    ),
    labelled,
    groups: group === undefined ? undefined : groupCodes(cells, cells.header.indexOf(group)),
    ignored,
  };
}

function requireColumn(cells: Cells, name: string, path: string): void {
  if (cells.header.includes(name)) return;
  const near = nearest(name, cells.header);
  const list = cells.header.slice(0, 12).map(printable).join(", ");
  const more = cells.header.length > 12 ? `, and ${cells.header.length - 12} more` : "";
  throw new ManyfoldError({
    code: "config",
    path,
    condition: `a column of ${cells.source}`,
    got: show(name),
    help: `${near === undefined ? "" : `Did you mean ${printable(near)}? `}Its columns are ${list}${more}.`,
  });
}

/** The targets of further heads: columns, each with one use. */
function checkHeads(
  cells: Cells,
  spec: DataSpec,
  targets: readonly string[],
  heads: readonly SideHead[],
): void {
  const taken = new Set([
    ...targets,
    ...(spec.split?.group === undefined ? [] : [spec.split.group]),
  ]);
  for (const [i, { target }] of heads.entries()) {
    const path = `model.heads.${i}.target`;
    requireColumn(cells, target, path);
    if (taken.has(target) || spec.columns[target] === "ignore") {
      throw new ManyfoldError({
        code: "config",
        path,
        condition: "a column with no other use",
        got: show(target),
        help: "It is a target, the group of the split, or ignored already.",
      });
    }
    taken.add(target);
  }
}

/** Every column that the settings name has to be there. */
function checkNames(cells: Cells, spec: DataSpec, targets: readonly string[]): void {
  const known = (name: string, path: string) => requireColumn(cells, name, path);
  const single = typeof spec.target === "string";
  for (const [i, name] of targets.entries())
    known(name, single ? "data.target" : `data.target.${i}`);
  for (const name of Object.keys(spec.columns)) known(name, `data.columns.${name}`);
  const group = spec.split?.group;
  if (group !== undefined) known(group, "data.split.group");

  const refuse = (path: string, condition: string, got: unknown, help: string) => {
    throw new ManyfoldError({ code: "config", path, condition, got: show(got), help });
  };
  if (spec.task === "classification" && targets.length > 1) {
    refuse("data.target", "one column for classification", targets, "Several are for regression.");
  }
  if (new Set(targets).size < targets.length) {
    refuse("data.target", "a list of different columns", targets, "Name each column once.");
  }
  if (group !== undefined && targets.includes(group)) {
    refuse("data.split.group", "another column than the target", group, "Groups are known before.");
  }
  for (const name of targets) {
    if (spec.columns[name] === "ignore") {
      refuse(`data.columns.${name}`, "another kind for the target", "ignore", "Leave it out.");
    }
  }
}

function cellAt(cells: Cells, row: number, column: number): string {
  return (cells.rows[row]?.[column] ?? "").trim();
}

/** See {@link rawTable}. */
function inferKind(cells: Cells, index: number): Exclude<ColumnKind, "ignore"> {
  let present = 0;
  let numbers = 0;
  let words = 0;
  for (let row = 0; row < cells.rows.length; row++) {
    const cell = cellAt(cells, row, index);
    if (isMissing(cell)) continue;
    present++;
    if (looksNumeric(cell)) numbers++;
    else if (looksBoolean(cell)) words++;
  }
  if (words === present) return "boolean";
  return 2 * numbers > present ? "numeric" : "categorical";
}

function typedColumn(cells: Cells, index: number, kind: ColumnKind): RawColumn {
  const name = cells.header[index] as string;
  const count = cells.rows.length;
  let present = 0;
  const each = (take: (cell: string, row: number) => void) => {
    for (let row = 0; row < count; row++) {
      const cell = cellAt(cells, row, index);
      if (isMissing(cell)) continue;
      present++;
      take(cell, row);
    }
    if (present > 0) return;
    throw new ManyfoldError({
      code: "input",
      path: `${cells.source} column ${printable(name)}`,
      condition: "a column with at least one value",
      got: `${count} empty cells`,
      help: `Take the column out, or declare data.columns.${name}: ignore.`,
    });
  };
  if (kind === "numeric") {
    const values = new Float64Array(count).fill(NaN);
    const help = `Correct the cell, or declare data.columns.${name}: categorical.`;
    each((cell, row) => (values[row] = readNumber(cell, place(cells, row, name), help)));
    return { kind, name, values };
  }
  if (kind === "boolean") {
    const values = new Int8Array(count).fill(-1);
    each((cell, row) => (values[row] = Number(readBoolean(cell, place(cells, row, name)))));
    return { kind, name, values };
  }
  const seen = new Map<string, number[]>();
  each((cell, row) => {
    const rows = seen.get(cell);
    if (rows === undefined) seen.set(cell, [row]);
    else rows.push(row);
  });
  const levels = [...seen.keys()].sort(byCodeUnit);
  const values = new Int32Array(count).fill(-1);
  for (const [code, level] of levels.entries()) {
    for (const row of seen.get(level) ?? []) values[row] = code;
  }
  return { kind: "categorical", name, levels, values };
}

function requirePresent(cells: Cells, index: number, condition: string, help?: string): void {
  for (let row = 0; row < cells.rows.length; row++) {
    const cell = cellAt(cells, row, index);
    if (!isMissing(cell)) continue;
    throw new ManyfoldError({
      code: "input",
      path: place(cells, row, cells.header[index] as string),
      condition,
      got: cell === "" ? "an empty cell" : show(cell),
      help: help ?? "Fill the cell, or set data.missing: impute.",
    });
  }
}

function groupCodes(cells: Cells, index: number): Int32Array {
  requirePresent(cells, index, "given in every row", "Rows are split by this column.");
  const column = typedColumn(cells, index, "categorical");
  return column.values as Int32Array;
}

/** All rows, or with `unlabelled: keep` those where every target is given. */
function labelledRows(cells: Cells, spec: DataSpec, targets: readonly string[]): Uint32Array {
  const rows = Uint32Array.from(cells.rows, (_, row) => row);
  const columns = targets.map((name) => cells.header.indexOf(name));
  if (spec.unlabelled !== "keep") {
    const help =
      "Take out the rows without a target, or set data.unlabelled: keep to learn from them.";
    for (const index of columns) requirePresent(cells, index, "given in every row", help);
    return rows;
  }
  const labelled = rows.filter((row) =>
    columns.every((index) => !isMissing(cellAt(cells, row, index))),
  );
  if (labelled.length > 0 && labelled.length < rows.length) return labelled;
  throw new ManyfoldError({
    code: "config",
    path: "data.unlabelled",
    condition:
      labelled.length === 0
        ? "error where no row has a target"
        : "left out where every row has a target",
    got: show(spec.unlabelled),
    help:
      labelled.length === 0
        ? `Every row of ${cells.source} lacks a value of ${targets.map(printable).join(" or ")}.`
        : "A row without a target is one whose cell is empty, NA or null.",
  });
}

function readTarget(
  cells: Cells,
  spec: DataSpec,
  targets: readonly string[],
  labelled: Uint32Array,
): RawTarget {
  const values = targets.map((name) => {
    const index = cells.header.indexOf(name);
    return { name, index, kind: spec.columns[name] ?? inferKind(cells, index) };
  });
  if (spec.task === "regression") {
    return {
      task: "regression",
      columns: values.map(({ name, index }) => {
        if (spec.columns[name] !== undefined && spec.columns[name] !== "numeric") {
          throw new ManyfoldError({
            code: "config",
            path: `data.columns.${name}`,
            condition: "numeric for the target of a regression",
            got: show(spec.columns[name]),
            help: "Set data.task: classification to predict labels.",
          });
        }
        const column = regressionColumn(cells, index, labelled);
        requireVariety(cells, name, new Set(Array.from(labelled, (row) => column[row])).size);
        return { name, values: column };
      }),
    };
  }
  const [{ name, index, kind }] = values as [(typeof values)[0]];
  return classTarget(cells, labelled, { name, index, kind });
}

function regressionColumn(cells: Cells, index: number, labelled: Uint32Array): Float64Array {
  const name = cells.header[index] as string;
  const help = "Correct the cell, or set data.task: classification to predict labels.";
  const values = new Float64Array(cells.rows.length).fill(NaN);
  for (const row of labelled) {
    values[row] = readNumber(cellAt(cells, row, index), place(cells, row, name), help);
  }
  return values;
}

/**
 * Class labels. A target inferred (or declared) numeric holds whole numbers, and 1.0 is 1; any
 * other holds texts as they are written. Labels that are all whole numbers are in numeric order.
 */
function classTarget(
  cells: Cells,
  labelled: Uint32Array,
  {
    name,
    index,
    kind,
  }: { readonly name: string; readonly index: number; readonly kind: ColumnKind },
): RawTarget {
  const help = `Set data.task: regression, or declare data.columns.${name}: categorical to take the values as labels.`;
  const labels = Array.from(labelled, (row) => {
    const cell = cellAt(cells, row, index);
    if (kind !== "numeric") return cell;
    const path = place(cells, row, name);
    const value = readNumber(
      cell,
      path,
      `Correct the cell, or declare data.columns.${name}: categorical.`,
    );
    if (Number.isSafeInteger(value)) return String(value);
    const condition = "a whole number, as a class label";
    throw new ManyfoldError({ code: "input", path, condition, got: show(cell), help });
  });
  const found = [...new Set(labels)];
  const whole = found.every((label) => /^-?(?:0|[1-9]\d{0,14})$/.test(label));
  const classes = found.sort(whole ? (a, b) => Number(a) - Number(b) : byCodeUnit);
  requireVariety(cells, name, classes.length);
  const code = new Map(classes.map((label, i) => [label, i]));
  const codes = new Int32Array(cells.rows.length).fill(-1);
  for (const [i, row] of labelled.entries()) codes[row] = code.get(labels[i] ?? "") ?? -1;
  return {
    task: "classification",
    column: name,
    classes,
    codes,
  };
}

function requireVariety(cells: Cells, name: string, different: number): void {
  if (different > 1) return;
  throw new ManyfoldError({
    code: "input",
    path: `${cells.source} column ${printable(name)}`,
    condition: "a target with at least 2 different values",
    got: `${different === 1 ? "1 value" : "none"} in ${cells.rows.length} rows`,
    help: "There is nothing to learn from a constant target.",
  });
}
