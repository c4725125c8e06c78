import { fold, key, normals, uniforms } from "@manyfold/core";
import { OutputHead } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { combine } from "./combiners.ts";
import { membersOf, truthOf } from "./members.ts";
import { gaussianOf, metrics } from "./metrics.ts";
import { outOfBag } from "./oob.ts";
import { mixtureNll, momentsOf, withNoise } from "./predictive.ts";

const TARGET = {
  task: "regression" as const,
  columns: [
    { name: "p", offset: 10, scale: 2 },
    { name: "q", offset: -1, scale: 5 },
  ],
};
const GAUSSIAN = OutputHead.parse("gaussian");
const MIXTURE = OutputHead.parse({ mixture: { components: 2 } });
const ROWS = 4;
const K = 3;

const density = (y: number, mean: number, variance: number) =>
  Math.exp((-0.5 * (y - mean) ** 2) / variance) / Math.sqrt(2 * Math.PI * variance);
const at = <T>(values: ArrayLike<T>, index: number) => values[index] as T;

/** What three networks with Gaussian heads report: means, then variances, in scaled units. */
const reported = Array.from({ length: K }, (_, member) => ({
  member,
  values: Float32Array.from({ length: ROWS * 4 }, (_, i) =>
    i % 4 < 2
      ? at(normals(fold(key(member), "mean"), ROWS * 4), i)
      : 0.1 + at(uniforms(fold(key(member), "variance"), ROWS * 4), i),
  ),
}));
const y = Float32Array.from(normals(key(9), ROWS * 2));
const truth = truthOf(TARGET, y);

describe("members with Gaussian heads", () => {
  const members = membersOf(TARGET, reported, GAUSSIAN);
  const combined = combine({ mean: {} }, members);

  test("means and variances are in original units", () => {
    expect(members.outputs).toBe(2);
    const { values } = reported[1]!;
    const own = members.members[1]!;
    expect(own.values[2]).toBeCloseTo(values[4]! * 2 + 10, 12);
    expect(own.distribution!.variances[3]).toBeCloseTo(values[7]! * 25, 12);
  });

  test("moments are those of the mixture: mean of sigma² + mu², less the mean's square", () => {
    const { aleatoric, epistemic } = momentsOf(members);
    for (let i = 0; i < ROWS * 2; i++) {
      const second = members.members.reduce(
        (sum, { values, distribution }) => sum + distribution!.variances[i]! + values[i]! ** 2,
        0,
      );
      expect(aleatoric[i]! + epistemic[i]!).toBeCloseTo(second / K - combined[i]! ** 2, 9);
    }
  });

  test("nll is that of the moments' Gaussian, mixtureNll that of the mixture", () => {
    const scores = metrics(truth, combined, gaussianOf(members, null));
    if (!("mixtureNll" in scores) || truth.task !== "regression") throw new Error("Regression.");
    const { aleatoric, epistemic } = momentsOf(members);
    let [gaussian, mixture] = [0, 0];
    for (let i = 0; i < ROWS * 2; i++) {
      const actual = truth.values[i]!;
      gaussian -= Math.log(density(actual, combined[i]!, aleatoric[i]! + epistemic[i]!));
      const each = members.members.map(({ values, distribution }) =>
        density(actual, values[i]!, distribution!.variances[i]!),
      );
      mixture -= Math.log(each.reduce((sum, own) => sum + own, 0) / K);
    }
    expect(scores.nll).toBeCloseTo(gaussian / (ROWS * 2), 12);
    expect(scores.mixtureNll).toBeCloseTo(mixture / (ROWS * 2), 12);
  });

  test("one member's mixture is its Gaussian", () => {
    const alone = { ...members, members: members.members.slice(0, 1) };
    const scores = metrics(truth, alone.members[0]!.values, gaussianOf(alone, null));
    if (!("mixtureNll" in scores)) throw new Error("Regression.");
    expect(scores.mixtureNll).toBeCloseTo(scores.nll, 12);
  });

  test("out of bag, a row has the distributions of those members that left it out", () => {
    const rowsOf = [[0, 2], [1, 2], [3]];
    const own = reported.map(({ member, values }) => {
      const rows = rowsOf[member]!;
      const picked = rows.flatMap((row) => [...values.subarray(row * 4, row * 4 + 4)]);
      return { member, rows, values: Float32Array.from(picked) };
    });
    const bag = outOfBag(TARGET, own, [0, 1, 2, 3], GAUSSIAN);
    const { aleatoric } = momentsOf(bag.members);
    const variance = (member: number, i: number) =>
      members.members[member]!.distribution!.variances[i]!;
    expect(aleatoric[0]).toBeCloseTo(variance(0, 0), 12);
    expect(aleatoric[2 * 2 + 1]).toBeCloseTo((variance(0, 5) + variance(1, 5)) / 2, 12);
    expect(Number.isFinite(mixtureNll(bag.members, truth))).toBe(true);
  });
});

test("mixture heads: every component counts, and far values stay finite", () => {
  // Mean, variance, two weights, two means, two variances of one row and one target.
  const target = { task: "regression" as const, columns: [{ name: "p", offset: 3, scale: 2 }] };
  const values = Float32Array.of(0.5, 1, 0.25, 0.75, -1, 1, 0.5, 0.125);
  const members = membersOf(target, [{ member: 0, values }], MIXTURE);
  const own = (y: number) =>
    0.25 * density(y, -1 * 2 + 3, 0.5 * 4) + 0.75 * density(y, 1 * 2 + 3, 0.125 * 4);
  for (const scaled of [0.3, -2]) {
    const actual = scaled * 2 + 3;
    const nll = mixtureNll(members, truthOf(target, Float32Array.of(scaled)));
    expect(nll).toBeCloseTo(-Math.log(own(actual)), 6);
  }
  const far = mixtureNll(members, truthOf(target, Float32Array.of(1e4)));
  expect(Number.isFinite(far)).toBe(true);
  const { aleatoric } = momentsOf(members);
  // Variance of the mixture around its reported mean of 4.
  expect(aleatoric[0]).toBeCloseTo(0.25 * (2 + 9) + 0.75 * (0.5 + 1), 12);
});

test("dropout members of known noise: the mixture of Gaussians of variance 1/tau", () => {
  const target = { task: "regression" as const, columns: [{ name: "p", offset: 0, scale: 1 }] };
  const plain = membersOf(target, [
    { member: 0, values: Float32Array.of(1) },
    { member: 1, values: Float32Array.of(-1) },
  ]);
  const nll = mixtureNll(withNoise(plain, [0.25]), truthOf(target, Float32Array.of(0.5)));
  expect(nll).toBeCloseTo(-Math.log((density(0.5, 1, 0.25) + density(0.5, -1, 0.25)) / 2), 12);
  expect(() => mixtureNll(plain, truthOf(target, Float32Array.of(0.5)))).toThrow(
    "predictive distribution must be given by every member",
  );
});
