import { fold, key, normals, uniforms } from "@manyfold/core";
import type { Combiner } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { combine } from "./combiners.ts";
import { decidesOutOfBag, fitCombiner } from "./fits.ts";
import { greedyWeights } from "./fits/greedy.ts";
import { leastErrorWeights } from "./fits/least-error.ts";
import { cholesky, nonNegativeSolution, solveLower } from "./fits/linear.ts";
import { errorMoments, estimatedShrinkage, type Moments } from "./fits/moments.ts";
import { fitStacker } from "./fits/stacking.ts";
import type { Members, Truth } from "./members.ts";
import { metrics } from "./metrics.ts";
import { softmax } from "./probability.ts";

/** Members of one target: the truth plus each one's bias and noise, and noise that they share. */
function simulated(seed: number, rows: number, noise: readonly number[], left = 1) {
  const from = key(seed);
  const values = normals(fold(from, "truth"), rows);
  const shared = normals(fold(from, "shared"), rows);
  const members: Members = {
    task: "regression",
    rows,
    outputs: 1,
    members: noise.map((own, member) => {
      const draws = normals(fold(from, "own", member), rows);
      const chance = uniforms(fold(from, "left", member), rows);
      return {
        member,
        values: values.map((y, row) => y + 0.5 * shared[row]! + own * draws[row]!),
        ...(left < 1 && { present: Uint8Array.from(chance, (u) => (u < left ? 1 : 0)) }),
      };
    }),
  };
  const truth: Truth = { task: "regression", rows, targets: 1, values, scale: [1] };
  return { members, truth };
}

function moments(products: number[][]): Moments {
  const k = products.length;
  const flat = Float64Array.from(products.flat());
  return { k, products: flat, uncertainty: new Float64Array(k * k), own: 1, shared: 0 };
}

function sizeOf(products: Float64Array, weights: readonly number[]): number {
  const k = weights.length;
  return weights.reduce(
    (sum, own, i) =>
      sum + weights.reduce((part, other, l) => part + own * other * products[i * k + l]!, 0),
    0,
  );
}

describe("linear algebra", () => {
  test("solves what it should", () => {
    const matrix = Float64Array.of(4, 2, 2, 3);
    const x = solveLower(cholesky(matrix, 2)!, [10, 8]);
    expect(x[0]).toBeCloseTo(1.75, 14);
    expect(x[1]).toBeCloseTo(1.5, 14);
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeNull();
  });

  test("non-negative least squares meets the conditions of its minimum, whatever the matrix", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(1e6), (n, seed) => {
        const draws = normals(key(seed), n * (n + 3) + n);
        const matrix = new Float64Array(n * n);
        for (let i = 0; i < n; i++) {
          for (let l = 0; l < n; l++) {
            for (let at = 0; at < n + 3; at++) {
              matrix[i * n + l]! += draws[i * (n + 3) + at]! * draws[l * (n + 3) + at]!;
            }
          }
        }
        const b = draws.slice(n * (n + 3));
        const x = nonNegativeSolution(matrix, b);
        for (let i = 0; i < n; i++) {
          const slope = x.reduce((sum, own, l) => sum + matrix[i * n + l]! * own, -b[i]!);
          expect(x[i]).toBeGreaterThanOrEqual(0);
          expect(slope).toBeGreaterThanOrEqual(-1e-8);
          expect(Math.abs(slope * x[i]!)).toBeLessThan(1e-8);
        }
      }),
    );
  });
});

