import type { FirstOrder } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import type { Values } from "../kernels/kernels.ts";
import { updates32 } from "./float32.ts";
import { updates64 } from "./float64.ts";
import { startOptimizer } from "./optimizer.ts";
import { COEFFICIENTS, optimizerRule } from "./rules.ts";
import type { OptimizerName, UpdateTable } from "./rules.ts";

/** Runs `steps` steps from `start`; returns the parameters after each. */
function run<V extends Values>(
  spec: FirstOrder,
  gradient: (theta: number[]) => number[],
  start: number[],
  steps: number,
  updates: UpdateTable<V>,
  array: (from: number[]) => V,
  factor: (step: number) => number = () => 1,
): number[][] {
  const rule = optimizerRule(spec);
  const zeros = (count: number): V => array(Array.from({ length: count }, () => 0));
  const slots = Array.from({ length: rule.slots }, () => zeros(start.length));
  const optimizer = startOptimizer(rule, updates, slots, zeros(COEFFICIENTS));
  const weights = array(start);
  const path: number[][] = [];
  for (let step = 0; step < steps; step++) {
    optimizer.step(weights, array(gradient([...weights])), factor(step));
    path.push([...weights]);
  }
  return path;
}

const run32 = (
  spec: FirstOrder,
  gradient: (theta: number[]) => number[],
  start: number[],
  steps: number,
  factor?: (step: number) => number,
): number[][] =>
  run(spec, gradient, start, steps, updates32, (from) => Float32Array.from(from), factor);
const run64 = (
  spec: FirstOrder,
  gradient: (theta: number[]) => number[],
  start: number[],
  steps: number,
  factor?: (step: number) => number,
): number[][] =>
  run(spec, gradient, start, steps, updates64, (from) => Float64Array.from(from), factor);

type Gradient = (theta: number[]) => number[];

/**
 * A second implementation: one parameter vector of doubles, straight from the formulas, with the
 * published form of Nesterov's method (gradient at theta + alpha v, theta stored) and of Adam (both
 * moments corrected). Returns where the gradient was last wanted, which is what the first one stores.
 */
const independent: {
  [K in OptimizerName]: (g: Gradient, start: number[], steps: number) => number[][];
} = {
  sgd: (g, start, steps) => walk(start, steps, (x) => minus(x, times(0.02, g(x)))),
  momentum(g, start, steps) {
    let v = start.map(() => 0);
    return walk(start, steps, (x) => {
      v = minus(times(0.9, v), times(0.01, g(x)));
      return plus(x, v);
    });
  },
  nesterov(g, start, steps) {
    let v = start.map(() => 0);
    let theta = start;
    const seen: number[][] = [];
    for (let k = 0; k < steps; k++) {
      v = minus(times(0.9, v), times(0.01, g(plus(theta, times(0.9, v)))));
      theta = plus(theta, v);
      seen.push(plus(theta, times(0.9, v)));
    }
    return seen;
  },
  adagrad(g, start, steps) {
    const all: number[][] = [];
    return walk(start, steps, (x) => {
      all.push(g(x));
      return x.map((value, i) => {
        const squares = all.reduce((sum, one) => sum + (one[i] ?? 0) ** 2, 0);
        return value - (0.1 / (1e-7 + Math.sqrt(squares))) * (all.at(-1)?.[i] ?? 0);
      });
    });
  },
  rmsprop(g, start, steps) {
    let r = start.map(() => 0);
    return walk(start, steps, (x) => {
      const gradient = g(x);
      r = plus(
        times(0.9, r),
        times(
          0.1,
          gradient.map((one) => one ** 2),
        ),
      );
      return x.map(
        (value, i) => value - (0.01 / Math.sqrt(1e-6 + (r[i] ?? 0))) * (gradient[i] ?? 0),
      );
    });
  },
  adam: (g, start, steps) => textbookAdam(g, start, steps, 0),
  adamw: (g, start, steps) => textbookAdam(g, start, steps, 0.05),
};

