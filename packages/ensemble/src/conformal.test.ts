import { fold, integers, key, normals, uniforms } from "@manyfold/core";
import { expect, test } from "vitest";
import { combine } from "./combiners.ts";
import { conformalPlace, fitConformal, memberQuantile, regionOf } from "./conformal.ts";
import { scoreConformal } from "./conformal-score.ts";
import { scoreJackknife } from "./jackknife.ts";
import type { Members, Truth } from "./members.ts";
import { softmax } from "./probability.ts";

test("the place is ceil((n+1) coverage), and none where n is too small", () => {
  expect([0.9, 0.8, 0.5, 0.91].map((coverage) => conformalPlace(9, coverage))).toEqual([
    9,
    8,
    5,
    null,
  ]);
  const truth: Truth = { task: "classification", rows: 1, classes: 2, labels: Uint32Array.of(0) };
  expect(fitConformal({ coverage: 0.9 }, truth, Float64Array.of(0.5, 0.5))).toBeNull();
});

/** A bag's members on one row, and rows scored by hand. */
function values(truth: readonly number[]): Extract<Truth, { task: "regression" }> {
  const rows = truth.length;
  return { task: "regression", rows, targets: 1, values: Float64Array.from(truth), scale: [1] };
}

test("scores by hand: absolute, normalised, quantile, and other coverages of each", () => {
  const rows = 9;
  const prediction = new Float64Array(rows);
  const truth = values([1, -2, 3, -4, 5, -6, 7, -8, 9]);
  const spread = Float64Array.of(1, 2, 1, 2, 1, 2, 1, 2, 1);
  const gaussian = { spread, residualVariance: [0] };
  const members: Members = {
    task: "regression",
    rows,
    outputs: 1,
    members: [-1, 0, 1].map((at, member) => ({ member, values: new Float64Array(rows).fill(at) })),
  };
  const fit = (score: "absolute" | "normalised" | "quantile") =>
    fitConformal({ coverage: 0.8, score }, truth, prediction, { members, gaussian })!;
  const absolute = fit("absolute");
  expect(absolute).toMatchObject({ interval: { radius: [8], score: "absolute" } });
  // |y| / spread: 1 1 3 2 5 3 7 4 9, sorted 1 1 2 3 3 4 5 7 9.
  expect(fit("normalised")).toMatchObject({ interval: { radius: [7] } });
  // Quartiles of -1, 0, 1: (3 + 1/3) / 4 + 1/3 = 7/6, one sixth of the way from -1 to 0.
  expect(fit("quantile")).toMatchObject({
    interval: { radius: [expect.closeTo(8 - 5 / 6)], quantiles: [0.25, 0.75] },
  });
  const at = (coverage: number) => {
    const region = regionOf(absolute, Float64Array.of(10), 1, null, coverage);
    return region.kind === "interval" ? [region.low[0], region.high[0]] : [];
  };
  expect(at(0.5)).toEqual([5, 15]);
  expect(at(0.9)).toEqual([1, 19]);
  expect(() => at(0.91)).toThrow(
    "coverage must be above 0 and at most 0.9, by the 9 rows behind it",
  );
  const scale = Float64Array.of(0.5);
  const low = Float64Array.of(10);
  const narrow = regionOf(fit("normalised"), low, 1, { low, high: low, scale });
  expect(narrow).toMatchObject({ low: Float64Array.of(6.5), high: Float64Array.of(13.5) });
});

test("quantiles that are drawn in by more than their distance meet in the middle", () => {
  const interval = { coverage: 0.8, rows: 9, score: "quantile" as const, radius: [-3] };
  const frame = { low: Float64Array.of(0), high: Float64Array.of(2), scale: null };
  const region = regionOf({ interval }, Float64Array.of(5), 1, frame);
  expect(region).toMatchObject({ low: Float64Array.of(1), high: Float64Array.of(1) });
});

test("quantiles over the members that predict a row", () => {
  const members: Members = {
    task: "regression",
    rows: 2,
    outputs: 1,
    members: [4, 1, 3, 2].map((at, member) => ({
      member,
      values: Float64Array.of(at, 10 * at),
      present: Uint8Array.of(1, member < 2 ? 1 : 0),
    })),
  };
  expect(memberQuantile(members, 0.5)[0]).toBeCloseTo(2.5, 12);
  expect(memberQuantile(members, 0.5)[1]).toBeCloseTo(25, 12);
  expect([...memberQuantile(members, 1)]).toEqual([4, 40]);
  // Type 8: (4 + 1/3) / 4 + 1/3 = 17/12.
  expect(memberQuantile(members, 0.25)[0]).toBeCloseTo(17 / 12, 12);
  expect(memberQuantile(members, 0.01)[0]).toBe(1);
});

test("of very many scores a part is kept, and what is left out errs to the wide side", () => {
  const rows = 20_000;
  const truth = values(Array.from({ length: rows }, (_, row) => row + 1));
  const fitted = fitConformal({ coverage: 0.9 }, truth, new Float64Array(rows))!;
  const kept = "interval" in fitted ? fitted.interval.scores! : { values: [] };
  expect(kept.values[0]!.length).toBeLessThanOrEqual(4097);
  expect(fitted).toMatchObject({ interval: { radius: [18_001] } });
  for (const coverage of [0.1, 0.5, 0.77, 0.9, 0.95, 0.99, 0.9999]) {
    const region = regionOf(fitted, Float64Array.of(0), 1, null, coverage);
    const found = region.kind === "interval" ? region.high[0]! : 0;
    const exact = conformalPlace(rows, coverage)!;
    expect(found).toBeGreaterThanOrEqual(exact);
    expect(found).toBeLessThanOrEqual(exact + (coverage >= 0.95 ? 0 : 7));
  }
});