describe("least error", () => {
  test("independent members weigh as the inverse of their error", () => {
    const own = moments([
      [1, 0, 0],
      [0, 2, 0],
      [0, 0, 4],
    ]);
    const weights = leastErrorWeights(own, { shrinkage: 0, nonNegative: false });
    [4 / 7, 2 / 7, 1 / 7].forEach((weight, i) => expect(weights[i]).toBeCloseTo(weight, 14));
  });

  test("two members by hand, and none below 0 where that is asked", () => {
    // (b - c) / (a + b - 2c): a member worse than its product with the other is taken off.
    const pair = moments([
      [1, 1.5],
      [1.5, 4],
    ]);
    const signed = leastErrorWeights(pair, { shrinkage: 0, nonNegative: false });
    expect(signed[0]).toBeCloseTo(1.25, 14);
    expect(signed[1]).toBeCloseTo(-0.25, 14);
    expect(leastErrorWeights(pair, { shrinkage: 0, nonNegative: true })).toEqual([1, 0]);
    const full = { ...pair, own: 2.5, shared: 1.5 };
    expect(leastErrorWeights(full, { shrinkage: 1, nonNegative: false })).toEqual([0.5, 0.5]);
  });

  test("no other weights have less error, by brute force", () => {
    const { members, truth } = simulated(1, 60, [0.5, 1, 1, 3]);
    const found = errorMoments(members, truth);
    for (const nonNegative of [true, false]) {
      const weights = leastErrorWeights(found, { shrinkage: 0, nonNegative });
      const least = sizeOf(found.products, weights);
      for (let a = -10; a <= 20; a++) {
        for (let b = -10; b <= 20; b++) {
          for (let c = -10; c <= 20; c++) {
            const other = [a / 20, b / 20, c / 20, 1 - (a + b + c) / 20];
            if (nonNegative && other.some((weight) => weight < 0)) continue;
            expect(sizeOf(found.products, other)).toBeGreaterThanOrEqual(least - 1e-12);
          }
        }
      }
    }
  });

  test("equal members are drawn to equal weights, unequal ones keep their differences", () => {
    const alike = simulated(
      2,
      200,
      Array.from({ length: 12 }, () => 1),
      0.37,
    );
    const apart = simulated(2, 2000, [0.2, 0.2, 3, 3]);
    expect(estimatedShrinkage(errorMoments(alike.members, alike.truth))).toBeGreaterThan(0.7);
    expect(estimatedShrinkage(errorMoments(apart.members, apart.truth))).toBeLessThan(0.05);
  });
});

test("moments are those of the rows that both members predict", () => {
  const { members, truth } = simulated(3, 50, [1, 2], 0.5);
  const [first, second] = members.members;
  const errors = (at: typeof first) => at!.values.map((value, row) => value - truth.values[row]!);
  const [a, b] = [errors(first), errors(second)];
  let sum = 0;
  let count = 0;
  for (let row = 0; row < 50; row++) {
    if (first!.present![row]! + second!.present![row]! < 2) continue;
    sum += a[row]! * b[row]!;
    count++;
  }
  expect(errorMoments(members, truth).products[1]).toBeCloseTo(sum / count, 12);
});

describe("greedy selection", () => {
  /** The same by the definition: averages are made and scored. */
  function bySimulation({ members, truth }: ReturnType<typeof simulated>, picks: number) {
    const chosen: number[] = [];
    let best = { error: Infinity, size: 0 };
    const error = (indices: number[]) =>
      truth.values.reduce((sum, y, row) => {
        const mean =
          indices.reduce((total, i) => total + members.members[i]!.values[row]!, 0) /
          indices.length;
        return sum + (mean - y) ** 2;
      }, 0);
    for (let size = 1; size <= picks; size++) {
      const errors = members.members.map((_, i) => error([...chosen, i]));
      chosen.push(errors.indexOf(Math.min(...errors)));
      if (Math.min(...errors) < best.error) best = { error: Math.min(...errors), size };
    }
    const kept = chosen.slice(0, best.size);
    return members.members.map((_, i) => kept.filter((at) => at === i).length / kept.length);
  }

  test("picks what averaging and scoring every candidate would pick", () => {
    for (let seed = 10; seed < 20; seed++) {
      const made = simulated(seed, 40, [0.4, 0.5, 0.6, 0.8, 1.5, 1.5]);
      const weights = greedyWeights(errorMoments(made.members, made.truth), 25);
      expect(weights.map((w) => w.toFixed(12))).toEqual(
        bySimulation(made, 25).map((w) => w.toFixed(12)),
      );
    }
  });

  test("of equal members the first is picked, once", () => {
    const same = moments([
      [1, 1],
      [1, 1],
    ]);
    expect(greedyWeights(same, 25)).toEqual([1, 0]);
  });
});

