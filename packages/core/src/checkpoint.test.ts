import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { buildNetwork } from "./network.ts";
import { key, normals, uniforms } from "./rng.ts";
import { train, type TrainJob } from "./train.ts";

const model = ModelSpec.parse({
  layers: [{ dense: { units: 5, activation: "tanh" } }, { dropout: { rate: 0.2 } }],
});
const network = buildNetwork(model, { inputs: 3, task: "regression", outputs: 1 });
const n = 40;
const x = Float32Array.from(normals(key(1), 3 * n));
const y = Float32Array.from({ length: n }, (_, i) => Math.fround(x[3 * i]! - x[3 * i + 1]!));
const all = Uint32Array.from({ length: n }, (_, i) => i);

const jobOf = (more: object): TrainJob => ({
  network,
  spec: TrainSpec.parse({ epochs: 7, batch: 16, ...more }),
  variant: "js",
  x,
  y,
  rows: all.slice(0, 30),
  held: all.slice(30),
  key: key(5),
});

/** Trains in parts, each from the bytes that the one before left. */
function inParts(job: TrainJob, ends: readonly number[]) {
  let from: Uint8Array | undefined;
  for (const pause of ends) {
    const part = train({ ...job, pause, ...(from && { from }) });
    if (part.status !== "done" || part.checkpoint === undefined) return part;
    from = part.checkpoint;
  }
  return train({ ...job, ...(from && { from }) });
}

const methods = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"];

describe("a training in parts gives the bits of one that was never paused", () => {
  test.each([
    ...methods.map((optimizer) => ({ optimizer })),
    { earlyStopping: { patience: 2, fraction: 0.2 } },
    { earlyStopping: { patience: 50, fraction: 0.2 } },
    { earlyStopping: { patience: 2, fraction: 0.2, finish: "retrain" } },
    { earlyStopping: { patience: 2, fraction: 0.2, finish: "continue" } },
    { average: { from: 0.4, every: 2 } },
    { average: { from: 0 } },
    { pretrain: {} },
    { schedule: { cosine: {} } },
    { schedule: { plateau: { patience: 1 } } },
    { regularizers: [{ l2: 0.01 }, { maxNorm: 1 }] },
    { noise: { weights: 0.01, inputs: 0.1 } },
  ])("%j", (more) => {
    const job = jobOf(more);
    const whole = train(job);
    expect(whole.status).toBe("done");
    for (const ends of [[1], [3, 5], [1, 2, 3, 4, 5, 6]]) {
      expect(inParts(job, ends)).toEqual(whole);
    }
  });
});

test("an early part reports the weights that it has come to", () => {
  const job = jobOf({});
  const part = train({ ...job, pause: 3 });
  const short = train({ ...job, spec: { ...job.spec, epochs: 3 } });
  expect(part).toMatchObject({ status: "done", epoch: 3 });
  if (part.status !== "done" || short.status !== "done") throw new TypeError("Not done.");
  expect(part.weights).toEqual(short.weights);
  expect(short.checkpoint).toBeUndefined();
});

test("bytes of something else are refused", () => {
  const parameters = Float32Array.from(uniforms(key(2), 9));
  const best = { epoch: 0, weights: new Float32Array(0) };
  const average = { count: 0, weights: new Float32Array(0) };
  const slots = [parameters];
  const bytes = encodeCheckpoint({ epoch: 2, parameters, slots, best, average, curve: [] });
  expect(decodeCheckpoint(bytes, { parameters: 9, slots: 1 }).parameters).toEqual(parameters);
  for (const [damaged, wanted] of [
    [bytes.slice(0, -1), { parameters: 9, slots: 1 }],
    [bytes.slice(0, 3), { parameters: 9, slots: 1 }],
    [bytes, { parameters: 8, slots: 1 }],
    [bytes, { parameters: 9, slots: 2 }],
    [new Uint8Array(64), { parameters: 9, slots: 1 }],
  ] as const) {
    expect(() => decodeCheckpoint(damaged, wanted)).toThrow(/^checkpoint must be of the network/);
  }
});
