import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { compileCurvature } from "./curvature.ts";
import { initialize } from "./init.ts";
import { JS_KERNELS } from "./kernels/js/set.ts";
import { buildNetwork } from "./network.ts";
import { compileTraining } from "./program.ts";
import { fold, key, normals } from "./rng.ts";
import { train, type TrainJob } from "./train.ts";
import { trainingBytes } from "./workbench.ts";

const ROWS = 300;

function jobOf(settings: object, layers: unknown[] = []): TrainJob {
  const model = ModelSpec.parse({ layers } as Parameters<typeof ModelSpec.parse>[0]);
  const noise = normals(key(2), ROWS);
  const x = Float32Array.from(normals(key(1), 3 * ROWS));
  const y = Float32Array.from(noise, (e, row) => 1 + 2 * x[3 * row]! - x[3 * row + 1]! + 0.1 * e);
  return {
    network: buildNetwork(model, { inputs: 3, task: "regression", outputs: 1 }),
    spec: TrainSpec.parse({ epochs: 30, batch: "all", ...settings }),
    variant: "js",
    x,
    y,
    rows: Uint32Array.from({ length: ROWS }, (_, i) => i),
    key: key(3),
  };
}

const METHODS = ["newton", "newtonCg", "cg", "bfgs", "lbfgs"] as const;
const TANH = [{ dense: { units: 5, activation: "tanh" } }];

describe.each(METHODS)("%s", (optimizer) => {
  test("solves a ridge regression: its gradient is 0 there", () => {
    const alpha = 0.05;
    const job = jobOf({ optimizer, regularizers: [{ l2: alpha }] });
    const outcome = train(job);
    if (outcome.status !== "done") throw new Error(outcome.status);
    // The loss is 1/2 mean e^2 + alpha/2 |w|^2 over weights, not the bias.
    const gradient = new Float64Array(4);
    for (let row = 0; row < ROWS; row++) {
      const features = [...job.x.subarray(3 * row, 3 * row + 3), 1];
      const error = features.reduce((sum, one, i) => sum + one * outcome.weights[i]!, -job.y[row]!);
      for (let i = 0; i < 4; i++) gradient[i]! += (error * features[i]!) / ROWS;
    }
    for (let i = 0; i < 3; i++) gradient[i]! += alpha * outcome.weights[i]!;
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-4);
    expect(outcome.curve.length).toBeLessThan(30);
    expect(outcome.epoch).toBe(outcome.curve.at(-1)?.epoch);
  });

  test("falls on a network, with equal bits in js and wasm-plain", () => {
    const job = jobOf({ optimizer, epochs: 8 }, TANH);
    const outcome = train(job);
    if (outcome.status !== "done") throw new Error(outcome.status);
    const losses = outcome.curve.map((point) => point.train);
    for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThanOrEqual(losses[i - 1]!);
    expect(train({ ...job, variant: "wasm-plain" })).toEqual(outcome);
    expect(trainingBytes(job.network, job.spec, ROWS, "wasm-plain")).toBeGreaterThan(0);
  });

  test("stops where it is told to", () => {
    let asked = 0;
    const job = { ...jobOf({ optimizer }, TANH), cancelled: () => ++asked > 3 };
    expect(train(job).status).toBe("cancelled");
  });
});

test("Hv is the derivative of the gradient, and symmetric", () => {
  const { network, x, y } = jobOf({}, TANH);
  const kernels = JS_KERNELS.float64;
  const options = { loss: "squaredError", batches: [32], kernels } as const;
  const curvature = compileCurvature(network, options);
  const gradient = compileTraining(network, options);
  const { size } = network.parameters;
  const theta = new Float64Array(size);
  initialize(network, key(4), theta);
  const [u, v] = [normals(fold(key(4), "u"), size), normals(fold(key(4), "v"), size)];
  for (const program of [curvature, gradient]) {
    program.x.set(x.subarray(0, 96));
    program.y.set(y.subarray(0, 32));
  }
  const times = (direction: Float64Array): number[] => {
    curvature.parameters.set(theta);
    curvature.direction.set(direction);
    curvature.run(32);
    return [...curvature.product];
  };
  const at = (step: number): number[] => {
    gradient.parameters.set(theta.map((one, i) => one + step * v[i]!));
    gradient.run(32, key(0));
    return [...gradient.gradients];
  };
  const [up, down, hv, hu] = [at(1e-5), at(-1e-5), times(v), times(u)];
  for (let i = 0; i < size; i++) expect(hv[i]).toBeCloseTo((up[i]! - down[i]!) / 2e-5, 7);
  const dot = (a: ArrayLike<number>, b: number[]): number =>
    b.reduce((sum, one, i) => sum + one * a[i]!, 0);
  expect(dot(u, hv)).toBeCloseTo(dot(v, hu), 12);
});
