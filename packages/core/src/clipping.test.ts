import fc from "fast-check";
import { expect, test } from "vitest";
import { clippingOf } from "./clipping.ts";

const gradient = fc.float32Array({ minLength: 1, maxLength: 20, noNaN: true, min: -1e6, max: 1e6 });
const norm = (g: Float32Array): number => Math.hypot(...g);

test("norm keeps the direction and cuts the length, and only where it is too long", () => {
  fc.assert(
    fc.property(gradient, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (g, largest) => {
      const cut = g.slice();
      expect(clippingOf({ norm: largest })(cut)).toBe(norm(g) > largest);
      const by = Math.min(1, largest / norm(g));
      for (const [i, one] of cut.entries()) {
        expect(Math.abs(one - by * g[i]!)).toBeLessThanOrEqual(1e-6 * largest);
      }
    }),
  );
});

test("value keeps each component within its limits", () => {
  const g = Float32Array.of(3, -0.5, -7, 2);
  expect(clippingOf({ value: 2 })(g)).toBe(true);
  expect([...g]).toEqual([2, -0.5, -2, 2]);
  expect(clippingOf({ value: 2 })(g)).toBe(false);
});

test("what is not finite is left to be found", () => {
  for (const clip of [clippingOf({ norm: 1 }), clippingOf({ value: 1 })]) {
    const g = Float32Array.of(Infinity, NaN, -Infinity);
    clip(g);
    expect([...g]).toEqual([Infinity, NaN, -Infinity]);
  }
});
