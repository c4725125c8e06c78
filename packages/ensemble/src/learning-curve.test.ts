import { fold, key, normals } from "@manyfold/core";
import { expect, test } from "vitest";
import { learningCurve } from "./learning-curve.ts";
import type { Members, Truth } from "./members.ts";

const ROWS = 400;
const values = normals(fold(key(1), "truth"), ROWS);
const truth: Truth = { task: "regression", rows: ROWS, targets: 1, values, scale: [1] };

/** Members whose errors share a part of variance `shared` and have one of their own, `own`. */
function part(rows: number, seed: number, shared: number, own: number) {
  const common = normals(fold(key(seed), "shared", rows), ROWS);
  const members: Members = {
    task: "regression",
    rows: ROWS,
    outputs: 1,
    members: [0, 1, 2, 3].map((member) => ({
      member,
      values: normals(fold(fold(key(seed), "own", rows), "member", member), ROWS).map(
        (value, row) => values[row]! + Math.sqrt(shared) * common[row]! + Math.sqrt(own) * value,
      ),
    })),
  };
  return { rows, members };
}

test("errors, gains and the fit of errors that fall as floor + slope / rows", () => {
  const parts = [100, 200, 400].flatMap((rows) =>
    [0, 1, 2].map((subset) => part(rows, subset, 1 + 200 / rows, 0.4)),
  );
  const found = learningCurve(parts, truth);
  expect(found.members).toBe(4);
  expect(found.points.map(({ rows, subsets }) => [rows, subsets])).toEqual([
    [100, 3],
    [200, 3],
    [400, 3],
  ]);
  for (const { rows, v, c, error } of found.points) {
    expect(Math.abs((c ?? 0) / (1 + 200 / rows) - 1)).toBeLessThan(0.15);
    // The law, with what is measured.
    expect(error).toBeCloseTo(v / 4 + 0.75 * (c ?? 0), 12);
  }
  expect(found.gains).toHaveLength(2);
  for (const [at, { gain, interval }] of found.gains.entries()) {
    expect(gain).toBeCloseTo(found.points[at]!.error - found.points[at + 1]!.error, 12);
    expect(interval.low).toBeLessThan(gain);
    expect(interval.low + interval.high).toBeCloseTo(2 * gain, 12);
  }
  const { floor, slope, doubled } = found.fit!;
  expect(doubled).toBeCloseTo(floor + slope / 800, 12);
  expect(found.sentences.join()).toMatch(/falls by .* 800 rows would bring it/);
});

test("where more rows brought nothing, none are advised", () => {
  const parts = [100, 200].map((rows) => part(rows, 5, 1, 0.1));
  const found = learningCurve(parts, truth);
  expect(found.fit).toBeNull();
  expect(found.sentences.join()).toContain("no ground to expect");
});
