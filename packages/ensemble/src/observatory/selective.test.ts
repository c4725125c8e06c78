import { fold, key, uniforms } from "@manyfold/core";
import { expect, test } from "vitest";
import type { Truth } from "../members.ts";
import { selectiveOf } from "./selective.ts";

const values = (numbers: readonly number[]): Truth => ({
  task: "regression",
  rows: numbers.length,
  targets: 1,
  values: Float64Array.from(numbers),
  scale: [1],
});

test("by hand: squared errors 1, 0, 4, 9 by spread 1, 2, 3, 3", () => {
  const truth = values([1, 0, 2, 3]);
  const spread = Float64Array.of(1, 2, 3, 3);
  const found = selectiveOf(truth, new Float64Array(4), spread)!;
  // The last two are equally unsure: either may come first, each adds 6.5.
  expect(found.aurc).toBeCloseTo((1 + 1 / 2 + 7.5 / 3 + 14 / 4) / 4, 12);
  expect(found.oracle).toBeCloseTo((0 + 1 / 2 + 5 / 3 + 14 / 4) / 4, 12);
  expect(found.risk).toBe(3.5);
  expect(found.points).toEqual([
    { share: 0.25, threshold: 1, risk: 1 },
    { share: 0.5, threshold: 2, risk: 0.5 },
    { share: 1, threshold: 3, risk: 3.5 },
  ]);
});

test("a threshold answers the rows that it says, and nothing ranks equal rows", () => {
  const rows = 200;
  const p = uniforms(fold(key(3), "p"), rows);
  const prediction = new Float64Array(2 * rows);
  const labels = new Uint32Array(rows);
  p.forEach((own, row) => {
    prediction.set([own, 1 - own], 2 * row);
    labels[row] = row % 3 === 0 ? 0 : 1;
  });
  const truth: Truth = { task: "classification", rows, classes: 2, labels };
  const found = selectiveOf(truth, prediction, new Float64Array(2 * rows))!;
  for (const { threshold, share, risk } of found.points) {
    let [answered, wrong] = [0, 0];
    p.forEach((own, row) => {
      if (Math.max(own, 1 - own) < threshold) return;
      answered++;
      if ((own >= 0.5 ? 0 : 1) !== labels[row]) wrong++;
    });
    expect(share).toBeCloseTo(answered / rows, 12);
    expect(risk).toBeCloseTo(wrong / answered, 12);
  }
  expect(found.by).toBe("probability");
  expect(found.oracle).toBeLessThanOrEqual(found.aurc);
  expect(selectiveOf(values([1, 2]), new Float64Array(2), new Float64Array(2))).toBeNull();
});
