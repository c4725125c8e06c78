import { ModelSpec, Pretrain, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { initialize } from "./init.ts";
import { buildNetwork } from "./network.ts";
import { type Pretrained, pretrained } from "./pretraining.ts";
import { key, normals, uniforms } from "./rng.ts";
import { train, type TrainJob } from "./train.ts";
import { trainingBytes } from "./workbench.ts";

const ROWS = 200;
const SPEC = { epochs: 40, batch: 16, corrupt: 0, optimizer: { adam: { lr: 0.02 } } };

/** Six inputs that two hidden causes make, and whether the first is positive. */
function causes(): Pick<TrainJob, "x" | "y"> {
  const [cause, mix] = [normals(key(1), 2 * ROWS), normals(key(2), 12)];
  const x = Float32Array.from({ length: 6 * ROWS }, (_, at) => {
    const [row, column] = [Math.floor(at / 6), at % 6];
    return cause[2 * row]! * mix[column]! + cause[2 * row + 1]! * mix[6 + column]!;
  });
  return { x, y: Float32Array.from({ length: ROWS }, (_, row) => (cause[2 * row]! > 0 ? 1 : 0)) };
}

function jobOf(layers: object[], pretrain: object, rest: Partial<TrainJob> = {}): TrainJob {
  const { x, y } = { ...causes(), ...rest };
  const inputs = x.length / ROWS;
  return {
    network: buildNetwork(ModelSpec.parse({ layers }), {
      inputs,
      task: "classification",
      outputs: 2,
    }),
    spec: TrainSpec.parse({ epochs: 2, pretrain: { ...SPEC, ...pretrain } }),
    variant: "js",
    x,
    y,
    rows: Uint32Array.from({ length: ROWS }, (_, row) => row),
    key: key(3),
    ...rest,
  };
}

function lead(job: TrainJob): Pretrained {
  const outcome = pretrained(job, Pretrain.parse(job.spec.pretrain), train);
  if (outcome.status !== "done") throw new Error(outcome.status);
  return outcome;
}

const dense = (units: number, activation = "tanh") => ({ dense: { units, activation } });

test("a linear unit restores inputs as the first principal component does", () => {
  // Two inputs, each plus or minus its deviation in every combination: variances 4 and 1.
  const x = Float32Array.from({ length: 2 * ROWS }, (_, at) => {
    const [row, column] = [at >> 1, at & 1];
    return (2 - column) * (row & (1 << column) ? 1 : -1);
  });
  const job = jobOf([dense(1, "identity")], {}, { x });
  const losses = lead(job).layers[0]!.losses;
  // What is lost is half the variance of the component left out.
  expect(losses.at(-1)).toBeCloseTo(0.5, 2);
});

test("each layer's error falls, layer after layer, and the training starts from there", () => {
  const layers = [dense(5), { dropout: 0.1 }, dense(3, "identity"), { activation: "prelu" }];
  const job = jobOf(layers, { corrupt: 0.1 });
  const { weights, layers: learned } = lead(job);
  expect(learned.map(({ name }) => name)).toEqual(["layers.0", "layers.2"]);
  for (const { losses } of learned) expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]!);
  const drawn = new Float32Array(weights.length);
  initialize(job.network, job.key, drawn);
  const untouched = (name: string) => {
    const { offset, size } = job.network.parameters.tensors.find((one) => one.name === name)!;
    const part = (values: Float32Array) => [...values.subarray(offset, offset + size)];
    return part(weights).every((value, i) => value === part(drawn)[i]);
  };
  expect(untouched("output.weight")).toBe(true);
  for (const name of ["layers.0.dense.weight", "layers.2.dense.bias", "layers.3.activation.slope"])
    expect(untouched(name)).toBe(false);

  const whole = train(job);
  const { pretrain: _, ...spec } = job.spec;
  const after = train({ ...job, spec, start: weights });
  if (whole.status !== "done" || after.status !== "done") throw new Error();
  expect(whole.weights).toEqual(after.weights);
  expect(whole.curve[0]!.pretraining).toEqual(learned);
  expect(whole.curve[1]!.pretraining).toBeUndefined();
});

test("inputs alone are read, those of rows without a target too", () => {
  const job = jobOf([dense(4)], {});
  const flipped = lead({ ...job, y: job.y.map((value) => 1 - value) });
  expect(flipped.weights).toEqual(lead(job).weights);
  const [rows, unlabelled] = [job.rows.subarray(0, 20), job.rows.subarray(20)];
  // The layer sees the same rows in the same order; only what they are for differs.
  expect(lead({ ...job, rows, unlabelled }).weights).toEqual(lead(job).weights);
  expect(lead({ ...job, rows }).weights).not.toEqual(lead(job).weights);
});

test("js and wasm-plain agree to the bit", () => {
  const job = jobOf([dense(5, "relu"), dense(3)], { epochs: 3, corrupt: 0.3 });
  const [js, wasm] = [lead(job), lead({ ...job, variant: "wasm-plain" })];
  expect(wasm).toEqual(js);
  expect(train({ ...job, variant: "wasm-plain" })).toEqual(train(job));
});

test("a layer that shares its weights keeps what the other learned", () => {
  const layers = [dense(6), { dense: { units: 6, activation: "tanh", share: "layers.0" } }];
  expect(lead(jobOf(layers, { epochs: 2 })).layers.map(({ name }) => name)).toEqual(["layers.0"]);
});

test("a cancelled or diverging autoencoder ends the training, named by its layer", () => {
  const job = jobOf([dense(5), dense(3, "relu")], {});
  expect(train({ ...job, cancelled: () => true })).toEqual({ status: "cancelled" });
  const x = uniforms(key(5), 6 * ROWS).map((u) => u * 1e30);
  expect(train({ ...job, x: Float32Array.from(x) })).toMatchObject({
    status: "nan",
    layer: "layers.0",
  });
});

test("its memory is known beforehand", () => {
  const { network, spec } = jobOf([dense(500)], {});
  const { pretrain: _, ...plain } = spec;
  const bytes = trainingBytes(network, spec, ROWS, "js");
  // The values of all rows before and behind the widest layer, twice, at least.
  expect(bytes).toBeGreaterThanOrEqual(2 * ROWS * 500 * 4);
  expect(bytes).toBeGreaterThan(trainingBytes(network, plain, ROWS, "js"));
});
