import { fold, key, normals } from "@manyfold/core";
import { describe, expect, test } from "vitest";
import type { Members, Truth } from "../members.ts";
import { type Selection, selectionWeights } from "./selection.ts";

const ROWS = 400;
const noise = (name: string) => normals(fold(key(1), name), ROWS);
const values = Float64Array.from(noise("truth"));
const truth: Truth = { task: "regression", rows: ROWS, targets: 1, values, scale: [1] };

/** Members that miss the truth by these errors. */
function membersOf(errors: readonly Float64Array[]): Members {
  const members = errors.map((error, member) => ({
    member,
    values: values.map((value, row) => value + error[row]!),
  }));
  return { task: "regression", rows: ROWS, outputs: 1, members };
}

const scaled = (name: string, by: number) => Float64Array.from(noise(name), (z) => z * by);
const sum = (weights: readonly number[]) => weights.reduce((total, weight) => total + weight, 0);
const errorOf = (weights: readonly number[], members: Members) =>
  values.reduce((total, value, row) => {
    const mean = sum(weights.map((w, at) => w * members.members[at]!.values[row]!));
    return total + (mean - value) ** 2 / ROWS;
  }, 0);

const ways: Selection[] = [
  { greedy: { size: 4, key: key(2) } },
  { minimumVariance: { size: 4 } },
  { top: { size: 4 } },
];

describe.each(ways.map((way) => [Object.keys(way)[0], way] as const))("%s", (_, way) => {
  test("weighs at most so many, none below 0, and they sum to 1", () => {
    const members = membersOf(
      Array.from({ length: 9 }, (_, at) => scaled(`e${at}`, 0.5 + at / 10)),
    );
    const weights = selectionWeights(way, members, truth);
    expect(weights).toHaveLength(9);
    expect(weights.every((weight) => weight >= 0)).toBe(true);
    expect(weights.filter((weight) => weight > 0).length).toBeLessThanOrEqual(4);
    expect(sum(weights)).toBeCloseTo(1, 12);
    // Independent errors average out: better than the best of them.
    expect(errorOf(weights, members)).toBeLessThan(errorOf([1], members));
  });

  test("gives a single candidate all", () => {
    expect(selectionWeights(way, membersOf([scaled("a", 1)]), truth)).toEqual([1]);
  });
});

test("independent errors weigh as the inverse of their variance", () => {
  const members = membersOf([scaled("a", 1), scaled("b", 2)]);
  const [first = 0] = selectionWeights({ minimumVariance: { size: 2 } }, members, truth);
  // 1 / (1 + 1/4), but for the products' own noise.
  expect(Math.abs(first - 0.8)).toBeLessThan(0.05);
});

test("many bad candidates do not dilute the good ones, as equal weights do", () => {
  const good = [scaled("a", 0.5), scaled("b", 0.5)];
  const shared = noise("shared");
  const bad = Array.from({ length: 10 }, (_, at) =>
    Float64Array.from(scaled(`bad${at}`, 0.3), (z, row) => z + 2 * shared[row]!),
  );
  const members = membersOf([...good, ...bad]);
  const size = 12;
  const top = errorOf(selectionWeights({ top: { size } }, members, truth), members);
  for (const way of [{ greedy: { size, key: key(2) } }, { minimumVariance: { size } }]) {
    const weights = selectionWeights(way, members, truth);
    expect(errorOf(weights, members)).toBeLessThan(top / 2);
    expect(weights[0]! + weights[1]!).toBeGreaterThan(0.5);
  }
});
