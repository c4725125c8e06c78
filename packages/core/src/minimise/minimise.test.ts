import type { SecondOrder } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { key, normals } from "../rng.ts";
import { minimise } from "./minimise.ts";
import { newton } from "./newton.ts";
import { type Point, pointAt, type SmoothObjective } from "./objective.ts";
import { bfgs, conjugateGradients, exactFirst } from "./quasi-newton.ts";
import { norm } from "./vectors.ts";

const N = 6;

/** 1/2 x'Ax - b'x with A = M'M / n + I / 10, well away from round numbers. */
function quadratic(): { objective: SmoothObjective; start: Float64Array } {
  const m = normals(key(5), N * N);
  const a = new Float64Array(N * N);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < N; j++) {
      for (let k = 0; k < N; k++) a[i * N + j]! += (m[k * N + i]! * m[k * N + j]!) / N;
    }
    a[i * N + i]! += 0.1;
  }
  const b = normals(key(6), N);
  const times = (v: Float64Array): Float64Array =>
    v.map((_, i) => v.reduce((sum, one, j) => sum + a[i * N + j]! * one, 0));
  const evaluate = (x: Float64Array, gradient: Float64Array): number => {
    const ax = times(x);
    for (let i = 0; i < N; i++) gradient[i] = ax[i]! - b[i]!;
    return x.reduce((sum, one, i) => sum + one * (ax[i]! / 2 - b[i]!), 0);
  };
  return {
    objective: { size: N, evaluate, curvature: (_, v) => times(v) },
    start: normals(key(7), N),
  };
}

/** (1 - x)^2 + 100 (y - x^2)^2, lowest at (1, 1). */
const rosenbrock: SmoothObjective = {
  size: 2,
  evaluate: (theta, gradient) => {
    const [x, y] = [theta[0]!, theta[1]!];
    gradient[0] = -2 * (1 - x) - 400 * x * (y - x * x);
    gradient[1] = 200 * (y - x * x);
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2;
  },
  curvature: (theta, v) => {
    const [x, y] = [theta[0]!, theta[1]!];
    const xx = 2 - 400 * (y - 3 * x * x);
    return Float64Array.of(xx * v[0]! - 400 * x * v[1]!, -400 * x * v[0]! + 200 * v[1]!);
  },
};

/** x^2 - y^2 with a rim: a saddle at 0, lowest at (0, +-1/sqrt 2). */
const saddle: SmoothObjective = {
  size: 2,
  evaluate: (theta, gradient) => {
    const [x, y] = [theta[0]!, theta[1]!];
    gradient[0] = 2 * x;
    gradient[1] = -2 * y + 4 * y ** 3;
    return x * x - y * y + y ** 4;
  },
  curvature: (theta, v) => Float64Array.of(2 * v[0]!, (12 * theta[1]! ** 2 - 2) * v[1]!),
};

const tolerance = 1e-9;
const methods: Record<string, SecondOrder> = {
  newton: { newton: { damping: 0.001, tolerance } },
  newtonCg: { newtonCg: { damping: 0, products: 50, tolerance } },
  "cg by Polak and Ribiere": { cg: { beta: "polakRibiere", tolerance } },
  "cg by Fletcher and Reeves": { cg: { beta: "fletcherReeves", tolerance } },
  bfgs: { bfgs: { tolerance } },
  lbfgs: { lbfgs: { memory: 5, tolerance } },
};

describe("on a quadratic", () => {
  test("Newton's bare step is there at once", () => {
    const { objective, start } = quadratic();
    const path = minimise({ newton: { damping: 0, tolerance: 1e-12 } }, objective, start, 50);
    expect(path).toHaveLength(2);
  });

  test.each(["polakRibiere", "fletcherReeves"] as const)("cg by %s takes n steps", (beta) => {
    const { objective, start } = quadratic();
    const path = minimise({ cg: { beta, tolerance: 1e-9 } }, objective, start, 50);
    expect(path.length - 1).toBeLessThanOrEqual(N);
    expect(path.length - 1).toBeGreaterThan(N / 2);
  });

  test("BFGS with exact steps goes the way of conjugate gradients (Nazareth 1979)", () => {
    const { objective, start } = quadratic();
    const exact = exactFirst(objective);
    const cg = conjugateGradients(objective, "fletcherReeves", exact);
    const quasi = bfgs(objective, exact, { scale: false });
    let [a, b]: [Point | null, Point | null] = [null, null];
    a = b = pointAt(objective, start);
    for (let step = 0; step < N - 1; step++) {
      a = cg(a!);
      b = quasi(b!);
      const apart = Math.max(...a!.theta.map((one, i) => Math.abs(one - b!.theta[i]!)));
      expect(apart).toBeLessThan(1e-9);
    }
  });

  test("quasi-Newton methods converge faster than any line", () => {
    const { objective, start } = quadratic();
    for (const method of [methods["bfgs"]!, methods["lbfgs"]!]) {
      const path = minimise(method, objective, start, 60);
      const norms = path.map(({ gradient }) => norm(gradient));
      expect(path.length).toBeLessThan(25);
      // Superlinear: the last reduction beats the mean one.
      const mean = (norms.at(-1)! / norms[0]!) ** (1 / (norms.length - 1));
      expect(norms.at(-1)! / norms.at(-2)!).toBeLessThan(mean);
    }
  });
});

test.each(Object.entries(methods))("%s finds the end of Rosenbrock's valley", (_, method) => {
  const path = minimise(method, rosenbrock, Float64Array.of(-1.2, 1), 200);
  const { theta } = path.at(-1)!;
  expect(Math.hypot(theta[0]! - 1, theta[1]! - 1)).toBeLessThan(1e-6);
  for (let i = 1; i < path.length; i++) {
    expect(path[i]!.value).toBeLessThanOrEqual(path[i - 1]!.value);
  }
  expect(path.length).toBeLessThan(100);
});

test("the bare Newton step goes to a saddle, the damped one leaves it", () => {
  const start = Float64Array.of(0.3, 0.01);
  let at = pointAt(saddle, start);
  const bare = newton(saddle, 0);
  for (let i = 0; i < 8; i++) at = bare(at) ?? at;
  expect(norm(at.theta)).toBeLessThan(1e-6);
  const damped = minimise({ newton: { damping: 0.1, tolerance } }, saddle, start, 100).at(-1)!;
  expect(Math.abs(Math.abs(damped.theta[1]!) - Math.SQRT1_2)).toBeLessThan(1e-6);
});
