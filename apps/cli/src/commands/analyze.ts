import type { Command } from "commander";
import type { Cells } from "@manyfold/data";
import type { Members, Truth } from "@manyfold/ensemble";
import { analyse } from "@manyfold/ensemble";
import { readCells } from "@manyfold/files";
import { ManyfoldError, nearest, show } from "@manyfold/protocol";
import { print } from "../terminal.ts";

export function registerAnalyze(program: Command): void {
  program
    .command("analyze")
    .description("the error analysis of any members' predictions, trained here or anywhere")
    .argument("<predictions>", "a CSV file: a column with the truth, and a column per member")
    .requiredOption("--target <column>", "column with the truth")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Regression: every column named member_... is a member's prediction; without any such column, every
other column is. Classes: member_NAME.CLASS holds the probability that a member gives a class.

Example:
  manyfold analyze runs/iris-tiny-20260101-120000-1a2b/predictions.csv --target target
`,
    )
    .action(async (path: string, { target, json }: { target: string; json?: boolean }) => {
      const { members, truth } = read(await readCells(path), target);
      const analysis = analyse(members, truth, "test");
      if (json) return print(JSON.stringify({ status: "done", analysis }));
      const { k, v, c, rho, ensembleError, predictedError, unit, rows } = analysis;
      print(
        [
          `${k} members on ${rows} rows; errors in ${unit}`,
          `v               ${v}`,
          `c               ${c ?? "none"}`,
          `rho             ${rho ?? "none"}`,
          `v/k + (k-1)/k c ${predictedError}`,
          `measured        ${ensembleError}`,
          ...analysis.sentences,
        ].join("\n"),
      );
    });
}

/** Columns that a prediction table of ours has besides the members. */
const OWN = /^(row$|target$|target\.|combined$|combined\.)/;

function read(cells: Cells, target: string): { members: Members; truth: Truth } {
  const { header } = cells;
  const at = header.indexOf(target);
  if (at < 0) {
    const near = nearest(target, header);
    throw new ManyfoldError({
      code: "usage",
      path: "--target",
      condition: `a column of ${cells.source}`,
      got: show(target),
      help: near === undefined ? `Columns: ${header.join(", ")}` : `Did you mean ${near}?`,
    });
  }
  const named = header.filter((name) => name.startsWith("member_") && name !== target);
  const chosen =
    named.length > 0 ? named : header.filter((name) => name !== target && !OWN.test(name));
  if (chosen.length === 0) {
    throw new ManyfoldError({
      code: "input",
      path: cells.source,
      condition: "a table with a column per member besides the truth",
      got: `the columns ${header.join(", ")}`,
    });
  }
  const labels = cells.rows.map((row) => row[at] ?? "");
  const classes = classesOf(chosen, labels);
  return classes === undefined
    ? regression(cells, at, chosen)
    : classification(cells, labels, chosen, classes);
}

/** The classes, where every column's name ends in one of them and all labels are among them. */
function classesOf(columns: readonly string[], labels: readonly string[]): string[] | undefined {
  const suffixes = columns.map((name) => name.slice(name.indexOf(".") + 1));
  if (!columns.every((name) => name.includes("."))) return undefined;
  const classes = [...new Set(suffixes)];
  const known = new Set(classes);
  return classes.length > 1 && labels.every((label) => known.has(label)) ? classes : undefined;
}

function regression(
  cells: Cells,
  at: number,
  columns: readonly string[],
): { members: Members; truth: Truth } {
  const rows = cells.rows.length;
  const values = numbers(cells, at);
  const members = columns.map((name, member) => ({
    member,
    values: numbers(cells, cells.header.indexOf(name)),
  }));
  return {
    members: { task: "regression", rows, outputs: 1, members },
    truth: { task: "regression", rows, targets: 1, values, scale: [1] },
  };
}

function classification(
  cells: Cells,
  labels: readonly string[],
  columns: readonly string[],
  classes: readonly string[],
): { members: Members; truth: Truth } {
  const rows = cells.rows.length;
  const names = [...new Set(columns.map((name) => name.slice(0, name.indexOf("."))))];
  const members = names.map((name, member) => {
    const values = new Float64Array(rows * classes.length);
    for (const [cls, label] of classes.entries()) {
      const column = cells.header.indexOf(`${name}.${label}`);
      if (column < 0) {
        throw new ManyfoldError({
          code: "input",
          path: cells.source,
          condition: `a table with the column ${name}.${label}`,
          got: "none of that name",
          help: "Every member needs a column per class.",
        });
      }
      numbers(cells, column).forEach((value, row) => {
        values[row * classes.length + cls] = value;
      });
    }
    return { member, values };
  });
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

function numbers(cells: Cells, column: number): Float64Array {
  return Float64Array.from(cells.rows, (row, index) => {
    const cell = (row[column] ?? "").trim();
    const value = Number(cell);
    if (cell !== "" && Number.isFinite(value)) return value;
    throw new ManyfoldError({
      code: "input",
      path: `${cells.source}:${cells.lines[index]} column ${cells.header[column]}`,
      condition: "a finite number",
      got: show(cell),
    });
  });
}