test("sets by hand, never empty", () => {
  const row = Float64Array.of(0.5, 0.3, 0.2);
  const sets = (score: "threshold" | "adaptive", limit: number) => {
    const region = regionOf({ set: { coverage: 0.9, rows: 9, score, limit } }, row, 3);
    return region.kind === "set" ? [...region.classes] : [];
  };
  expect(sets("threshold", 0.75)).toEqual([1, 1, 0]);
  expect(sets("threshold", 0.1)).toEqual([1, 0, 0]);
  expect(sets("adaptive", 0.8)).toEqual([1, 1, 0]);
  expect(sets("adaptive", 0.79)).toEqual([1, 0, 0]);
  expect(sets("adaptive", 1)).toEqual([1, 1, 1]);
});

/** A bag of straight lines through the origin: rows, out-of-bag predictions, fresh rows. */
function bag(seed: number, n: number, fresh: number, k: number) {
  const from = key(seed);
  const x = normals(fold(from, "x"), n + fresh);
  const noise = normals(fold(from, "noise"), n + fresh);
  const y = x.map((own, row) => own + 0.5 * own * own + noise[row]!);
  const lines = Array.from({ length: k }, (_, member) => {
    const drawn = integers(fold(from, "member", member), n, n);
    let [xy, xx] = [0, 0];
    for (const row of drawn) {
      xy += x[row]! * y[row]!;
      xx += x[row]! * x[row]!;
    }
    const left = new Set(drawn);
    return {
      slope: xy / xx,
      present: Uint8Array.from({ length: n }, (__, row) => (left.has(row) ? 0 : 1)),
    };
  });
  const covered = Array.from({ length: n }, (_, row) => row).filter((row) =>
    lines.some(({ present }) => present[row] === 1),
  );
  const truth = (rows: number[]): Extract<Truth, { task: "regression" }> => ({
    task: "regression",
    rows: rows.length,
    targets: 1,
    values: Float64Array.from(rows, (row) => y[row]!),
    scale: [1],
  });
  const members = (rows: number[], bagged: boolean): Members => ({
    task: "regression",
    rows: rows.length,
    outputs: 1,
    members: lines.map(({ slope, present }, member) => ({
      member,
      values: Float64Array.from(rows, (row) => slope * x[row]!),
      ...(bagged && { present: Uint8Array.from(rows, (row) => present[row]!) }),
    })),
  });
  const rest = Array.from({ length: fresh }, (_, at) => n + at);
  return {
    oob: { members: members(covered, true), truth: truth(covered) },
    members: members(rest, false),
    truth: truth(rest),
  };
}

test("intervals from out-of-bag rows cover at the asked rate, within 2 points", () => {
  for (const coverage of [0.8, 0.9]) {
    const achieved = { split: 0, jackknife: 0 };
    const runs = 150;
    for (let seed = 0; seed < runs; seed++) {
      const { oob, members, truth } = bag(seed, 80, 60, 20);
      const outOfBag = combine({ mean: {} }, oob.members);
      const fitted = fitConformal({ coverage }, oob.truth, outOfBag)!;
      const split = scoreConformal(fitted, truth, combine({ mean: {} }, members));
      const jackknife = scoreJackknife(oob, members, truth, coverage)!;
      achieved.split += split.achieved / runs;
      achieved.jackknife += jackknife.achieved / runs;
    }
    expect(Math.abs(achieved.split - coverage)).toBeLessThan(0.02);
    expect(achieved.jackknife).toBeGreaterThan(coverage - 0.02);
    expect(achieved.jackknife).toBeLessThan(coverage + 0.03);
  }
});

/** Labels drawn from said probabilities that are too sure. */
function classes(seed: number, rows: number) {
  const odds = normals(fold(key(seed), "odds"), 4 * rows);
  const chance = uniforms(fold(key(seed), "labels"), rows);
  const said = odds.map((own) => 3 * own);
  const labels = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const p = odds.slice(4 * row, 4 * row + 4);
    softmax(p);
    softmax(said.subarray(4 * row, 4 * row + 4));
    let below = p[0]!;
    while (chance[row]! > below && labels[row]! < 3) below += p[++labels[row]!]!;
  }
  const truth: Truth = { task: "classification", rows, classes: 4, labels };
  return { truth, said };
}

test.each(["threshold", "adaptive"] as const)(
  "%s sets cover at the asked rate though the probabilities are wrong",
  (score) => {
    for (const coverage of [0.8, 0.95]) {
      let [achieved, size] = [0, 0];
      const runs = 150;
      for (let seed = 0; seed < runs; seed++) {
        const past = classes(2 * seed, 200);
        const next = classes(2 * seed + 1, 100);
        const fitted = fitConformal({ coverage, score }, past.truth, past.said)!;
        const found = scoreConformal(fitted, next.truth, next.said);
        achieved += found.achieved / runs;
        size += found.size / runs;
      }
      expect(achieved).toBeGreaterThan(coverage - 0.02);
      // A set is never empty: where the best class alone scores above the limit it is in all the
      // same, which adaptive sets of sure probabilities often need.
      expect(achieved).toBeLessThan(coverage + (score === "adaptive" ? 0.04 : 0.02));
      expect(size).toBeGreaterThan(1);
      expect(size).toBeLessThan(4);
    }
  },
);
