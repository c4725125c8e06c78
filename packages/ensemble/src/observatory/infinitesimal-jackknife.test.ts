import { fold, integers, key, normals } from "@manyfold/core";
import { expect, test } from "vitest";
import type { Members, Truth } from "../members.ts";
import { infinitesimalJackknife } from "./infinitesimal-jackknife.ts";

const N = 30;
const y = normals(fold(key(5), "y"), N);

/** Members that predict the mean of their bootstrap sample, for one row. */
function bagOfMeans(seed: number, k: number, size = N) {
  const rows = Array.from({ length: k }, (_, b) => integers(fold(key(seed), "draw", b), size, N));
  const members: Members = {
    task: "regression",
    rows: 1,
    outputs: 1,
    members: rows.map((drawn, member) => ({
      member,
      values: Float64Array.of(drawn.reduce((sum, row) => sum + y[row]!, 0) / size),
    })),
  };
  const truth: Truth = {
    task: "regression",
    rows: 1,
    targets: 1,
    values: y.slice(0, 1),
    scale: [1],
  };
  return infinitesimalJackknife(members, truth, { rows, among: N }, [7])!;
}

/** Of the mean of a sample, the infinitesimal jackknife is sum (y - mean)^2 / n^2. */
function exact(): number {
  const centre = y.reduce((sum, own) => sum + own, 0) / N;
  return y.reduce((sum, own) => sum + (own - centre) ** 2, 0) / N / N;
}

test.each([N, N / 2])("many members give the closed form, bootstraps of %i", (size) => {
  const found = bagOfMeans(1, 3000, size);
  expect(found.variance / exact()).toBeGreaterThan(0.93);
  expect(found.variance / exact()).toBeLessThan(1.07);
  expect(found.values).toEqual([
    { row: 7, prediction: expect.any(Number), error: Math.sqrt(found.variance), truth: y[0] },
  ]);
});

test("few members give it on average, without the correction several times too much", () => {
  const runs = 400;
  const found = Array.from({ length: runs }, (_, seed) => bagOfMeans(seed, 12));
  const mean = (of: (one: (typeof found)[number]) => number) =>
    found.reduce((sum, one) => sum + of(one), 0) / runs;
  const centre = mean(({ variance }) => variance);
  const spread = Math.sqrt(mean(({ variance }) => (variance - centre) ** 2));
  // What is left is a bias of order 1/B beside the noise of the runs.
  expect(Math.abs(centre / exact() - 1)).toBeLessThan(0.2);
  expect(mean(({ raw }) => raw) / exact()).toBeGreaterThan(2.5);
  expect(mean(({ noise }) => noise) / spread).toBeGreaterThan(0.5);
  expect(mean(({ noise }) => noise) / spread).toBeLessThan(1.5);
});