function textbookAdam(g: Gradient, start: number[], steps: number, decay: number): number[][] {
  let s = start.map(() => 0);
  let r = start.map(() => 0);
  let t = 0;
  return walk(start, steps, (x) => {
    const gradient = g(x);
    t += 1;
    s = plus(times(0.9, s), times(0.1, gradient));
    r = plus(
      times(0.999, r),
      times(
        0.001,
        gradient.map((one) => one ** 2),
      ),
    );
    return x.map((value, i) => {
      const mean = (s[i] ?? 0) / -Math.expm1(t * Math.log(0.9));
      const square = (r[i] ?? 0) / -Math.expm1(t * Math.log(0.999));
      return value - 0.05 * (mean / (Math.sqrt(square) + 1e-8) + decay * value);
    });
  });
}

function walk(start: number[], steps: number, next: (x: number[]) => number[]): number[][] {
  const path: number[][] = [];
  let x = start;
  for (let k = 0; k < steps; k++) path.push((x = next(x)));
  return path;
}

const times = (a: number, x: number[]): number[] => x.map((value) => a * value);
const plus = (x: number[], y: number[]): number[] => x.map((value, i) => value + (y[i] ?? 0));
const minus = (x: number[], y: number[]): number[] => x.map((value, i) => value - (y[i] ?? 0));

