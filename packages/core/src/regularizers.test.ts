import fc from "fast-check";
import { expect, test } from "vitest";
import { REGULARIZERS } from "./regularizers.ts";

const WHOLE = { offset: 1, inputs: 2, units: 2 };
const weights = (): Float32Array => new Float32Array([9, 1, -2, 0, 4, 9]);

test("l2 adds alpha w inside the range and nowhere else", () => {
  const gradient = new Float32Array(6).fill(1);
  REGULARIZERS.l2(0.5).gradient?.(weights(), gradient, WHOLE);
  expect([...gradient]).toEqual([1, 1.5, 0, 1, 3, 1]);
});

test("l1 adds alpha sign(w), nothing at 0", () => {
  const gradient = new Float32Array(6);
  REGULARIZERS.l1(0.5).gradient?.(weights(), gradient, WHOLE);
  expect([...gradient]).toEqual([0, 0.5, -0.5, 0, 0.5, 0]);
});

test("l1 on a diagonal quadratic ends at the soft threshold (equation 7.23)", () => {
  const curvature = [1, 2, 4, 1];
  const optimum = [1, -0.8, 0.05, -0.2];
  const alpha = 0.4;
  const w = new Float32Array(4);
  const g = new Float32Array(4);
  const rule = REGULARIZERS.l1(alpha);
  for (let step = 0; step < 12_000; step++) {
    for (let i = 0; i < 4; i++) g[i] = (curvature[i] ?? 0) * ((w[i] ?? 0) - (optimum[i] ?? 0));
    rule.gradient?.(w, g, { offset: 0, inputs: 2, units: 2 });
    for (let i = 0; i < 4; i++) w[i] = (w[i] ?? 0) - 0.002 * (g[i] ?? 0);
  }
  for (const [i, star] of optimum.entries()) {
    const soft = Math.sign(star) * Math.max(Math.abs(star) - alpha / (curvature[i] ?? 1), 0);
    // The subgradient step chatters around 0 by at most the rate times alpha.
    expect(Math.abs((w[i] ?? NaN) - soft)).toBeLessThan(1e-3);
  }
});

test("maxNorm leaves no unit's incoming norm above its limit and others untouched", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.double({ min: 0.01, max: 10, noNaN: true }),
      fc.infiniteStream(fc.float({ min: -8, max: 8, noNaN: true })),
      (inputs, units, limit, numbers) => {
        const before = Float32Array.from({ length: 3 + inputs * units + 2 }, () => {
          return numbers.next().value as number;
        });
        const after = before.slice();
        REGULARIZERS.maxNorm(limit).project?.(after, { offset: 3, inputs, units }, 0.1);
        expect([...after.subarray(0, 3)]).toEqual([...before.subarray(0, 3)]);
        expect([...after.subarray(-2)]).toEqual([...before.subarray(-2)]);
        for (let unit = 0; unit < units; unit++) {
          const column = (of: Float32Array): number[] =>
            Array.from({ length: inputs }, (_, row) => of[3 + row * units + unit] ?? NaN);
          const norm = Math.hypot(...column(before));
          expect(Math.hypot(...column(after))).toBeLessThanOrEqual(limit * (1 + 1e-6));
          const kept = norm <= limit * (1 - 1e-12);
          const apart = column(after).map((w, row) =>
            Math.abs(w - (column(before)[row] ?? NaN) * Math.min(1, limit / norm)),
          );
          expect(Math.max(...apart)).toBeLessThanOrEqual(kept ? 0 : 1e-6 * limit);
        }
      },
    ),
  );
});

test("proximalL1 on a diagonal quadratic ends at the soft threshold with true zeros", () => {
  const curvature = [1, 2, 4, 1];
  const optimum = [1, -0.8, 0.05, -0.2];
  const [alpha, rate] = [0.4, 0.05];
  const w = new Float32Array(4);
  const rule = REGULARIZERS.proximalL1(alpha);
  for (let step = 0; step < 2000; step++) {
    for (let i = 0; i < 4; i++) w[i]! -= rate * curvature[i]! * (w[i]! - optimum[i]!);
    rule.project?.(w, { offset: 0, inputs: 2, units: 2 }, rate);
  }
  for (const [i, star] of optimum.entries()) {
    const soft = Math.sign(star) * Math.max(Math.abs(star) - alpha / curvature[i]!, 0);
    expect(w[i]).toBeCloseTo(soft, 5);
    expect(w[i] === 0).toBe(soft === 0);
  }
});

test("elastic is l1 and l2 in their shares", () => {
  const gradient = new Float32Array(6);
  REGULARIZERS.elastic({ alpha: 2, ratio: 0.25 }).gradient?.(weights(), gradient, WHOLE);
  expect([...gradient]).toEqual([0, 2, -3.5, 0, 6.5, 0]);
});
