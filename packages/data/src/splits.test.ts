import { key } from "@manyfold/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldRows, splitRows, type Split } from "./splits.ts";

const seeds = fc.nat();
const shares = fc.double({ min: 0.01, max: 0.99, noNaN: true });
const classCodes = fc.array(fc.nat({ max: 4 }), { minLength: 2, maxLength: 120 });

const rowsOf = (count: number) => Uint32Array.from({ length: count }, (_, i) => 3 * i);
/** Codes by row number, where only every third row takes part. */
const spread = (codes: number[]) => codes.flatMap((code) => [code, -1, -1]);

const countBy = (rows: Uint32Array, codes: ArrayLike<number>) => {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(codes[row] ?? NaN, (counts.get(codes[row] ?? NaN) ?? 0) + 1);
  return counts;
};

function expectParts(rows: Uint32Array, { train, held }: Split) {
  expect([...train, ...held].toSorted((a, b) => a - b)).toEqual([...rows]);
  expect(train).toEqual(train.toSorted());
  expect(held).toEqual(held.toSorted());
}

describe("a split", () => {
  test("is disjoint and complete, of the wanted size, the same for the same key", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 2, max: 200 }), shares, (seed, count, share) => {
        const rows = rowsOf(count);
        const split = splitRows(key(seed), rows, share);
        expectParts(rows, split);
        const wanted = Math.min(Math.max(Math.round(share * count), 1), count - 1);
        expect(split.held.length).toBe(wanted);
        expect(splitRows(key(seed), rows, share)).toEqual(split);
      }),
    );
  });

  test("differs between keys", () => {
    const rows = rowsOf(40);
    const seen = new Set([1, 2, 3, 4, 5].map((s) => String(splitRows(key(s), rows, 0.5).held)));
    expect(seen.size).toBe(5);
  });

  test("every row is held out equally often", () => {
    const rows = rowsOf(10);
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 2000; seed++) {
      for (const row of splitRows(key(seed), rows, 0.3).held) {
        counts.set(row, (counts.get(row) ?? 0) + 1);
      }
    }
    // Binomial(2000, 0.3): standard deviation 20.5; five of them.
    for (const row of rows) expect(Math.abs((counts.get(row) ?? 0) - 600)).toBeLessThan(103);
  });

  test("needs two rows", () => {
    expect(() => splitRows(key(1), rowsOf(1), 0.5)).toThrow("at least 2 rows to split, got 1");
  });
});

describe("a stratified split", () => {
  test("keeps each class's share within a row where the bounds allow, and a row on both sides", () => {
    fc.assert(
      fc.property(seeds, classCodes, shares, (seed, codes, share) => {
        const rows = rowsOf(codes.length);
        const strata = spread(codes);
        const sizes = countBy(rows, strata);
        const split = splitRows(key(seed), rows, share, { strata });
        expectParts(rows, split);
        const held = countBy(split.held, strata);
        const wanted = Math.min(Math.max(Math.round(share * codes.length), 1), codes.length - 1);
        let bounded = false;
        for (const [code, size] of sizes) {
          const own = held.get(code) ?? 0;
          expect(size === 1 ? own === 0 : own >= 1 && own <= size - 1).toBe(true);
          const quota = (wanted * size) / codes.length;
          bounded ||= size === 1 || Math.floor(quota) < 1 || Math.ceil(quota) > size - 1;
        }
        if (bounded) return;
        expect(split.held.length).toBe(wanted);
        for (const [code, size] of sizes) {
          const quota = (wanted * size) / codes.length;
          expect(Math.abs((held.get(code) ?? 0) - quota)).toBeLessThan(1);
        }
      }),
    );
  });

  test("rounds by largest remainder", () => {
    // Quotas 1.25, 1.5 and 2.25 of 5 held out: the half rounds up.
    const codes = [...Array(5).fill(0), ...Array(6).fill(1), ...Array(9).fill(2)] as number[];
    const rows = Uint32Array.from(codes, (_, i) => i);
    const { held } = splitRows(key(3), rows, 0.25, { strata: codes });
    expect([0, 1, 2].map((code) => countBy(held, codes).get(code))).toEqual([1, 2, 2]);
  });
});

describe("a grouped split", () => {
  test("keeps groups whole, neither side empty, nearer to the share than a group is large", () => {
    fc.assert(
      fc.property(seeds, classCodes, shares, (seed, codes, share) => {
        fc.pre(new Set(codes).size > 1);
        const rows = rowsOf(codes.length);
        const groups = spread(codes);
        const split = splitRows(key(seed), rows, share, { groups, strata: groups });
        expectParts(rows, split);
        expect(split.train.length).toBeGreaterThan(0);
        expect(split.held.length).toBeGreaterThan(0);
        const held = countBy(split.held, groups);
        for (const code of countBy(split.train, groups).keys()) expect(held.has(code)).toBe(false);
        const largest = Math.max(...countBy(rows, groups).values());
        expect(Math.abs(split.held.length - share * codes.length)).toBeLessThanOrEqual(largest + 1);
      }),
    );
  });

  test("needs two groups", () => {
    expect(() => splitRows(key(1), rowsOf(4), 0.5, { groups: spread([1, 1, 1, 1]) })).toThrow(
      "data.split.group must be a column with at least 2 different values",
    );
  });
});

describe("folds", () => {
  const ks = fc.integer({ min: 2, max: 6 });

  test("hold out each row once; sizes and classes differ by at most one row", () => {
    fc.assert(
      fc.property(seeds, classCodes, ks, (seed, codes, k) => {
        fc.pre(codes.length >= k);
        const rows = rowsOf(codes.length);
        const strata = spread(codes);
        const folds = foldRows(key(seed), rows, k, { strata });
        expect(folds).toHaveLength(k);
        for (const split of folds) expectParts(rows, split);
        const held = folds.flatMap((split) => [...split.held]).toSorted((a, b) => a - b);
        expect(held).toEqual([...rows]);
        const even = (sizes: number[]) => Math.max(...sizes) - Math.min(...sizes) <= 1;
        expect(even(folds.map((split) => split.held.length))).toBe(true);
        for (const code of new Set(codes)) {
          const sizes = folds.map((split) => countBy(split.held, strata).get(code) ?? 0);
          expect(even(sizes)).toBe(true);
        }
        expect(foldRows(key(seed), rows, k, { strata })).toEqual(folds);
      }),
    );
  });

  test("keep groups whole, no fold empty", () => {
    fc.assert(
      fc.property(seeds, classCodes, ks, (seed, codes, k) => {
        fc.pre(new Set(codes).size >= k);
        const rows = rowsOf(codes.length);
        const groups = spread(codes);
        const folds = foldRows(key(seed), rows, k, { groups });
        const homes = new Map<number, number>();
        for (const [i, split] of folds.entries()) {
          expectParts(rows, split);
          expect(split.held.length).toBeGreaterThan(0);
          for (const row of split.held) {
            const code = groups[row] ?? NaN;
            expect(homes.get(code) ?? i).toBe(i);
            homes.set(code, i);
          }
        }
      }),
    );
  });

  test("cannot be more than rows, or groups", () => {
    expect(() => foldRows(key(1), rowsOf(3), 4)).toThrow(
      "search.assess.folds.k must be at most the number of training rows (3), got 4.",
    );
    expect(() => foldRows(key(1), rowsOf(4), 3, { groups: spread([0, 0, 1, 1]) })).toThrow(
      "at most the number of training groups (2), got 3",
    );
  });
});
