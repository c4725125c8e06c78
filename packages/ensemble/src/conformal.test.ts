import { fold, integers, key, normals, uniforms } from "@manyfold/core";
import { expect, test } from "vitest";
import { combine } from "./combiners.ts";
import { conformalQuantile, fitConformal, regionOf, scoreConformal } from "./conformal.ts";
import { scoreJackknife } from "./jackknife.ts";
import type { Members, Truth } from "./members.ts";
import { softmax } from "./probability.ts";

test("the quantile is the ceil((n+1) coverage)-th smallest, and none where n is too small", () => {
  const nine = Float64Array.of(9, 1, 8, 2, 7, 3, 6, 4, 5);
  expect(conformalQuantile(nine, 0.9)).toBe(9);
  expect(conformalQuantile(nine, 0.8)).toBe(8);
  expect(conformalQuantile(nine, 0.5)).toBe(5);
  expect(conformalQuantile(nine, 0.91)).toBeNull();
  const truth: Truth = { task: "classification", rows: 1, classes: 2, labels: Uint32Array.of(0) };
  const settings = { coverage: 0.9, score: "threshold" } as const;
  expect(fitConformal(settings, truth, Float64Array.of(0.5, 0.5))).toBeNull();
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
      const fitted = fitConformal({ coverage, score: "threshold" }, oob.truth, outOfBag)!;
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
