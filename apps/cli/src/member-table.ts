import type { Cells } from "@manyfold/data";
import type { Members, Truth } from "@manyfold/ensemble";
import { type FittedTarget, ManyfoldError } from "@manyfold/protocol";
import { noColumn, numbers } from "./cell-columns.ts";

/** Columns that a prediction table of ours has besides the members. */
const OWN = /^(row$|target$|target\.|combined$|combined\.)/;

/** A table of predictions made anywhere. */
export interface MemberTable {
  readonly members: Members;
  readonly truth: Truth;
  readonly target: FittedTarget;
  /** Name of each member's column, or what its columns' names begin with. */
  readonly names: readonly string[];
  /** Whether members say classes alone, and no probabilities. */
  readonly labels: boolean;
}

/**
 * Members and truth from a table of predictions made anywhere: see `manyfold analyze --help` for the
 * names of its columns.
 *
 * @param labels whether members' cells are classes; otherwise they are where the truth is no number
 */
export function memberTable(cells: Cells, target: string, labels = false): MemberTable {
  const { header } = cells;
  const single = header.includes(target);
  const targets = single ? [target] : header.filter((name) => name.startsWith(`${target}.`));
  if (targets.length === 0) throw noColumn(cells, "--target", target);
  const others = header.filter((name) => !targets.includes(name));
  const named = others.filter((name) => name.startsWith("member_"));
  const chosen = named.length > 0 ? named : others.filter((name) => !OWN.test(name));
  if (chosen.length === 0) {
    throw new ManyfoldError({
      code: "input",
      path: cells.source,
      condition: "a table with a column per member besides the truth",
      got: `the columns ${header.join(", ")}`,
    });
  }
  const truths = cells.rows.map((row) => row[header.indexOf(target)] ?? "");
  const classes = single ? classesOf(chosen, truths) : undefined;
  if (classes !== undefined) return probabilities(cells, target, truths, chosen, classes);
  const numeric = truths.every((cell) => cell.trim() !== "" && Number.isFinite(Number(cell)));
  if (single && (labels || !numeric)) return votes(cells, target, truths, chosen);
  // One of several targets has its own column of each member.
  const own = chosen.filter((name) => suffixOf(name) === suffixOf(target));
  if (single)
    return regression(
      cells,
      targets,
      (own.length > 0 ? own : chosen).map((name) => [name]),
    );
  const members = [...new Set(chosen.map(stemOf))];
  return regression(
    cells,
    targets,
    members.map((name) => targets.map((column) => `${name}.${suffixOf(column)}`)),
  );
}

/** What a name is before and after its first dot: `member_1` and `grain`. */
const stemOf = (name: string) => name.split(".", 1)[0] ?? name;
const suffixOf = (name: string) => name.slice(stemOf(name).length + 1);

/** The classes, where every column's name ends in one of them and all labels are among them. */
function classesOf(columns: readonly string[], labels: readonly string[]): string[] | undefined {
  const suffixes = columns.map((name) => name.slice(name.indexOf(".") + 1));
  if (!columns.every((name) => name.includes("."))) return undefined;
  const classes = [...new Set(suffixes)];
  const known = new Set(classes);
  return classes.length > 1 && labels.every((label) => known.has(label)) ? classes : undefined;
}

/** @param columns names of each member's columns, one per target */
function regression(
  cells: Cells,
  targets: readonly string[],
  columns: readonly (readonly string[])[],
): MemberTable {
  const rows = cells.rows.length;
  const outputs = targets.length;
  const names = columns.map(([first = ""]) => (outputs === 1 ? first : stemOf(first)));
  const numbered = numbersOf(names);
  const members = columns.map((own, at) => ({
    member: numbered[at] ?? at,
    values: table(cells, own),
  }));
  const values = table(cells, targets);
  return {
    members: { task: "regression", rows, outputs, members },
    truth: { task: "regression", rows, targets: outputs, values, scale: targets.map(() => 1) },
    target: {
      task: "regression",
      columns: targets.map((name) => ({ name, offset: 0, scale: 1 })),
    },
    names,
    labels: false,
  };
}

