import { fold, key, normals } from "@manyfold/core";
import { describe, expect, test } from "vitest";
import { crossedValue, shrunkenValue } from "./selection.ts";

/*
 * The winner's curse in closed form: trials of known worth, seen through normal noise. The best of n
 * equal ones looks better than it is by the expected smallest of n normals.
 */

const STUDIES = 1500;
const normal = (study: number, what: string, count: number) =>
  normals(fold(key(11), what, study), count);
const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Trials of these worths on cells with noise of their own and noise that all trials share. */
function study(number: number, worths: readonly number[], cells: number, shared: number) {
  const common = normal(number, "common", cells);
  return worths.map((worth, trial) => {
    const own = normal(number, `trial ${trial}`, cells);
    return Array.from(own, (noise, cell) => worth + noise + shared * (common[cell] ?? 0));
  });
}

/** By how much the best mean and the corrected one flatter, and how often the interval holds. */
function judge(worths: readonly number[], cells: number, shared = 0.5) {
  // As of so many folds. Values that others chose hang together, so that plain noise needs the
  // wider interval too: without the share of held rows it covers 83 to 86 % here.
  const [naive, corrected]: [number[], number[]] = [[], []];
  let held = 0;
  for (let number = 0; number < STUDIES; number++) {
    const trials = study(number, worths, cells, shared);
    const means = trials.map(meanOf);
    const best = means.indexOf(Math.min(...means));
    const worth = worths[best] ?? 0;
    const { value, low, high } = crossedValue(trials, 1 / (cells - 1));
    naive.push((means[best] ?? 0) - worth);
    corrected.push(value - worth);
    if (low !== null && high !== null && low <= worth && worth <= high) held += 1;
  }
  return { naive: meanOf(naive), corrected: meanOf(corrected), coverage: held / STUDIES };
}

describe("crossedValue", () => {
  test("of equal trials corrects what the best mean flatters by", () => {
    const found = judge(Array(20).fill(0), 5);
    // The expected smallest of 20 standard normals is -1.8675, of means of five that over root 5.
    expect(found.naive).toBeCloseTo(-1.8675 / Math.sqrt(5), 1);
    expect(Math.abs(found.corrected)).toBeLessThan(0.05);
    expect(found.coverage).toBeGreaterThan(0.93);
  });

  test("of trials that differ, and of one that is far ahead, holds its interval", () => {
    const spread = judge(
      Array.from({ length: 20 }, (_, trial) => trial / 10),
      10,
    );
    expect(spread.naive).toBeLessThan(-0.2);
    expect(Math.abs(spread.corrected)).toBeLessThan(0.1);
    expect(spread.coverage).toBeGreaterThan(0.92);
    const ahead = judge([-10, 0, 0, 0, 0], 5);
    expect(Math.abs(ahead.naive)).toBeLessThan(0.05);
    expect(ahead.corrected).toBeCloseTo(ahead.naive, 12);
    expect(ahead.coverage).toBeGreaterThan(0.93);
  });

  test("of one trial is its mean, with the interval of Nadeau and Bengio", () => {
    const found = crossedValue([[1, 2, 3, 4]], 0.25);
    // s^2 = 5/3; 5/3 (1/4 + 1/4) = 5/6; t of 3 degrees of freedom is 3.182446.
    expect(found.value).toBe(2.5);
    expect(found.high).toBeCloseTo(2.5 + 3.182446 * Math.sqrt(5 / 6), 6);
    expect(crossedValue([[7]], 0.25)).toEqual({ value: 7, low: null, high: null, cells: 1 });
  });
});

describe("shrunkenValue", () => {
  test("corrects equal trials whole, and leaves one alone that noise cannot explain", () => {
    const biases: number[] = [];
    for (let number = 0; number < STUDIES; number++) {
      const seen = Array.from(normal(number, "shrunken", 30));
      const found = shrunkenValue(seen.map((value) => ({ value, standardError: 1 })));
      biases.push(found.value);
    }
    // The best of 30 looks 2.04 too good.
    expect(Math.abs(meanOf(biases))).toBeLessThan(0.3);
    const values = [0, 99, 100, 101, 102, 1e9].map((value) => ({ value, standardError: 0.1 }));
    expect(shrunkenValue(values).value).toBeLessThan(0.01);
  });

  test("of one trial, or without an error, is the value", () => {
    expect(shrunkenValue([{ value: 3, standardError: 1 }]).value).toBe(3);
    const bare = [2, 3, 4].map((value) => ({ value, standardError: null }));
    expect(shrunkenValue(bare)).toEqual({ value: 2, low: null, high: null });
  });
});
