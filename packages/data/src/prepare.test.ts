import { PreparedData, type ExperimentInput } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { drawFrom } from "./draws.ts";
import { prepare } from "./prepare.ts";
import { rawTable } from "./raw-table.ts";
import { decodeTable, rowsOf } from "./table.ts";
import { cellsOf, experimentOf } from "./testing/sources.ts";

const rows = 60;
const columns = {
  x: Array.from({ length: rows }, (_, i) => String(i * i)),
  same: Array.from({ length: rows }, () => "3"),
  gap: Array.from({ length: rows }, (_, i) => (i % 10 === 0 ? "" : String(i))),
  who: Array.from({ length: rows }, (_, i) => `p${Math.floor(i / 4)}`),
  y: Array.from({ length: rows }, (_, i) => ["a", "b", "b"][i % 3] ?? ""),
};

function prepared(data: Partial<ExperimentInput["data"]>, rest: Partial<ExperimentInput> = {}) {
  const experiment = experimentOf({ columns: { who: "ignore" }, ...data }, rest);
  const raw = rawTable(cellsOf(columns), experiment.data);
  return { raw, ...prepare(raw, experiment) };
}

const space = { "train.epochs": { int: [1, 5] as [number, number] } };

test("the final table: roles by the split, preprocessing of its training rows", () => {
  const { data, tables } = prepared({ split: { test: 0.25, stratify: true } });
  expect(PreparedData.parse(data)).toEqual(data);
  expect(tables).toHaveLength(1);
  const table = decodeTable(tables[0]!);
  expect(table.ref).toEqual(data.final.table);
  expect(table.ref).toMatchObject({ rows, inputs: 4, targets: 1, classes: 2 });
  expect(rowsOf(table, "test")).toHaveLength(15);
  const classes = Array.from(rowsOf(table, "test"), (row) => table.y[row]);
  expect(classes.filter((label) => label === 0)).toHaveLength(5);
  expect([...table.rowNumbers]).toEqual(Array.from({ length: rows }, (_, i) => i));

  const [x] = data.final.preprocessing.inputs;
  const train = Array.from(rowsOf(table, "train"), (row) => row * row);
  const mean = train.reduce((sum, value) => sum + value, 0) / train.length;
  expect(x).toMatchObject({ kind: "numeric", min: Math.min(...train), max: Math.max(...train) });
  expect(x?.kind === "numeric" ? x.offset : NaN).toBeCloseTo(mean, 9);
});

test("a grouped draw finds the groups in its table; without one the table does not have them", () => {
  const split = { test: 0.25, group: "who" };
  const ensemble = { bagging: { members: 3, sample: "grouped" as const } };
  const table = decodeTable(prepared({ split }, { ensemble }).tables[0]!);
  const { groups = new Uint32Array(0) } = table;
  expect(new Set(groups).size).toBe(15);
  groups.forEach((group, row) => expect(group).toBe(groups[4 * Math.floor(row / 4)]));
  const place = { seed: 1, fold: 0, repeat: 0, member: 0 };
  const draw = { sample: { grouped: { fraction: 1 } }, features: 1 };
  const { rows: drawn, oob } = drawFrom({ ...place, draw }, table);
  expect(drawn.length % 4).toBe(0);
  expect(oob.length % 4).toBe(0);
  expect(new Set([...drawn, ...oob])).toEqual(new Set(rowsOf(table, "train")));
  expect(decodeTable(prepared({ split }).tables[0]!).groups).toBeUndefined();
});

test("notes say what was made of the data", () => {
  const { data } = prepared({});
  expect(data.notes).toEqual([
    "1 input constant in the training rows, scaled to 0: same.",
    "6 missing values imputed from the training rows: gap (6).",
    "1 column left out of the inputs: who.",
  ]);
});

test("without a split every row trains", () => {
  const { tables } = prepared({});
  expect(rowsOf(decodeTable(tables[0]!), "train")).toHaveLength(rows);
});

test("the folds of a search: training rows only, fitted on each fold's own", () => {
  const { data, tables } = prepared(
    { split: { test: 0.25 } },
    { search: { space, assess: { folds: { k: 3 } } } },
  );
  expect(data.folds).toHaveLength(3);
  const [final, ...folds] = tables.map((bytes) => decodeTable(bytes));
  const training = Array.from(rowsOf(final!, "train"), (row) => final!.rowNumbers[row]!);
  const held: number[] = [];
  for (const [i, table] of folds.entries()) {
    expect(table.ref).toEqual(data.folds[i]?.table);
    expect([...table.rowNumbers]).toEqual(training);
    expect(rowsOf(table, "test")).toHaveLength(0);
    held.push(...Array.from(rowsOf(table, "validation"), (row) => table.rowNumbers[row]!));
    const own = Array.from(rowsOf(table, "train"), (row) => table.rowNumbers[row]! ** 2);
    expect(data.folds[i]?.preprocessing.inputs[0]).toMatchObject({ max: Math.max(...own) });
  }
  expect(held.toSorted((a, b) => a - b)).toEqual(training);
});

