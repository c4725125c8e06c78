import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bernoulli,
  fold,
  integerAt,
  integers,
  key,
  normals,
  permutation,
  philox4x32,
  uniforms,
  words,
} from "./rng.ts";

function philox(counter: readonly number[], keyWords: readonly number[]): string[] {
  const out = new Uint32Array(4);
  const [c0, c1, c2, c3] = counter as [number, number, number, number];
  const [k0, k1] = keyWords as [number, number];
  philox4x32(out, 0, c0, c1, c2, c3, k0, k1);
  return [...out].map((word) => word.toString(16).padStart(8, "0"));
}

describe("Philox4x32-10", () => {
  // Random123, tests/kat_vectors: philox4x32 10.
  test("known answers", () => {
    expect(philox([0, 0, 0, 0], [0, 0])).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
    const ones = 0xffffffff;
    expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([
      "408f276d",
      "41c83b0e",
      "a20bc7c6",
      "6d5451fd",
    ]);
    expect(
      philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    ).toEqual(["d16cfe09", "94fdcceb", "5001e420", "24126ea1"]);
  });

  test("equals 64-bit integer arithmetic for any counter and key", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, keyWords) => {
        let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
        let [k0, k1] = keyWords.map(BigInt) as [bigint, bigint];
        const mask = 0xffffffffn;
        for (let round = 0; round < 10; round++) {
          const p0 = 0xd2511f53n * a;
          const p1 = 0xcd9e8d57n * c;
          [a, b, c, d] = [(p1 >> 32n) ^ b ^ k0, p1 & mask, (p0 >> 32n) ^ d ^ k1, p0 & mask];
          k0 = (k0 + 0x9e3779b9n) & mask;
          k1 = (k1 + 0xbb67ae85n) & mask;
        }
        expect(philox(counter, keyWords)).toEqual(
          [a, b, c, d].map((w) => w.toString(16).padStart(8, "0")),
        );
      }),
    );
  });
});

describe("keys", () => {
  test("are plain data and survive JSON", () => {
    const member = fold(fold(key(2 ** 53 - 1), "member", 31), "dropout", 7);
    expect(JSON.parse(JSON.stringify(member))).toEqual(member);
    for (const part of member)
      expect(Number.isInteger(part) && part >= 0 && part < 2 ** 32).toBe(true);
  });

  test("names, indices, order and seeds all matter", () => {
    const seen = new Set<string>();
    let count = 0;
    for (const seed of [0, 1, 2 ** 32, 2 ** 40]) {
      for (const name of ["", "a", "b", "ab", "ba", "dropout", "init"]) {
        for (const index of [0, 1, 2, 2 ** 32, 2 ** 33]) {
          seen.add(String(fold(key(seed), name, index)));
          seen.add(String(fold(fold(key(seed), name, index), "a")));
          count += 2;
        }
      }
    }
    expect(seen.size).toBe(count);
  });

  test("a bad seed is named", () => {
    expect(() => key(-1)).toThrow(
      "seed must be a whole number from 0 to 9007199254740991, got -1.",
    );
    expect(() => key(1.5)).toThrow("got 1.5.");
  });
});

describe("draws", () => {
  const k = fold(key(7), "test");

  test("a longer draw begins with the shorter one", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), (a, b) => {
        const [short, long] = [Math.min(a, b), Math.max(a, b)];
        expect([...words(k, long).subarray(0, short)]).toEqual([...words(k, short)]);
        expect([...normals(k, long).subarray(0, short)]).toEqual([...normals(k, short)]);
        expect([...integers(k, long, 10).subarray(0, short)]).toEqual([...integers(k, short, 10)]);
      }),
    );
  });

  test("uniforms and normals have the moments of their laws", () => {
    const n = 40_000;
    const u = uniforms(k, n);
    expect(u.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(Math.abs(mean(u) - 0.5)).toBeLessThan(4 / Math.sqrt(12 * n));
    const z = normals(k, n);
    expect(Math.abs(mean(z))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(mean(z.map((x) => x * x)) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(mean(z.map((x) => x ** 4)) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
  });

  test("integers are uniform, also for a bound that divides nothing", () => {
    const below = 7;
    const n = 14_000;
    const counts = Array.from({ length: below }, () => 0);
    for (const i of integers(k, n, below)) counts[i] = (counts[i] ?? 0) + 1;
    const chi2 = counts.reduce((total, c) => total + (c - n / below) ** 2 / (n / below), 0);
    expect(chi2).toBeLessThan(22.5); // the 0.999 quantile with 6 degrees of freedom
    // A bound above 2^31 rejects about half of the words; none may fall outside.
    const large = 2 ** 31 + 1;
    for (let i = 0; i < 500; i++) expect(integerAt(k, i, large)).toBeLessThan(large);
  });

  test("permutations hold each number once, and all orders occur", () => {
    fc.assert(
      fc.property(fc.nat(200), (n) => {
        expect([...permutation(k, n)].sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, i) => i),
        );
      }),
    );
    const counts = new Map<string, number>();
    for (let i = 0; i < 6_000; i++) {
      const order = permutation(fold(k, "order", i), 3).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test("a mask's elements follow from its words alone", () => {
    const mask = bernoulli(k, 1000, 0.3);
    const source = words(k, 1000);
    mask.forEach((bit, i) => expect(bit).toBe((source[i] as number) / 2 ** 32 < 0.3 ? 1 : 0));
    expect(bernoulli(k, 100, 1).every((bit) => bit === 1)).toBe(true);
    expect(bernoulli(k, 100, 0).every((bit) => bit === 0)).toBe(true);
  });
});

function mean(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total / values.length;
}
