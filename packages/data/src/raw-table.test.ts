import { ManyfoldError } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { cellsOf, specOf } from "./testing/sources.ts";
import { rawTable } from "./raw-table.ts";

const age = ["30", "40", "50", "60"];
const outcome = ["1.5", "2", "2.5", "3"];

const kindsOf = (cells: ReturnType<typeof cellsOf>, columns = {}) =>
  Object.fromEntries(
    rawTable(cells, specOf({ task: "regression", columns })).columns.map((c) => [c.name, c.kind]),
  );

describe("kinds", () => {
  test("follow from the cells, missing ones left aside", () => {
    const cells = cellsOf({
      age,
      n: ["1", "0", "1", "0"],
      e: ["1e-3", ".5", "-2.", "+4E2"],
      gap: ["", "NA", "null", "7"],
      smoker: ["yes", "No", "", "YES"],
      flag: ["true", "false", "True", "FALSE"],
      town: ["Rome", " Bari ", "Rome", ""],
      half: ["1", "2", "x", "y"],
      y: outcome,
    });
    expect(kindsOf(cells)).toEqual({
      age: "numeric",
      n: "numeric",
      e: "numeric",
      gap: "numeric",
      smoker: "boolean",
      flag: "boolean",
      town: "categorical",
      half: "categorical",
    });
  });

  test("are overridden by the declared ones", () => {
    const cells = cellsOf({
      age,
      on: ["1", "0", "t", "off"],
      id: ["a", "b", "c", "d"],
      y: outcome,
    });
    expect(kindsOf(cells, { age: "categorical", on: "boolean", id: "ignore" })).toEqual({
      age: "categorical",
      on: "boolean",
    });
  });

  test("values are in typed arrays: NaN and -1 where missing, levels by code unit", () => {
    const { columns } = rawTable(
      cellsOf({
        x: ["1", "", "-2.5", "1e3"],
        b: ["no", "yes", "NA", "no"],
        c: ["b", "Z", "", "é"],
        y: outcome,
      }),
      specOf({ task: "regression" }),
    );
    expect(columns).toEqual([
      { kind: "numeric", name: "x", values: Float64Array.of(1, NaN, -2.5, 1000) },
      { kind: "boolean", name: "b", values: Int8Array.of(0, 1, -1, 0) },
      {
        kind: "categorical",
        name: "c",
        levels: ["Z", "b", "é"],
        values: Int32Array.of(1, 0, -1, 2),
      },
    ]);
  });
});

describe("targets", () => {
  const target = (y: string[], spec: Parameters<typeof specOf>[0] = {}) =>
    rawTable(cellsOf({ age, y }), specOf(spec)).target;

  test("labels: whole numbers in numeric order, 1.0 being 1", () => {
    expect(target(["10", "9", "1.0", "10"])).toEqual({
      task: "classification",
      column: "y",
      classes: ["1", "9", "10"],
      codes: Int32Array.of(2, 1, 0, 2),
    });
  });

  test("labels: texts by code unit, truth words as they are written", () => {
    expect(target(["b", "a", "B", "b"])).toMatchObject({ classes: ["B", "a", "b"] });
    expect(target(["yes", "no", "yes", "no"])).toMatchObject({ classes: ["no", "yes"] });
  });

  test("labels: numbers that are declared categorical keep their text", () => {
    expect(target(["0.5", "1.5", "0.5", "1.5"], { columns: { y: "categorical" } })).toMatchObject({
      classes: ["0.5", "1.5"],
    });
  });

  test("several columns of a regression", () => {
    const cells = cellsOf({ age, y: outcome, z: ["1", "2", "3", "4"] });
    const table = rawTable(cells, specOf({ task: "regression", target: ["z", "y"] }));
    expect(table.target).toEqual({
      task: "regression",
      columns: [
        { name: "z", values: Float64Array.of(1, 2, 3, 4) },
        { name: "y", values: Float64Array.of(1.5, 2, 2.5, 3) },
      ],
    });
    expect(table.columns.map(({ name }) => name)).toEqual(["age"]);
  });
});

test("the group column is numbered, and no input", () => {
  const cells = cellsOf({ age, who: ["p", "q", "p", "q"], y: outcome });
  const table = rawTable(cells, specOf({ task: "regression", split: { test: 0.5, group: "who" } }));
  expect(table.groups).toEqual(Int32Array.of(0, 1, 0, 1));
  expect(table.columns.map(({ name }) => name)).toEqual(["age"]);
  expect(table.ignored).toEqual(["who"]);
});

