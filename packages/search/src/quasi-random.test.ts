import { fold, key } from "@manyfold/core";
import { SearchSpec } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { haltonDimension } from "./halton.ts";
import { ask, samplers } from "./samplers.ts";
import { MOST_DIMENSIONS, sobolDimension } from "./sobol.ts";

type Dimension = typeof sobolDimension;
const points = (of: Dimension, dimensions: number, count: number, seed?: number): number[][] => {
  const coordinates = Array.from({ length: dimensions }, (_, dimension) =>
    of(dimension, seed === undefined ? null : fold(key(seed), "dimension", dimension)),
  );
  return Array.from({ length: count }, (_, index) => coordinates.map((at) => at(index)));
};

describe("Sobol", () => {
  test("begins as published", () => {
    expect(points(sobolDimension, 3, 8)).toEqual([
      [0, 0, 0],
      [0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25],
      [0.25, 0.75, 0.75],
      [0.375, 0.375, 0.625],
      [0.875, 0.875, 0.125],
      [0.625, 0.125, 0.875],
      [0.125, 0.625, 0.375],
    ]);
  });

  // SciPy 1.17.1, qmc.Sobol(64, scramble=False).random(1000)[999].
  test("its last dimensions are Joe and Kuo's", () => {
    const found = points(sobolDimension, MOST_DIMENSIONS, 1000)[999] ?? [];
    expect(found.slice(-4)).toEqual([0.0087890625, 0.6650390625, 0.5712890625, 0.6337890625]);
    expect(found.reduce((sum, x) => sum + x, 0)).toBeCloseTo(33.81640625, 12);
  });

  test("its discrepancy is that of the golden value, Halton's too", () => {
    expect(centredDiscrepancy(points(sobolDimension, 2, 256))).toBeCloseTo(1.6632e-5, 9);
    expect(centredDiscrepancy(points(haltonDimension, 2, 256))).toBeCloseTo(6.6662e-5, 9);
  });

  // Every elementary interval [a/2^p, (a+1)/2^p) x [b/2^q, (b+1)/2^q), p + q = m, holds exactly one
  // of 2^m successive points of the first two dimensions: they are a (0, m, 2)-net.
  test.each([undefined, 1, 2, 3])("blocks of dimensions 1 and 2 are nets, seed %s", (seed) => {
    const m = 6;
    for (const block of [0, 1, 5]) {
      const net = points(sobolDimension, 2, 2 ** m * (block + 1), seed).slice(2 ** m * block);
      for (let p = 0; p <= m; p++) {
        const cells = net.map(
          ([x = 0, y = 0]) => `${Math.floor(x * 2 ** p)} ${Math.floor(y * 2 ** (m - p))}`,
        );
        expect(new Set(cells).size).toBe(2 ** m);
      }
    }
  });

  test("each dimension alone is evenly spread, scrambled or not", () => {
    for (const seed of [undefined, 7]) {
      const all = points(sobolDimension, MOST_DIMENSIONS, 64, seed);
      for (let d = 0; d < MOST_DIMENSIONS; d++) {
        expect(new Set(all.map((point) => Math.floor((point[d] ?? 0) * 64))).size).toBe(64);
      }
    }
  });
});

describe("Halton", () => {
  test("begins as published", () => {
    const found = points(haltonDimension, 3, 4);
    const published = [
      [0, 0, 0],
      [1 / 2, 1 / 3, 1 / 5],
      [1 / 4, 2 / 3, 2 / 5],
      [3 / 4, 1 / 9, 3 / 5],
    ];
    found.forEach((point, i) =>
      point.forEach((x, d) => expect(x).toBeCloseTo(published[i]?.[d] ?? NaN, 15)),
    );
  });

  test("blocks of a base's power fill its intervals once, scrambled or not", () => {
    for (const seed of [undefined, 3]) {
      const all = points(haltonDimension, 3, 125, seed);
      [2 ** 6, 3 ** 4, 5 ** 3].forEach((size, d) => {
        const cells = all.slice(0, size).map((point) => Math.floor((point[d] ?? 0) * size + 1e-9));
        expect(new Set(cells).size).toBe(size);
      });
    }
  });
});

// The mean of x0 x1 over points is without bias for the integral 1/4: over many seeds it comes near.
test.each(Object.entries({ sobolDimension, haltonDimension }))(
  "%s, scrambled, has no bias",
  (_, of) => {
    const means = Array.from({ length: 200 }, (_, seed) => {
      const all = points(of, 2, 8, seed);
      return all.reduce((sum, [x = 0, y = 0]) => sum + x * y, 0) / all.length;
    });
    const mean = means.reduce((sum, x) => sum + x, 0) / means.length;
    const variance = means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (means.length - 1);
    expect(Math.abs(mean - 1 / 4)).toBeLessThan(4 * Math.sqrt(variance / means.length));
    expect(Math.sqrt(variance)).toBeLessThan(0.05);
  },
);

test("more parameters than dimensions are refused", () => {
  const space = Object.fromEntries(
    Array.from({ length: MOST_DIMENSIONS + 1 }, (_, i) => [
      `p${i}`,
      { float: [0, 1] as [number, number] },
    ]),
  );
  expect(samplers.sobol.complaints(space)).toMatchObject([
    { condition: "an object with at most 64 parameters for sampler: sobol", got: "65" },
  ]);
  expect(samplers.halton.complaints(space)).toHaveLength(1);
});

test("settings are those of the points", () => {
  const space = {
    a: { float: [0, 1] },
    b: { int: [1, 4] },
    c: { categorical: ["x", "y"] },
  };
  const spec = SearchSpec.parse({ sampler: { sobol: { scramble: false } }, trials: 4, space });
  const asked = [0, 1, 2, 3].map((trial) => ask(spec, { key: key(1), trial, history: [] }));
  expect(asked).toEqual([
    { a: 0, b: 1, c: "x" },
    { a: 0.5, b: 3, c: "y" },
    { a: 0.75, b: 2, c: "x" },
    { a: 0.25, b: 4, c: "y" },
  ]);
});

/** Hickernell 1998, squared, as SciPy's `discrepancy(method="CD")`. */
function centredDiscrepancy(sample: readonly number[][]): number {
  const d = sample[0]?.length ?? 0;
  const n = sample.length;
  const away = (x: number) => Math.abs(x - 0.5);
  let single = 0;
  let pairs = 0;
  for (const x of sample) {
    single += x.reduce((product, c) => product * (1 + away(c) / 2 - away(c) ** 2 / 2), 1);
    for (const y of sample) {
      pairs += x.reduce((product, c, j) => {
        const other = y[j] ?? 0;
        return product * (1 + away(c) / 2 + away(other) / 2 - Math.abs(c - other) / 2);
      }, 1);
    }
  }
  return (13 / 12) ** d - (2 / n) * single + pairs / n ** 2;
}
