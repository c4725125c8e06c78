import { fold, key, normals, uniforms } from "@manyfold/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calibrate, fitCalibration } from "./calibration.ts";
import type { Truth } from "./members.ts";
import { metrics } from "./metrics.ts";
import { softmax } from "./probability.ts";

/** Labels drawn from three classes' probabilities, and these probabilities made too sure. */
function drawn(seed: number, rows: number, sharpness: number) {
  const odds = normals(fold(key(seed), "odds"), 3 * rows);
  const chance = uniforms(fold(key(seed), "labels"), rows);
  const said = odds.map((own) => sharpness * own);
  const labels = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const p = odds.slice(3 * row, 3 * row + 3);
    softmax(p);
    softmax(said.subarray(3 * row, 3 * row + 3));
    labels[row] = chance[row]! < p[0]! ? 0 : chance[row]! < p[0]! + p[1]! ? 1 : 2;
  }
  const truth: Truth = { task: "classification", rows, classes: 3, labels };
  return { truth, said };
}

describe("temperature", () => {
  test("undoes what made the probabilities too sure", () => {
    const { truth, said } = drawn(1, 8000, 3);
    const fitted = fitCalibration({ temperature: {} }, truth, said);
    const { temperature } = (fitted as { temperature: { temperature: number } }).temperature;
    expect(temperature).toBeGreaterThan(2.8);
    expect(temperature).toBeLessThan(3.2);
    const nll = (values: Float64Array) => metrics(truth, values).nll;
    const best = nll(calibrate(fitted, said, 3));
    for (const other of [0.9 * temperature, 1.1 * temperature, 1]) {
      const moved = calibrate({ temperature: { temperature: other } }, said, 3);
      expect(nll(moved)).toBeGreaterThan(best);
    }
  });

  test("rows without a mistake end at a limit", () => {
    const truth: Truth = {
      task: "classification",
      rows: 2,
      classes: 2,
      labels: Uint32Array.of(0, 1),
    };
    const fitted = fitCalibration({ temperature: {} }, truth, Float64Array.of(0.7, 0.3, 0.4, 0.6));
    expect(fitted).toEqual({ temperature: { temperature: expect.closeTo(0.05, 6) as number } });
  });
});

describe("isotonic", () => {
  test("is the rising curve of least squares, by brute force", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), (outcomes) => {
        const n = outcomes.length;
        const x = outcomes.map((_, at) => (at + 1) / (n + 1));
        const values = Float64Array.from(x.flatMap((p) => [1 - p, p]));
        const labels = Uint32Array.from(outcomes, Number);
        const truth: Truth = { task: "classification", rows: n, classes: 2, labels };
        const fitted = fitCalibration({ isotonic: {} }, truth, values);
        const { from, to } = (
          fitted as { isotonic: { curves: { from: number[]; to: number[] }[] } }
        ).isotonic.curves[1]!;
        // Min-max formula: the fit at i is max over a <= i of min over b >= i of the mean of a..b.
        const mean = (a: number, b: number) =>
          outcomes.slice(a, b + 1).filter(Boolean).length / (b - a + 1);
        const least = 1 / (n + 2);
        const heights = outcomes.map((_, i) => {
          let highest = 0;
          for (let a = 0; a <= i; a++) {
            let lowest = 1;
            for (let b = i; b < n; b++) lowest = Math.min(lowest, mean(a, b));
            highest = Math.max(highest, lowest);
          }
          return Math.min(1 - least, Math.max(least, highest));
        });
        // Corners are the ends of blocks: each is one of the forecasts.
        from.forEach((corner, at) => expect(to[at]).toBeCloseTo(heights[x.indexOf(corner)]!, 12));
        expect(from).toEqual(from.toSorted((a, b) => a - b));
        expect(to).toEqual(to.toSorted((a, b) => a - b));
      }),
    );
  });

  test("lowers the log loss of new rows where probabilities were too sure", () => {
    const fitted = fitCalibration({ isotonic: {} }, ...given(drawn(2, 4000, 3)));
    const fresh = drawn(3, 4000, 3);
    const before = metrics(fresh.truth, fresh.said).nll;
    expect(metrics(fresh.truth, calibrate(fitted, fresh.said, 3)).nll).toBeLessThan(0.75 * before);
  });
});

function given({ truth, said }: ReturnType<typeof drawn>): [Truth, Float64Array] {
  return [truth, said];
}

test("probabilities stay probabilities; nothing fitted changes nothing; numbers are refused", () => {
  const { truth, said } = drawn(4, 50, 2);
  for (const calibrator of [{ temperature: {} }, { isotonic: {} }] as const) {
    const values = calibrate(fitCalibration(calibrator, truth, said), said, 3);
    for (let row = 0; row < 50; row++) {
      const own = values.subarray(3 * row, 3 * row + 3);
      expect(own.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(Math.min(...own)).toBeGreaterThan(0);
    }
  }
  expect(calibrate(undefined, said, 3)).toBe(said);
  const numbers: Truth = {
    task: "regression",
    rows: 1,
    targets: 1,
    values: Float64Array.of(1),
    scale: [1],
  };
  expect(() => fitCalibration({ temperature: {} }, numbers, Float64Array.of(1))).toThrow(
    "ensemble.calibrate must be left out for a regression",
  );
});
