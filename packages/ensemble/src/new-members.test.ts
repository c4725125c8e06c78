import { fold, key, normals } from "@manyfold/core";
import { expect, test } from "vitest";
import { errorsOf } from "./errors.ts";
import type { Members, Truth } from "./members.ts";
import { newMemberIntervals } from "./new-members.ts";
import { pairProducts } from "./pairs.ts";

/** Errors with a part that rows share, one that is the member's, and one of row and member. */
function drawn(seed: number, rows: number, k: number, parts: readonly [number, number, number]) {
  const [ofRow, ofMember, own] = parts;
  const shared = normals(fold(key(seed), "rows"), rows);
  const offsets = normals(fold(key(seed), "members"), k);
  const members: Members = {
    task: "regression",
    rows,
    outputs: 1,
    members: Array.from(offsets, (offset, member) => ({
      member,
      values: normals(fold(key(seed), "own", member), rows).map(
        (value, row) => 1 + ofRow * shared[row]! + ofMember * offset + own * value,
      ),
    })),
  };
  const values = new Float64Array(rows);
  const truth: Truth = { task: "regression", rows, targets: 1, values, scale: [1] };
  const errors = errorsOf(members, truth);
  const v = errors.members.reduce((sum, e) => sum + e.reduce((a, b) => a + b * b, 0), 0) / rows / k;
  return newMemberIntervals(errors, v, pairProducts(errors).c);
}

test.each([
  ["rows count", [1, 0.1, 0.5]],
  ["members count", [0.2, 0.3, 0.5]],
  ["chance of both counts", [0, 0, 2]],
] as const)("the true v, c and gain are held about as often as said where %s", (_, parts) => {
  const [ofRow, ofMember, own] = parts;
  const c = 1 + ofRow ** 2;
  const v = c + ofMember ** 2 + own ** 2;
  const [rows, k, runs] = [120, 10, 250];
  const truth = { v, c, rho: c / v, ensembleError: c + (v - c) / k, gain: ((k - 1) / k) * (v - c) };
  const held = new Map(Object.keys(truth).map((name) => [name, 0]));
  for (let seed = 0; seed < runs; seed++) {
    const found = drawn(seed, rows, k, parts);
    for (const [name, value] of Object.entries(truth)) {
      const interval = found?.[name as keyof typeof truth];
      if (!interval || value < interval.low || interval.high < value) continue;
      held.set(name, (held.get(name) ?? 0) + 1);
    }
  }
  for (const count of held.values()) {
    // 250 draws stray by 1.4 points; ten members that differ in one number are skewed at the worst.
    expect(count / runs).toBeGreaterThan(0.88);
    expect(count / runs).toBeLessThanOrEqual(0.995);
  }
});

test("members without a difference leave the interval of rows; two say nothing", () => {
  const found = drawn(1, 200, 5, [1, 0, 0]);
  expect(found?.remaining.high).toBeLessThan(1e-9);
  expect(drawn(1, 200, 2, [1, 1, 1])).toBeNull();
});
