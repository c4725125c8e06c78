import type { Cells } from "@manyfold/data";
import type { Members, Truth } from "@manyfold/ensemble";
import { ManyfoldError } from "@manyfold/protocol";
import { noColumn, numbers } from "./cell-columns.ts";

/** Columns that a prediction table of ours has besides the members. */
const OWN = /^(row$|target$|target\.|combined$|combined\.)/;

/**
 * Members and truth from a table of predictions made anywhere: see `manyfold analyze --help` for the
 * names of its columns.
 */
export function memberTable(
  cells: Cells,
  target: string,
): { readonly members: Members; readonly truth: Truth } {
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
  const labels = cells.rows.map((row) => row[header.indexOf(target)] ?? "");
  const classes = single ? classesOf(chosen, labels) : undefined;
  if (classes !== undefined) return classification(cells, labels, chosen, classes);
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
): { members: Members; truth: Truth } {
  const rows = cells.rows.length;
  const outputs = targets.length;
  const members = columns.map((names, member) => ({ member, values: table(cells, names) }));
  const values = table(cells, targets);
  return {
    members: { task: "regression", rows, outputs, members },
    truth: { task: "regression", rows, targets: outputs, values, scale: targets.map(() => 1) },
  };
}

function classification(
  cells: Cells,
  labels: readonly string[],
  columns: readonly string[],
  classes: readonly string[],
): { members: Members; truth: Truth } {
  const rows = cells.rows.length;
  const names = [...new Set(columns.map(stemOf))];
  const members = names.map((name, member) => ({
    member,
    values: table(
      cells,
      classes.map((label) => `${name}.${label}`),
    ),
  }));
  const codes = new Map(classes.map((label, cls) => [label, cls]));
  return {
    members: { task: "classification", rows, outputs: classes.length, members },
    truth: {
      task: "classification",
      rows,
      classes: classes.length,
      labels: Uint32Array.from(labels, (label) => codes.get(label) ?? 0),
    },
  };
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
