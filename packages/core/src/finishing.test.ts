import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { buildNetwork } from "./network.ts";
import { key, normals } from "./rng.ts";
import { train, type TrainJob } from "./train.ts";

const ROWS = 60;

function jobOf(earlyStopping: object, held = true): TrainJob {
  const model = ModelSpec.parse({ layers: [{ dense: { units: 20, activation: "tanh" } }] });
  const x = Float32Array.from(normals(key(1), 2 * ROWS));
  const noise = normals(key(2), ROWS);
  const all = Uint32Array.from({ length: ROWS }, (_, i) => i);
  return {
    network: buildNetwork(model, { inputs: 2, task: "regression", outputs: 1 }),
    spec: TrainSpec.parse({
      epochs: 120,
      batch: 8,
      optimizer: { adam: { lr: 0.03 } },
      schedule: "linear",
      earlyStopping: { patience: 5, ...earlyStopping },
    }),
    variant: "js",
    x,
    y: Float32Array.from(noise, (e, row) => x[2 * row]! + e),
    rows: all.subarray(0, 40),
    ...(held ? { held: all.subarray(40) } : {}),
    key: key(3),
  };
}

function done(job: TrainJob) {
  const outcome = train(job);
  if (outcome.status !== "done") throw new Error(outcome.status);
  return outcome;
}

test("retrain is a training on all rows for as many epochs, by the same schedule", () => {
  const best = done(jobOf({}));
  const retrained = done(jobOf({ finish: "retrain" }));
  expect(best.stopped && retrained.stopped).toBe(true);
  expect(retrained.epoch).toBe(best.epoch);
  const { held: _, ...job } = jobOf({});
  const { earlyStopping: __, ...spec } = job.spec;
  const rows = Uint32Array.from({ length: ROWS }, (___, i) => i);
  const alone = done({ ...job, rows, spec: { ...spec, epochs: best.epoch, horizon: 120 } });
  expect(retrained.weights).toEqual(alone.weights);
  expect(retrained.curve).toEqual(alone.curve);
});

test("continue goes on from the best weights until held-out loss is down to the training loss", () => {
  const best = done(jobOf({}));
  const seen: number[] = [];
  const on = done({ ...jobOf({ finish: "continue" }), onEpoch: ({ epoch }) => seen.push(epoch) });
  expect(on.curve.slice(0, best.epoch)).toEqual(best.curve.slice(0, best.epoch));
  expect(on.epoch).toBe(on.curve.length);
  expect(on.curve.map(({ epoch }) => epoch)).toEqual(on.curve.map((_, i) => i + 1));
  expect(seen.at(-1)).toBe(on.epoch);
  const target = best.curve[best.epoch - 1]!.train;
  const after = on.curve.slice(best.epoch).map(({ held }) => held!);
  const reached = after.at(-1)! <= target;
  expect(reached || after.length === 120).toBe(true);
  expect(after.slice(0, -1).every((held) => held > target)).toBe(true);
  // It takes part in the training now.
  expect(after.at(-1)).toBeLessThan(best.curve[best.epoch - 1]!.held!);
});

test("without held-out rows there is nothing to finish", () => {
  expect(done(jobOf({ finish: "retrain" }, false))).toEqual(done(jobOf({}, false)));
});
