import { readCells } from "@manyfold/files";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { curveText, fitCurve } from "./curve-table.ts";

const published = await readCells("configs/published/imagenet-deep-ensembles.csv");

function cells(header: string[], rows: string[][]) {
  return { ...published, source: "curve.csv", header, rows, lines: rows.map((_, at) => at + 2) };
}

describe("the law fitted to a curve", () => {
  test.each([
    { error: "brier", floor: 0.2704, slope: 0.0467, r2: 0.9997 },
    { error: "nll", floor: 0.7708, slope: 0.1893, r2: 0.9996 },
  ])("a published ImageNet curve of $error", ({ error, floor, slope, r2 }) => {
    const fit = fitCurve(published, { k: "k", error });
    expect(fit.floor).toBeCloseTo(floor, 4);
    expect(fit.slope).toBeCloseTo(slope, 4);
    expect(fit.r2).toBeCloseTo(r2, 4);
    expect(curveText(fit, { k: "k", error })).toContain(`${error} of 10 points = ${floor}`);
  });

  test("a curve that follows the law gives back its v and c", () => {
    const positive = fc.double({ min: 0.01, max: 100, noNaN: true });
    fc.assert(
      fc.property(positive, positive, (c, more) => {
        const rows = [1, 2, 5, 30].map((k) => [String(k), String(c + more / k)]);
        const fit = fitCurve(cells(["k", "e"], rows), { k: "k", error: "e" });
        expect(fit.v).toBeCloseTo(c + more, 8);
        expect(fit.floor).toBeCloseTo(c, 8);
        expect(fit.gain).toBeCloseTo(more / (c + more), 8);
        expect(fit.residual).toBeLessThan(1e-9);
      }),
    );
  });

  test.each([
    [["m", "e"], [["1", "2"]], '--k must be a column of curve.csv, got "k".'],
    [["k", "f"], [["1", "2"]], '--error must be a column of curve.csv, got "e".'],
    [["k", "e"], [["1", "x"]], 'curve.csv:2 column e must be a finite number, got "x".'],
    [
      ["k", "e"],
      [["0", "1"]],
      "curve.csv:2 column k must be a whole number of members from 1, got 0.",
    ],
    [["k", "e"], [["1", "1"]], "curve must be an error for each of at least two different numbers"],
  ] as const)("bad tables %j %j", (header, rows, says) => {
    const table = cells(
      [...header],
      rows.map((row) => [...row]),
    );
    expect(() => fitCurve(table, { k: "k", error: "e" })).toThrow(says);
  });
});