describe("stacking", () => {
  test("finds a slope, an offset and who is worth more", () => {
    const { members, truth } = simulated(4, 4000, [0.1, 2]);
    const bent: Members = {
      ...members,
      members: members.members.map((own) => ({
        ...own,
        values: own.values.map((value) => 2 * value + 7),
      })),
    };
    const fit = fitStacker(bent, truth, 1e-6);
    const [a, b] = fit.weights;
    // Least squares of y on f1 = 2(y + u + .1 n) + 7 and f2: the second adds next to nothing.
    expect(a! + b!).toBeCloseTo(0.4, 1);
    expect(b! / a!).toBeLessThan(0.05);
    const score = (prediction: Float64Array) =>
      truth.values.reduce((sum, y, row) => sum + (y - prediction[row]!) ** 2, 0) / truth.rows;
    const stacked = combine({ stacking: { penalty: 1e-6 } }, bent, fit);
    expect(score(stacked)).toBeLessThan(1.02 * (0.26 / 1.26));
  });

  test("least squares where the ridge is small: residuals are at right angles to every member", () => {
    const { members, truth } = simulated(5, 100, [0.5, 1, 1.5]);
    const fit = fitStacker(members, truth, 1e-9);
    const prediction = combine({ stacking: { penalty: 1e-9 } }, members, fit);
    for (const { values } of members.members) {
      const product = values.reduce(
        (sum, value, row) => sum + value * (truth.values[row]! - prediction[row]!),
        0,
      );
      expect(Math.abs(product) / 100).toBeLessThan(1e-6);
    }
  });

  test("a large ridge leaves the members equal", () => {
    const { members, truth } = simulated(6, 100, [0.1, 3, 3], 0.5);
    const { weights } = fitStacker(members, truth, 1e9);
    expect(weights[1]).toBeCloseTo(weights[0]!, 6);
    expect(weights[2]).toBeCloseTo(weights[0]!, 6);
  });

  /** Three classes from true log odds; the members' are those, too large, and noise. */
  function classes(rows: number, sharpness: number) {
    const draws = normals(key(7), rows * 3);
    const chance = uniforms(key(8), rows);
    const labels = new Uint32Array(rows);
    const sharp = new Float64Array(rows * 3);
    for (let row = 0; row < rows; row++) {
      const odds = draws.slice(row * 3, row * 3 + 3);
      const p = odds.slice();
      softmax(p);
      labels[row] = chance[row]! < p[0]! ? 0 : chance[row]! < p[0]! + p[1]! ? 1 : 2;
      const own = odds.map((value) => sharpness * value);
      softmax(own);
      sharp.set(own, row * 3);
    }
    const members: Members = {
      task: "classification",
      rows,
      outputs: 3,
      members: [
        { member: 0, values: sharp },
        { member: 1, values: new Float64Array(rows * 3).fill(1 / 3) },
      ],
    };
    return { members, truth: { task: "classification", rows, classes: 3, labels } satisfies Truth };
  }

  test("a logistic stacker finds the temperature and drops who knows nothing", () => {
    const { members, truth } = classes(6000, 4);
    const fit = fitStacker(members, truth, 1e-6);
    expect(fit.weights[0]).toBeCloseTo(0.25, 1);
    const stacked = combine({ stacking: { penalty: 1e-6 } }, members, fit);
    const before = metrics(truth, members.members[0]!.values);
    expect(metrics(truth, stacked).nll).toBeLessThan(0.7 * before.nll);
  });
});

describe("fits as a whole", () => {
  const fitted: Combiner[] = [
    { weighted: {} },
    { nnls: {} },
    { minimumVariance: { nonNegative: false } },
    { minimumVariance: { nonNegative: true } },
    { greedy: { picks: 25 } },
    { stacking: { penalty: 1 } },
  ];

  test("each prefers the better members out of bag, and says that it decided", () => {
    const { members, truth } = simulated(9, 400, [0.3, 0.3, 2, 2, 2, 2], 0.37);
    const numbers = members.members.map(({ member }) => member);
    for (const combiner of fitted) {
      const { weights } = fitCombiner(combiner, numbers, { members, truth });
      const [good, bad] = [weights!.slice(0, 2), weights!.slice(2)];
      expect(Math.min(...good)).toBeGreaterThan(Math.max(...bad));
      expect(decidesOutOfBag(combiner)).toBe(true);
    }
    expect(decidesOutOfBag({ weighted: { weights: [1] } })).toBe(false);
    expect(decidesOutOfBag({ geometric: {} })).toBe(false);
  });

  test("members without errors, or without rows, leave equal weights", () => {
    const { members, truth } = simulated(9, 30, [1, 1]);
    const exact = {
      ...members,
      members: members.members.map((own) => ({ ...own, values: truth.values })),
    };
    for (const combiner of fitted) {
      if ("greedy" in combiner) continue;
      expect(fitCombiner(combiner, [0, 1], { members: exact, truth }).weights).toEqual([0.5, 0.5]);
      expect(fitCombiner(combiner, [0, 1], null).weights).toEqual([0.5, 0.5]);
    }
  });
});