describe("bad input", () => {
  const bad: [string, Record<string, string[]>, Parameters<typeof specOf>[0], string][] = [
    [
      "a text in a numeric column",
      { age: ["30", "forty", "50", "60"], y: outcome },
      { task: "regression" },
      't.csv:3 column age must be a number, got "forty".\nCorrect the cell, or declare data.columns.age: categorical.',
    ],
    [
      "NaN in a numeric column",
      { age: ["30", "NaN", "50", "60"], y: outcome },
      { task: "regression" },
      't.csv:3 column age must be finite, got "NaN".\nLeave a cell empty (null in JSON) where a value is missing.',
    ],
    [
      "infinity",
      { age: ["30", "40", "50", "-Infinity"], y: outcome },
      { task: "regression" },
      't.csv:5 column age must be finite, got "-Infinity".\nLeave a cell empty (null in JSON) where a value is missing.',
    ],
    [
      "a number beyond all doubles",
      { age: ["30", "40", "50", "1e999"], y: outcome },
      { task: "regression" },
      't.csv:5 column age must be finite, got "1e999".\nLeave a cell empty (null in JSON) where a value is missing.',
    ],
    [
      "infinity in the target",
      { age, y: ["1", "2", "inf", "4"] },
      { task: "regression" },
      't.csv:4 column y must be finite, got "inf".\nLeave a cell empty (null in JSON) where a value is missing.',
    ],
    [
      "an empty column",
      { "my age": ["", "NA", "null", " "], y: outcome },
      { task: "regression" },
      't.csv column "my age" must be a column with at least one value, got 4 empty cells.\nTake the column out, or declare data.columns.my age: ignore.',
    ],
    [
      "an absent target",
      { age, species: outcome },
      { target: "specis" },
      'data.target must be a column of t.csv, got "specis".\nDid you mean species? Its columns are age, species.',
    ],
    [
      "one absent target of two",
      { age, y: outcome },
      { task: "regression", target: ["y", "zzzzz"] },
      'data.target.1 must be a column of t.csv, got "zzzzz".\nIts columns are age, y.',
    ],
    [
      "a declared column that is not there",
      { age, y: outcome },
      { task: "regression", columns: { agee: "numeric" } },
      'data.columns.agee must be a column of t.csv, got "agee".\nDid you mean age? Its columns are age, y.',
    ],
    [
      "a missing target",
      { age, y: ["1", "", "2", "3"] },
      {},
      "t.csv:3 column y must be given in every row, got an empty cell.\nTake out the rows without a target, or set data.unlabelled: keep to learn from them.",
    ],
    [
      "a missing value where none may be",
      { age: ["30", "NA", "50", "60"], y: outcome },
      { task: "regression", missing: "error" },
      't.csv:3 column age must be given in every row, got "NA".\nFill the cell, or set data.missing: impute.',
    ],
    [
      "a constant target",
      { age, y: ["2", "2", "2", "2.0"] },
      { task: "regression" },
      "t.csv column y must be a target with at least 2 different values, got 1 value in 4 rows.\nThere is nothing to learn from a constant target.",
    ],
    [
      "one class",
      { age, y: ["a", "a", "a", "a"] },
      {},
      "t.csv column y must be a target with at least 2 different values, got 1 value in 4 rows.\nThere is nothing to learn from a constant target.",
    ],
    [
      "fractions as class labels",
      { age, y: ["1", "2", "2.5", "3"] },
      {},
      't.csv:4 column y must be a whole number, as a class label, got "2.5".\nSet data.task: regression, or declare data.columns.y: categorical to take the values as labels.',
    ],
    [
      "texts as the target of a regression",
      { age, y: ["a", "b", "c", "d"] },
      { task: "regression" },
      't.csv:2 column y must be a number, got "a".\nCorrect the cell, or set data.task: classification to predict labels.',
    ],
    [
      "no input left",
      { age, y: outcome },
      { task: "regression", columns: { age: "ignore" } },
      "t.csv must be a table with at least one input column besides the target, got the columns age, y.\nAdd columns, or take some out of data.columns where they are ignored.",
    ],
    [
      "two targets for classification",
      { age, y: outcome, z: outcome },
      { target: ["y", "z"] },
      'data.target must be one column for classification, got ["y","z"].\nSeveral are for regression.',
    ],
    [
      "a target that is ignored",
      { age, y: outcome },
      { columns: { y: "ignore" } },
      'data.columns.y must be another kind for the target, got "ignore".\nLeave it out.',
    ],
    [
      "a target to group by",
      { age, y: outcome },
      { split: { test: 0.5, group: "y" } },
      'data.split.group must be another column than the target, got "y".\nGroups are known before.',
    ],
  ];

  test.each(bad)("%s", (_, columns, spec, message) => {
    const read = () => rawTable(cellsOf(columns), specOf(spec));
    expect(read).toThrow(ManyfoldError);
    expect(read).toThrow(message);
  });
});
