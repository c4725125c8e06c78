import { fold, integers, key } from "@manyfold/core";
import { expect, test } from "vitest";
import type { Members, Truth } from "../members.ts";
import { zeroOneOf } from "./zero-one.ts";

/** Members that choose the given classes, `[member][row]`. */
function choosing(
  chosen: readonly (readonly number[])[],
  truth: readonly number[],
  classes: number,
): [Members, Truth] {
  const rows = truth.length;
  const members: Members = {
    task: "classification",
    rows,
    outputs: classes,
    members: chosen.map((own, member) => {
      const values = new Float64Array(rows * classes);
      own.forEach((cls, row) => (values[row * classes + cls] = 1));
      return { member, values };
    }),
  };
  return [members, { task: "classification", rows, classes, labels: Uint32Array.from(truth) }];
}

test("by hand: one row the majority has right, one that it has wrong", () => {
  const [members, truth] = choosing(
    [
      [0, 0],
      [0, 0],
      [1, 1],
    ],
    [0, 1],
    2,
  );
  expect(zeroOneOf(members, truth)).toEqual({
    memberError: 0.5,
    bias: 0.5,
    variance: 1 / 3,
    unbiasedVariance: 1 / 6,
    biasedVariance: 1 / 6,
  });
});

test("the parts make the members' mean error, counted directly", () => {
  for (let seed = 0; seed < 20; seed++) {
    const [k, rows, classes] = [2 + (seed % 6), 40, 3];
    const chosen = Array.from({ length: k }, (_, member) => [
      ...integers(fold(key(seed), "member", member), rows, classes),
    ]);
    const labels = [...integers(fold(key(seed), "labels"), rows, classes)];
    const [members, truth] = choosing(chosen, labels, classes);
    const wrong = chosen.flatMap((own) => own.filter((cls, row) => cls !== labels[row])).length;
    const found = zeroOneOf(members, truth)!;
    expect(found.memberError).toBeCloseTo(wrong / (k * rows), 12);
    // The weighted form of the paper: where it is wrong, variance helps by the share that is right.
    expect(found.bias + found.unbiasedVariance - found.biasedVariance).toBeCloseTo(
      found.memberError,
      12,
    );
    expect(found.variance).toBeGreaterThanOrEqual(found.unbiasedVariance + found.biasedVariance);
  }
});
