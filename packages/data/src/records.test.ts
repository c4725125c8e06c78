import { describe, expect, test } from "vitest";
import { encodeRows } from "./encode.ts";
import { fitPreprocessing } from "./preprocessing.ts";
import { rawTable } from "./raw-table.ts";
import { inputsFromCells, inputsFromRecords } from "./records.ts";
import { cellsOf, specOf } from "./testing/sources.ts";

const cells = cellsOf({
  age: ["30", "", "50.5"],
  town: ["Rome", "Bari", ""],
  smoker: ["yes", "no", "no"],
  y: ["a", "b", "a"],
});
const table = rawTable(cells, specOf());
const fitted = fitPreprocessing(table, Uint32Array.of(0, 1, 2), "standard");

const records = [
  { age: 30, town: "Rome", smoker: true },
  { age: null, town: "Bari", smoker: false, y: "b" },
  { age: 50.5, town: null, smoker: "no" },
];

test("cells and records give the bits of training", () => {
  const trained = encodeRows(fitted, table);
  expect(encodeRows(fitted, inputsFromCells(fitted, cells))).toEqual(trained);
  expect(encodeRows(fitted, inputsFromRecords(fitted, records))).toEqual(trained);
});

test("a row's bits do not depend on its neighbours", () => {
  const all = encodeRows(fitted, inputsFromRecords(fitted, records));
  for (const [i, record] of records.entries()) {
    const alone = encodeRows(fitted, inputsFromRecords(fitted, [record]));
    expect(alone).toEqual(all.slice(i * fitted.width, (i + 1) * fitted.width));
  }
});

test("columns in another order and besides are fine in a table of cells", () => {
  const other = cellsOf({ id: ["1"], smoker: ["NO"], town: ["Oslo"], age: ["41"] });
  const input = inputsFromCells(fitted, other);
  expect(input.columns.map(({ name }) => name)).toEqual(["age", "town", "smoker"]);
  // An unknown town sets none of the two levels, nor the indicator.
  expect([...encodeRows(fitted, input)].slice(2)).toEqual([0, 0, 0, 0]);
});

test("no rows are no rows", () => {
  expect(encodeRows(fitted, inputsFromRecords(fitted, []))).toEqual(new Float32Array(0));
});

describe("bad input", () => {
  const good = { age: 1, town: "Rome", smoker: true };

  test.each<[string, unknown, string]>([
    ["no object", 3, "rows[1] must be an object with a value per input column, got 3."],
    ["a list", [1], "rows[1] must be an object with a value per input column, got [1]."],
    [
      "an input left out",
      { town: "Rome", smoker: true },
      "rows[1] must be given with a value for the input age, got the columns town, smoker.",
    ],
    [
      "an unknown name",
      { ...good, toun: 1 },
      'rows[1].toun must be an input of this ensemble, got "toun".\nDid you mean town?',
    ],
    [
      "a text for a number",
      { ...good, age: "30" },
      'rows[1].age must be a number, or null where it is missing, got "30".',
    ],
    [
      "an infinite number",
      { ...good, age: JSON.parse("1e999") },
      "rows[1].age must be finite, got Infinity.",
    ],
    [
      "a list for a text",
      { ...good, town: [] },
      "rows[1].town must be a text, or null where it is missing, got [].",
    ],
    [
      "a number for a truth value",
      { ...good, smoker: 2 },
      "rows[1].smoker must be true or false, or null where it is missing, got 2.",
    ],
    ["another word", { ...good, smoker: "maybe" }, "rows[1].smoker must be true or false, got"],
  ])("%s", (_, record, message) => {
    expect(() => inputsFromRecords(fitted, [good, record])).toThrow(message);
  });

  test.each<[string, Record<string, string[]>, string]>([
    [
      "an absent column",
      { Age: ["1"], town: ["Rome"], smoker: ["no"] },
      "t.csv must be given with a value for the input age, got the columns Age, town, smoker.\nIs Age meant for it?",
    ],
    [
      "a text for a number",
      { age: ["1", "x"], town: ["", ""], smoker: ["", ""] },
      't.csv:3 column age must be a number, got "x".\nThe column was numeric in training; leave the cell empty where the value is missing.',
    ],
    [
      "NaN",
      { age: ["NaN"], town: [""], smoker: [""] },
      't.csv:2 column age must be finite, got "NaN".',
    ],
  ])("%s in a file", (_, columns, message) => {
    expect(() => inputsFromCells(fitted, cellsOf(columns))).toThrow(message);
  });
});