test("the validation split of a search keeps classes in balance", () => {
  const { tables } = prepared({}, { search: { space, assess: { validation: { fraction: 0.2 } } } });
  const table = decodeTable(tables[1]!);
  const validation = rowsOf(table, "validation");
  expect(validation).toHaveLength(12);
  expect(Array.from(validation, (row) => table.y[row]).filter((y) => y === 0)).toHaveLength(4);
});

test("groups stay together in the split and in every fold", () => {
  const { raw, tables } = prepared(
    { columns: {}, split: { test: 0.2, group: "who" } },
    { search: { space, assess: { folds: { k: 4 } } } },
  );
  for (const bytes of tables) {
    const table = decodeTable(bytes);
    const roleOf = new Map<number, number>();
    for (const [row, role] of table.roles.entries()) {
      const group = raw.groups![table.rowNumbers[row]!]!;
      expect(roleOf.get(group) ?? role).toBe(role);
      roleOf.set(group, role);
    }
  }
});

test("equal experiments have equal tables; a search and its settings leave the final one alone", () => {
  const split = { test: 0.25 };
  const one = prepared({ split }).data.final.table.hash;
  expect(prepared({ split }).data.final.table.hash).toBe(one);
  expect(prepared({ split }, { search: { space } }).data.final.table.hash).toBe(one);
  expect(prepared({ split }, { seed: 1 }).data.final.table.hash).not.toBe(one);
});

describe("bad input", () => {
  const few = { x: ["1", "2", "3", "4"], y: ["a", "a", "b", "a"] };
  const run = (own: Record<string, string[]>, data: Partial<ExperimentInput["data"]>) => () => {
    const experiment = experimentOf(data);
    return prepare(rawTable(cellsOf(own), experiment.data), experiment);
  };

  test("a class with one row under a stratified split", () => {
    expect(run(few, { split: { test: 0.5, stratify: true } })).toThrow(
      't.csv:4 column y must be a class of at least 2 rows for a stratified split, got "b" in 1 row.\nAdd rows of that class, take it out, or set data.split.stratify: false.',
    );
    expect(run(few, { split: { test: 0.5 } })).not.toThrow();
  });

  test("stratifying a regression, or groups", () => {
    const numbers = { x: ["1", "2", "3", "4"], y: ["1", "2", "3", "4"] };
    const split = { test: 0.5, stratify: true };
    expect(run(numbers, { task: "regression", split })).toThrow(
      "data.split.stratify must be false for regression, got true.",
    );
    expect(run({ ...few, g: ["1", "2", "3", "4"] }, { split: { ...split, group: "g" } })).toThrow(
      "data.split.stratify must be false with data.split.group, got true.",
    );
  });
});

test("rows without a target are kept where wanted, in every table and no score", () => {
  const some = { ...columns, y: columns.y.map((label, i) => (i % 4 === 1 ? "NA" : label)) };
  const experiment = experimentOf(
    { columns: { who: "ignore" }, unlabelled: "keep", split: { test: 0.25 } },
    { search: { trials: 1, space, assess: { folds: { k: 3 } } } },
  );
  const { data, tables } = prepare(rawTable(cellsOf(some), experiment.data), experiment);
  expect(data.notes[0]).toBe("15 of 60 rows without a target: learned from, never scored.");
  const without = Array.from({ length: 15 }, (_, i) => 4 * i + 1);
  for (const bytes of tables) {
    const table = decodeTable(bytes);
    expect(Array.from(rowsOf(table, "unlabelled"), (row) => table.rowNumbers[row])).toEqual(
      without,
    );
    for (const row of rowsOf(table, "unlabelled")) expect(table.y[row]).toBe(0);
  }
  const final = decodeTable(tables[0]!);
  expect(rowsOf(final, "test").length + rowsOf(final, "train").length).toBe(45);
  // Inputs are scaled by all rows that take no part in a score.
  const seen = ["train", "unlabelled"] as const;
  const x = seen.flatMap((role) => Array.from(rowsOf(final, role), (row) => final.x[4 * row]!));
  expect(x.reduce((sum, value) => sum + value, 0) / x.length).toBeCloseTo(0, 5);
});

test("a group that is held out takes its rows without a target along", () => {
  const some = { ...columns, y: columns.y.map((label, i) => (i % 4 === 1 ? "" : label)) };
  const experiment = experimentOf({ unlabelled: "keep", split: { test: 0.25, group: "who" } });
  const { tables } = prepare(rawTable(cellsOf(some), experiment.data), experiment);
  const table = decodeTable(tables[0]!);
  const groupsOf = (role: "test" | "unlabelled") =>
    new Set(Array.from(rowsOf(table, role), (row) => columns.who[table.rowNumbers[row]!]));
  expect(groupsOf("unlabelled").size).toBe(15 - groupsOf("test").size);
  expect([...groupsOf("test")].filter((who) => groupsOf("unlabelled").has(who))).toEqual([]);
});

test.each([
  ["error where no row has a target", () => ""],
  ["left out where every row has a target", (label: string) => label],
])("nothing to keep: %s", (condition, cell) => {
  const experiment = experimentOf({ unlabelled: "keep" });
  const cells = cellsOf({ ...columns, y: columns.y.map(cell) });
  expect(() => rawTable(cells, experiment.data)).toThrow(`data.unlabelled must be ${condition}`);
});