/** Members that give each class a probability. */
function probabilities(
  cells: Cells,
  target: string,
  truths: readonly string[],
  columns: readonly string[],
  classes: readonly string[],
): MemberTable {
  const names = [...new Set(columns.map(stemOf))];
  const all = names.map((name) =>
    table(
      cells,
      classes.map((label) => `${name}.${label}`),
    ),
  );
  return { ...classification(target, truths, classes, names, all), labels: false };
}

/** Members that say a class alone: probability 1. */
function votes(
  cells: Cells,
  target: string,
  truths: readonly string[],
  columns: readonly string[],
): MemberTable {
  const places = columns.map((name) => cells.header.indexOf(name));
  const said = places.map((at) => cells.rows.map((row) => (row[at] ?? "").trim()));
  const known = truths.map((cell) => cell.trim());
  const classes = [...new Set([...known, ...said.flat()])].sort((a, b) => (a < b ? -1 : 1));
  for (const [column, own] of [known, ...said].entries()) {
    const row = own.indexOf("");
    if (row < 0) continue;
    const name = column === 0 ? target : columns[column - 1];
    throw new ManyfoldError({
      code: "input",
      path: `${cells.source}:${cells.lines[row]} column ${name}`,
      condition: "a class",
      got: "nothing",
    });
  }
  if (classes.length < 2 || classes.length > MOST_CLASSES) {
    throw new ManyfoldError({
      code: "input",
      path: cells.source,
      condition: `a table of 2 to ${MOST_CLASSES} classes`,
      got: `${classes.length}`,
      help: "Values need a number in every cell; columns of probabilities are named MEMBER.CLASS.",
    });
  }
  const codes = new Map(classes.map((label, cls) => [label, cls]));
  const all = said.map((own) => {
    const values = new Float64Array(own.length * classes.length);
    own.forEach((label, row) => (values[row * classes.length + (codes.get(label) ?? 0)] = 1));
    return values;
  });
  return { ...classification(target, known, classes, columns, all), labels: true };
}

/** Beyond so many different texts a column is no class. */
const MOST_CLASSES = 1000;

/** @param all `[rows, classes]` of each member */
function classification(
  column: string,
  truths: readonly string[],
  classes: readonly string[],
  names: readonly string[],
  all: readonly Float64Array[],
): Omit<MemberTable, "labels"> {
  const rows = truths.length;
  const codes = new Map(classes.map((label, cls) => [label, cls]));
  const numbered = numbersOf(names);
  return {
    members: {
      task: "classification",
      rows,
      outputs: classes.length,
      members: all.map((values, at) => ({ member: numbered[at] ?? at, values })),
    },
    truth: {
      task: "classification",
      rows,
      classes: classes.length,
      labels: Uint32Array.from(truths, (label) => codes.get(label) ?? 0),
    },
    target: { task: "classification", column, classes: [...classes] },
    names,
  };
}

/** Members' numbers, where all names are of the form member_3 and rise; else their places. */
function numbersOf(names: readonly string[]): number[] {
  const found = names.map((name) => Number(/^member_(\d{1,9})$/.exec(name)?.[1] ?? NaN));
  const rising = found.every((number, at) => number > (found[at - 1] ?? -1));
  return rising ? found : names.map((_, at) => at);
}

/** Columns of numbers side by side, `[rows, columns]`. */
function table(cells: Cells, names: readonly string[]): Float64Array {
  const values = new Float64Array(cells.rows.length * names.length);
  for (const [at, name] of names.entries()) {
    const column = cells.header.indexOf(name);
    if (column < 0) {
      throw new ManyfoldError({
        code: "input",
        path: cells.source,
        condition: `a table with the column ${name}`,
        got: "none of that name",
        help: "Every member needs a column per class, or per target.",
      });
    }
    numbers(cells, column).forEach((value, row) => {
      values[row * names.length + at] = value;
    });
  }
  return values;
}
