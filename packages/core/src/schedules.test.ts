import fc from "fast-check";
import { expect, test } from "vitest";
import { scheduleFactor } from "./schedules.ts";

test("constant is 1 throughout", () => {
  const factor = scheduleFactor({ constant: {} });
  expect([factor(0, 10), factor(5, 10), factor(10, 10)]).toEqual([1, 1, 1]);
});

test("linear is exact at 0, tau/2, tau and beyond (equation 8.14)", () => {
  const factor = scheduleFactor({ linear: { to: 0.25, over: 0.5 } });
  expect([0, 25, 50, 51, 100].map((step) => factor(step, 100))).toEqual([
    1, 0.625, 0.25, 0.25, 0.25,
  ]);
});

test("cosine goes from 1 over the middle to its floor", () => {
  const factor = scheduleFactor({ cosine: { to: 0.5 } });
  expect([factor(0, 8), factor(4, 8), factor(8, 8)]).toEqual([1, 0.75, 0.5]);
});

test("cosine is the cosine", () => {
  const factor = scheduleFactor({ cosine: { to: 0 } });
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const expected = (1 + Math.cos(Math.PI * share)) / 2;
      expect(Math.abs(factor(share, 1) - expected)).toBeLessThan(4e-16);
    }),
  );
});

test("no schedule ever raises the rate", () => {
  const specs = [{ constant: {} }, { linear: { to: 0.01, over: 0.7 } }, { cosine: { to: 0.1 } }];
  for (const spec of specs) {
    const factor = scheduleFactor(spec);
    for (let step = 1; step <= 333; step++) {
      expect(factor(step, 333)).toBeLessThanOrEqual(factor(step - 1, 333));
    }
  }
});
