import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { buildNetwork } from "./network.ts";
import { key, normals } from "./rng.ts";
import { train, type TrainJob } from "./train.ts";

const layers = [{ dense: { units: 4, activation: "tanh" } }];
const network = buildNetwork(ModelSpec.parse({ layers }), {
  inputs: 2,
  task: "regression",
  outputs: 1,
});
const x = Float32Array.from(normals(key(1), 40));
const y = Float32Array.from({ length: 20 }, (_, i) => Math.fround(x[2 * i]! * x[2 * i + 1]!));

const jobOf = (settings: object): TrainJob => ({
  network,
  spec: TrainSpec.parse({ epochs: 8, batch: 5, ...settings }),
  variant: "js",
  x,
  y,
  rows: Uint32Array.from({ length: 20 }, (_, i) => i),
  key: key(2),
});

function weightsOf(job: TrainJob): Float32Array {
  const outcome = train(job);
  if (outcome.status !== "done") throw new Error("It ended.");
  return outcome.weights;
}

test.each([
  { average: { from: 0.5, every: 1 }, epochs: [5, 6, 7, 8] },
  { average: { from: 0.25, every: 3 }, epochs: [3, 6] },
  { average: { from: 0, every: 1 }, epochs: [1, 2, 3, 4, 5, 6, 7, 8] },
  { average: { from: 0.99, every: 1 }, epochs: [8] },
])("$average is the mean of the weights after epochs $epochs", ({ average, epochs }) => {
  const plain = jobOf({});
  // What each epoch ends with, from trainings that pause there.
  const points = epochs.map((pause) => weightsOf({ ...plain, pause }));
  const averaged = weightsOf(jobOf({ average }));
  averaged.forEach((weight, i) => {
    const mean = points.reduce((sum, point) => sum + point[i]!, 0) / points.length;
    expect(weight).toBeCloseTo(mean, 6);
  });
});

test("averaging changes what is returned and nothing of the training", () => {
  const plain = train(jobOf({}));
  const averaged = train(jobOf({ average: {} }));
  if (plain.status !== "done" || averaged.status !== "done") throw new Error("It ended.");
  expect(averaged.curve).toEqual(plain.curve);
  expect(averaged.weights).not.toEqual(plain.weights);
});