const SPECS: { [K in OptimizerName]: FirstOrder } = {
  sgd: { sgd: { lr: 0.02 } },
  momentum: { momentum: { lr: 0.01, momentum: 0.9 } },
  nesterov: { nesterov: { lr: 0.01, momentum: 0.9 } },
  adagrad: { adagrad: { lr: 0.1, epsilon: 1e-7 } },
  rmsprop: { rmsprop: { lr: 0.01, decay: 0.9, epsilon: 1e-6 } },
  adam: { adam: { lr: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  adamw: { adamw: { lr: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 } },
};
const NAMES = Object.keys(SPECS) as OptimizerName[];

/** Gradient of x'diag(1, 4, 9)x / 2. */
const quadratic: Gradient = ([a = 0, b = 0, c = 0]) => [a, 4 * b, 9 * c];
/** Gradient of Rosenbrock's valley, divided by 100 so that every rate above is stable. */
const rosenbrock: Gradient = ([x = 0, y = 0]) => [
  (-2 * (1 - x) - 400 * x * (y - x * x)) / 100,
  (200 * (y - x * x)) / 100,
];
const PROBLEMS: [string, Gradient, number[]][] = [
  ["a quadratic", quadratic, [1, -0.5, 0.25]],
  ["Rosenbrock's valley", rosenbrock, [-0.75, 1]],
];

describe.each(NAMES)("%s follows the formulas over 50 steps", (name) => {
  test.each(PROBLEMS)("on %s, in float64 to 1e-12", (_, gradient, start) => {
    const truth = independent[name](gradient, start, 50);
    expect(deviation(run64(SPECS[name], gradient, start, 50), truth)).toBeLessThanOrEqual(1e-12);
  });

  test.each(PROBLEMS)("on %s, in float32 to 1e-6", (_, gradient, start) => {
    const truth = independent[name](gradient, start, 50);
    expect(deviation(run32(SPECS[name], gradient, start, 50), truth)).toBeLessThanOrEqual(1e-6);
  });
});

/** Largest difference of two paths, relative where values exceed 1; NaN counts as infinite. */
function deviation(path: number[][], truth: number[][]): number {
  const apart = truth.flatMap((point, k) =>
    point.map((value, i) => Math.abs((path[k]?.[i] ?? NaN) - value) / Math.max(1, Math.abs(value))),
  );
  return apart.reduce((most, one) => (one <= most ? most : Number.isNaN(one) ? Infinity : one), 0);
}

test("the first step of Adam is the rate, whatever the gradient's size", () => {
  const path = run64(SPECS.adam, () => [1e-3, -7, 1e5], [0, 0, 0], 1);
  expect(path[0]?.map((step) => Math.abs(step))).toEqual([
    expect.closeTo(0.05, 6),
    expect.closeTo(0.05, 9),
    expect.closeTo(0.05, 9),
  ]);
});

test("the effective rate of AdaGrad never rises", () => {
  const gradients = Array.from({ length: 60 }, (_, k) => (k % 7) - 2.5);
  let at = 0;
  const positions = run64(SPECS.adagrad, () => [gradients[at++] ?? 0], [0], 60).map(([x = 0]) => x);
  const rates = positions.map((x, k) => ((positions[k - 1] ?? 0) - x) / (gradients[k] ?? 1));
  for (const [k, rate] of rates.entries()) {
    expect(rate).toBeLessThanOrEqual((rates[k - 1] ?? Infinity) * (1 + 1e-9));
  }
});

test.each(["momentum", "nesterov"] as const)(
  "%s under a constant gradient tends to the speed rate |g| / (1 - alpha)",
  (name) => {
    const path = run64(SPECS[name], () => [2], [0], 400).map(([x = 0]) => x);
    expect((path[398] ?? 0) - (path[399] ?? 0)).toBeCloseTo((0.01 * 2) / (1 - 0.9), 10);
  },
);

test("Nesterov's first step differs from momentum's by the look-ahead alone", () => {
  const [plain = []] = run64(SPECS.momentum, quadratic, [1, 1, 1], 1);
  const [ahead = []] = run64(SPECS.nesterov, quadratic, [1, 1, 1], 1);
  // phi = theta + alpha v with v = theta - start.
  for (const [i, theta] of plain.entries())
    expect(ahead[i]).toBeCloseTo(theta + 0.9 * (theta - 1), 14);
});

test("momentum needs fewer steps than plain descent in a ravine", () => {
  const ravine: Gradient = ([a = 0, b = 0]) => [a, 100 * b];
  const steps = (spec: FirstOrder): number =>
    run64(spec, ravine, [1, 1], 2000).findIndex(([a = 1, b = 1]) => Math.hypot(a, b) < 1e-3);
  expect(steps({ momentum: { lr: 0.015, momentum: 0.9 } })).toBeLessThan(
    steps({ sgd: { lr: 0.015 } }) / 2,
  );
});

test("sgd on noisy gradients settles only if the rate decays", () => {
  let seed = 1;
  const noise = (): number => {
    seed = (seed * 16807) % 2147483647;
    return (seed / 2147483647 - 0.5) * 2;
  };
  const noisy: Gradient = ([x = 0]) => [x + noise()];
  const spread = (factor: (step: number) => number): number => {
    const tail = run64({ sgd: { lr: 0.5 } }, noisy, [1], 4000, factor).slice(-500);
    return Math.sqrt(tail.reduce((sum, [x = 0]) => sum + x * x, 0) / tail.length);
  };
  expect(spread((step) => 1 / (1 + step / 10))).toBeLessThan(spread(() => 1) / 5);
});

test("decoupled decay is scaled by the schedule and acts without a gradient", () => {
  const [half = []] = run64(
    SPECS.adamw,
    () => [0],
    [2],
    1,
    () => 0.5,
  );
  expect(half[0]).toBeCloseTo(2 * (1 - 0.5 * 0.05 * 0.05), 15);
});

test.each(NAMES)("%s starts anew without a trace of the steps before", (name) => {
  const rule = optimizerRule(SPECS[name]);
  const slots = Array.from({ length: rule.slots }, () => new Float32Array(3));
  const coefficients = new Float32Array(COEFFICIENTS);
  const once = (): number[] => {
    const optimizer = startOptimizer(rule, updates32, slots, coefficients);
    const weights = new Float32Array([1, -0.5, 0.25]);
    for (let step = 0; step < 5; step++) {
      optimizer.step(weights, Float32Array.from(quadratic([...weights])), 1);
    }
    return [...weights];
  };
  expect(once()).toEqual(once());
});
