import fc from "fast-check";
import { expect, test } from "vitest";
import { type Schedule } from "@manyfold/protocol";
import { momentumOf, startSchedule } from "./schedules.ts";

/** The factor of a training of `total` steps, `epoch` of them an epoch. */
function scheduleFactor(schedule: Schedule, epoch = 1): (step: number, total: number) => number {
  return (step, total) => startSchedule(schedule, { epoch, total }).factor(step);
}

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

test("cosine with restarts begins again, in cycles that stretch", () => {
  const factor = scheduleFactor({ cosine: { to: 0, cycles: 2, stretch: 3 } });
  // Cycles of 10 and 30 steps.
  expect([0, 5, 10, 25, 40].map((step) => factor(step, 40))).toEqual([1, 0.5, 1, 0.5, 0]);
});

test("step and exponential fall by epochs", () => {
  const step = scheduleFactor({ step: { every: 2, by: 0.5 } }, 4);
  expect([0, 7, 8, 15, 16].map((at) => step(at, 40))).toEqual([1, 1, 0.5, 0.5, 0.25]);
  const smooth = scheduleFactor({ exponential: { by: 0.25 } }, 4);
  for (const [at, expected] of [
    [0, 1],
    [2, 0.5],
    [4, 0.25],
    [8, 0.0625],
  ] as const) {
    expect(smooth(at, 40)).toBeCloseTo(expected, 15);
  }
});

test("inverse is tau / t from tau on: its sum grows without bound, its squares do not", () => {
  const factor = scheduleFactor({ inverse: { after: 2 } }, 1);
  expect([0, 2, 4, 8].map((step) => factor(step, 9))).toEqual([1, 1, 0.5, 0.25]);
  let [sum, squares] = [0, 0];
  for (let step = 0; step < 100_000; step++) {
    sum += factor(step, 1e6);
    squares += factor(step, 1e6) ** 2;
  }
  expect(sum).toBeGreaterThan(20);
  expect(squares).toBeLessThan(5);
});

test("oneCycle rises to the full rate and falls to its end, momentum against it", () => {
  const factor = scheduleFactor({ oneCycle: { from: 0.2, to: 0, peak: 0.25 } });
  const shares = [0, 10, 20, 50, 80].map((step) => factor(step, 80));
  for (const [i, expected] of [0.2, 0.6, 1, 0.5, 0].entries()) {
    expect(shares[i]).toBeCloseTo(expected, 15);
  }
  const momentum = momentumOf({ oneCycle: { low: 0.8, peak: 0.25 } }, 0.9, { epoch: 1, total: 80 });
  expect([momentum(0), momentum(20), momentum(80)]).toEqual([0.9, 0.8, 0.9]);
});

test("plateau falls after so many epochs without improvement, and not below its floor", () => {
  const { factor, observe } = startSchedule(
    { plateau: { by: 0.1, patience: 2, minDelta: 0.1, to: 0.05 } },
    { epoch: 1, total: 9 },
  );
  const seen = [1, 0.95, 0.5, 0.5, 0.45, 0.6, 0.6].map((loss) => {
    observe?.(loss);
    return factor(0);
  });
  expect(seen).toEqual([1, 1, 1, 1, 0.1, 0.1, 0.05]);
});

test("warmUp multiplies what follows", () => {
  const factor = scheduleFactor({
    warmUp: { over: 0.5, from: 0.5, into: { linear: { to: 0, over: 1 } } },
  });
  expect([0, 2, 4, 6, 8].map((step) => factor(step, 8))).toEqual([0.5, 0.5625, 0.5, 0.25, 0]);
});

test("momentum: a line, and Sutskever's stairs", () => {
  const line = momentumOf({ linear: { from: 0.5, over: 0.5 } }, 0.9, { epoch: 1, total: 8 });
  expect([line(0), line(2), line(8)]).toEqual([0.5, 0.7, 0.9]);
  const stairs = momentumOf({ sutskever: { steps: 250 } }, 0.99, { epoch: 1, total: 1e5 });
  for (const t of [0, 249, 250, 1000, 60_000]) {
    const textbook = Math.min(1 - 2 ** (-1 - Math.log2(Math.floor(t / 250) + 1)), 0.99);
    expect(stairs(t)).toBeCloseTo(textbook, 14);
  }
});
