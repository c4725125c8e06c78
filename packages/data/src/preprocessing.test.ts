import { Preprocessing } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRows, encodeTargets } from "./encode.ts";
import { fitPreprocessing } from "./preprocessing.ts";
import { rawTable } from "./raw-table.ts";
import { cellsOf, specOf } from "./testing/sources.ts";

const rows = (...numbers: number[]) => Uint32Array.from(numbers);

const table = rawTable(
  cellsOf({
    size: ["1", "2", "3", "6", "100", ""],
    same: ["7", "7", "7", "7", "8", ""],
    town: ["Rome", "Bari", "Rome", "", "Lodi", "Bari"],
    smoker: ["yes", "no", "no", "no", "yes", ""],
    y: ["10", "20", "30", "20", "0", "5"],
  }),
  specOf({ task: "regression" }),
);
const train = rows(0, 1, 2, 3);

describe("fitted on training rows alone", () => {
  const fitted = fitPreprocessing(table, train, "standard");

  test("means, deviations, ranges, levels and what stands in for a missing value", () => {
    expect(Preprocessing.parse(fitted)).toEqual(fitted);
    expect(fitted).toEqual({
      inputs: [
        // 1, 2, 3, 6: mean 3, population variance (4 + 1 + 0 + 9) / 4.
        {
          kind: "numeric",
          name: "size",
          offset: 3,
          factor: 1 / Math.sqrt(3.5),
          impute: 3,
          indicator: false,
          min: 1,
          max: 6,
        },
        {
          kind: "numeric",
          name: "same",
          offset: 7,
          factor: 0,
          impute: 7,
          indicator: false,
          min: 7,
          max: 7,
        },
        {
          kind: "categorical",
          name: "town",
          levels: ["Bari", "Rome"],
          impute: "Rome",
          indicator: true,
        },
        { kind: "boolean", name: "smoker", impute: false, indicator: false },
      ],
      target: {
        task: "regression",
        columns: [{ name: "y", offset: 20, scale: Math.sqrt(50) }],
      },
      width: 1 + 1 + 3 + 1,
    });
  });

  test("encodes training rows", () => {
    const z = (x: number) => Math.fround((x - 3) * (1 / Math.sqrt(3.5)));
    const expected = [
      [z(1), 0, 0, 1, 0, 1],
      [z(2), 0, 1, 0, 0, 0],
      [z(3), 0, 0, 1, 0, 0],
      [z(6), 0, 0, 1, 1, 0],
    ];
    expect(encodeRows(fitted, table, train)).toEqual(Float32Array.from(expected.flat()));
  });

  test("encodes rows it never saw: no input for an unknown level, imputed without an indicator", () => {
    const [size] = encodeRows(fitted, table, rows(4));
    expect(size).toBeCloseTo((100 - 3) / Math.sqrt(3.5), 4);
    expect([...encodeRows(fitted, table, rows(4))].slice(1)).toEqual([0, 0, 0, 0, 1]);
    expect([...encodeRows(fitted, table, rows(5))]).toEqual([0, 0, 1, 0, 0, 0]);
  });

  test("scales the target by its training rows", () => {
    const y = encodeTargets(fitted, table.target, rows(0, 4));
    expect(y).toEqual(Float32Array.of(-10 / Math.sqrt(50), -20 / Math.sqrt(50)));
  });
});

test("minmax maps the training range to 0..1, none leaves numbers as they are", () => {
  const first = (scaling: "minmax" | "none") => {
    const encoded = encodeRows(fitPreprocessing(table, train, scaling), table, train);
    return [0, 1, 2, 3].map((row) => encoded[row * (encoded.length / 4)]);
  };
  expect(first("minmax")).toEqual([0, 0.2, 0.4, 1].map(Math.fround));
  expect(first("none")).toEqual([1, 2, 3, 6]);
});

test("an indicator says where training values were missing", () => {
  const fitted = fitPreprocessing(table, rows(0, 3, 5), "standard");
  expect(fitted.inputs.map(({ indicator }) => indicator)).toEqual([true, true, true, true]);
  expect(fitted.width).toBe(2 + 2 + 3 + 2);
  const [size, missing] = encodeRows(fitted, table, rows(5));
  expect([size, missing]).toEqual([0, 1]);
});

test("a column empty in the training rows becomes 0", () => {
  const fitted = fitPreprocessing(table, rows(5), "minmax");
  expect(fitted.inputs[0]).toMatchObject({ offset: 0, factor: 0, impute: 0, indicator: true });
  expect([...encodeRows(fitted, table, rows(0))].slice(0, 2)).toEqual([0, 0]);
});

const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
  minLength: 2,
  maxLength: 60,
});

test("standard: mean 0, deviation 1, whatever the numbers; a row's encoding is its own", () => {
  fc.assert(
    fc.property(numbers, (values) => {
      fc.pre(Math.max(...values) - Math.min(...values) > 1e-3);
      const own = rawTable(
        cellsOf({ x: values.map(String), y: values.map((_, i) => String(i)) }),
        specOf({ task: "regression" }),
      );
      const all = Uint32Array.from(values, (_, i) => i);
      const fitted = fitPreprocessing(own, all, "standard");
      const encoded = encodeRows(fitted, own);
      const mean = encoded.reduce((sum, value) => sum + value, 0) / encoded.length;
      const square = encoded.reduce((sum, value) => sum + value * value, 0) / encoded.length;
      expect(Math.abs(mean)).toBeLessThan(1e-5);
      expect(Math.abs(square - 1)).toBeLessThan(1e-5);
      const last = values.length - 1;
      expect(encodeRows(fitted, own, rows(last, 0))).toEqual(
        Float32Array.of(encoded[last] ?? NaN, encoded[0] ?? NaN),
      );
    }),
  );
});

describe("sizes beyond what can be computed with", () => {
  const huge = (cells: string[], scaling: "standard" | "none") => () => {
    const own = rawTable(cellsOf({ x: cells, y: ["1", "2", "3"] }), specOf({ task: "regression" }));
    return encodeRows(fitPreprocessing(own, rows(0, 1, 2), scaling), own);
  };

  test("are errors that name the place", () => {
    expect(huge(["1", "1e40", "2"], "none")).toThrow(
      "t.csv:3 column x must be a number that float32 can hold once scaled, got 1e+40.",
    );
    expect(huge(["1", "1e300", "-1e300"], "standard")).toThrow(
      "t.csv column x must be of numbers whose spread a double can hold, got values from -1e+300 to 1e+300.",
    );
  });
});
