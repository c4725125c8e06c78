import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { buildNetwork } from "./network.ts";
import type { Network, NetworkIO } from "./network.ts";
import { initialize } from "./init.ts";
import { predict } from "./program.ts";
import { fold, key, normals, permutation } from "./rng.ts";
import { train } from "./train.ts";
import type { TrainJob, TrainOutcome } from "./train.ts";

type Done = Extract<TrainOutcome, { status: "done" }>;
type ModelInput = Parameters<typeof ModelSpec.parse>[0];
type TrainInput = Parameters<typeof TrainSpec.parse>[0];

const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

function network(layers: unknown[], io: NetworkIO, output = "auto"): Network {
  return buildNetwork(ModelSpec.parse({ layers, output } as ModelInput), io);
}

/** Training settings with the defaults filled in. */
function spec(settings: TrainInput = {}): TrainSpec {
  return TrainSpec.parse(settings);
}

function done(job: TrainJob): Done {
  const outcome = train(job);
  if (outcome.status !== "done") throw new Error(`the training ended as ${outcome.status}`);
  return outcome;
}

/** Three clusters in four dimensions, 150 rows. */
function blobs(classes = 3): { x: Float32Array; y: Float32Array } {
  const noise = normals(key(11), 150 * 4);
  const centers = normals(fold(key(11), "centers"), 12);
  const x = new Float32Array(600);
  const y = Float32Array.from({ length: 150 }, (_, row) => row % classes);
  for (let i = 0; i < 600; i++) {
    const cluster = y[Math.floor(i / 4)] ?? 0;
    x[i] = 2 * (centers[cluster * 4 + (i % 4)] ?? 0) + 0.5 * (noise[i] ?? 0);
  }
  return { x, y };
}

/** A linear target with noise, 23 rows of 3 columns. */
function line(): { x: Float32Array; y: Float32Array } {
  const x = Float32Array.from(normals(key(3), 69));
  const noise = normals(key(4), 23);
  const at = (row: number, column: number): number => x[3 * row + column] ?? 0;
  const y = Float32Array.from({ length: 23 }, (_, row) => {
    return 1.5 * at(row, 0) - at(row, 1) + 0.5 + 0.3 * (noise[row] ?? 0);
  });
  return { x, y };
}

const THREE_CLASSES: NetworkIO = { inputs: 4, task: "classification", outputs: 3 };
const ONE_TARGET: NetworkIO = { inputs: 3, task: "regression", outputs: 1 };
const HIDDEN = [{ dense: { units: 9, activation: "relu" } }, { dropout: 0.2 }];

function blobJob(settings: TrainInput = {}): TrainJob {
  return {
    network: network(HIDDEN, THREE_CLASSES),
    spec: spec({ epochs: 6, batch: 32, ...(settings as object) }),
    variant: "js",
    ...blobs(),
    rows: all(150),
    key: key(1),
  };
}

function lineJob(settings: TrainInput = {}): TrainJob {
  return {
    network: network([], ONE_TARGET),
    spec: spec({ epochs: 4, batch: 8, optimizer: { sgd: { lr: 0.1 } }, ...(settings as object) }),
    variant: "js",
    ...line(),
    rows: all(23),
    key: key(2),
  };
}

function accuracy(job: TrainJob, weights: Float32Array): number {
  const outputs = job.network.outputs;
  const predictions = predict(job.network, weights, job.x, job.y.length);
  let right = 0;
  for (const [row, label] of job.y.entries()) {
    const ofRow = predictions.subarray(row * outputs, (row + 1) * outputs);
    if (ofRow.indexOf(Math.max(...ofRow)) === label) right += 1;
  }
  return right / job.y.length;
}

describe("equal bits", () => {
  test("for one job twice, watched or not", () => {
    const plain = done(blobJob());
    let polls = 0;
    const seen: unknown[] = [];
    const watched = done({
      ...blobJob(),
      onEpoch: (point) => seen.push(point),
      cancelled: () => polls++ < 0,
    });
    expect(watched).toEqual(plain);
    expect(seen).toEqual(plain.curve);
    expect(polls).toBe(6 * 5);
    expect(done({ ...blobJob(), key: key(9) }).weights).not.toEqual(plain.weights);
  });

  test("after trainings of other shapes, of the same shape, and one that diverged", () => {
    const plain = done(blobJob());
    done(lineJob());
    done(blobJob({ optimizer: { adam: { lr: 0.3 } } }));
    expect(
      train(blobJob({ optimizer: { adam: { lr: 1e3 } }, loss: "squaredError" })),
    ).toBeDefined();
    const wild = { ...blobJob(), x: blobs().x.map((value) => value * 1e38) };
    expect(train(wild).status).toBe("nan");
    expect(done(blobJob())).toEqual(plain);
  });

  test("for a training started from within another of the same shape", () => {
    const plain = done(blobJob());
    let inner: Done | undefined;
    const outer = done({ ...blobJob(), onEpoch: () => (inner ??= done(blobJob())) });
    expect(outer).toEqual(plain);
    expect(inner).toEqual(plain);
  });

  test.each(["js", "wasm-plain"] as const)("in a worker thread, in %s", async (variant) => {
    const job = { ...blobJob(), variant };
    // On Node 20 `--import tsx` registers nothing in a thread of a process without tsx.
    const code = `
      const { parentPort, workerData } = require("node:worker_threads");
      import("tsx/esm/api")
        .then(({ register }) => register())
        .then(() => import(workerData.url))
        .then(({ train }) => parentPort.postMessage(train(workerData.job)));
    `;
    const worker = new Worker(code, {
      eval: true,
      workerData: { url: new URL("./train.ts", import.meta.url).href, job },
      execArgv: ["--conditions=@manyfold/source"],
    });
    const outcome = await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    await worker.terminate();
    expect(outcome).toEqual(done(blobJob()));
  });

  test("for a choice of columns and for the same columns copied out", () => {
    const job = blobJob();
    const features = Uint32Array.of(3, 1);
    const narrow = network(HIDDEN, { ...THREE_CLASSES, inputs: 2 });
    const copied = new Float32Array(300);
    for (let row = 0; row < 150; row++) {
      copied[2 * row] = job.x[4 * row + 3] ?? NaN;
      copied[2 * row + 1] = job.x[4 * row + 1] ?? NaN;
    }
    expect(done({ ...job, network: narrow, features })).toEqual(
      done({ ...job, network: narrow, x: copied }),
    );
  });

  test("for a row drawn twice and for the same row copied", () => {
    const job = lineJob();
    const drawn = Uint32Array.of(4, 4, 0, 19, 4, 7, 7, 1, 2, 3);
    const x = new Float32Array(30);
    for (const [at, row] of drawn.entries()) x.set(job.x.subarray(3 * row, 3 * row + 3), 3 * at);
    const y = Float32Array.from(drawn, (row) => job.y[row] ?? NaN);
    expect(done({ ...job, rows: drawn })).toEqual(done({ ...job, x, y, rows: all(10) }));
  });
});

describe("the steps", () => {
  test("are those of minibatch descent on the mean of each batch, the short one too", () => {
    const job = lineJob({ schedule: { linear: { to: 0.1, over: 0.5 } } });
    const outcome = done(job);
    const { weights, curve } = descent(job, 0);
    expect(apart(outcome.weights, weights)).toBeLessThanOrEqual(2e-6);
    const losses = outcome.curve.map((point) => point.train);
    expect(apart(losses, curve)).toBeLessThanOrEqual(2e-6);
  });

  test("add the penalty's gradient to weights, not to biases, and not to the curve", () => {
    const job = lineJob({ regularizers: [{ l2: 0.7 }] });
    const outcome = done(job);
    const { weights, curve } = descent(job, 0.7);
    expect(apart(outcome.weights, weights)).toBeLessThanOrEqual(2e-6);
    const losses = outcome.curve.map((point) => point.train);
    expect(apart(losses, curve)).toBeLessThanOrEqual(2e-6);
  });

  test("with dropout differ from those without, and loss of held-out rows has none", () => {
    const job = blobJob({ epochs: 1, batch: 150 });
    const held = all(150);
    const without = {
      ...job,
      network: network([{ dense: { units: 9, activation: "relu" } }], THREE_CLASSES),
    };
    const [dropped] = done({ ...job, held }).curve;
    const [plain] = done({ ...without, held }).curve;
    expect(dropped?.train).not.toBe(plain?.train);
    // A step of rate nearly 0: held-out loss after it is the training loss of the net without dropout.
    const still = { ...job, spec: { ...job.spec, optimizer: { sgd: { lr: 1e-30 } } }, held };
    expect(done(still).curve[0]?.held).toBeCloseTo(plain?.train ?? NaN, 6);
  });
});

/** Minibatch descent for a linear model in doubles, written from the formulas. */
function descent(job: TrainJob, decay: number): { weights: number[]; curve: number[] } {
  const start = new Float64Array(4);
  initialize(job.network, job.key, start);
  const w = [...start].map((value) => Math.fround(value));
  const curve: number[] = [];
  const steps = job.spec.epochs * 3;
  let step = 0;
  for (let epoch = 1; epoch <= job.spec.epochs; epoch++) {
    const order = [...permutation(fold(job.key, "shuffle", epoch), 23)];
    let total = 0;
    for (const batch of [order.slice(0, 8), order.slice(8, 16), order.slice(16)]) {
      const gradient = [0, 0, 0, 0];
      for (const row of batch) {
        const inputs = [...job.x.subarray(3 * row, 3 * row + 3), 1];
        const miss = inputs.reduce((sum, x, i) => sum + x * (w[i] ?? 0), 0) - (job.y[row] ?? 0);
        total += miss ** 2 / 2;
        for (const [i, x] of inputs.entries()) {
          gradient[i] = (gradient[i] ?? 0) + (miss * x) / batch.length;
        }
      }
      const share = Math.min(1, step / (steps / 2));
      const rate = "linear" in job.spec.schedule ? 0.1 * (1 - share + share * 0.1) : 0.1;
      for (let i = 0; i < 4; i++) {
        const penalty = i < 3 ? decay * (w[i] ?? 0) : 0;
        w[i] = (w[i] ?? 0) - rate * ((gradient[i] ?? 0) + penalty);
      }
      step += 1;
    }
    curve.push(total / 23);
  }
  return { weights: w, curve };
}

/** Largest difference of two vectors; infinite where their lengths differ. */
function apart(actual: ArrayLike<number>, expected: number[]): number {
  if (actual.length !== expected.length) return Infinity;
  return Math.max(...expected.map((value, i) => Math.abs((actual[i] ?? NaN) - value)));
}

describe("early stopping", () => {
  const overfit = (settings: TrainInput = {}): TrainJob => ({
    ...lineJob({
      epochs: 60,
      optimizer: { adam: { lr: 0.05 } },
      earlyStopping: { patience: 5 },
      ...(settings as object),
    }),
    network: network([{ dense: { units: 30, activation: "tanh" } }], ONE_TARGET),
    rows: all(12),
    held: all(23).subarray(12),
  });

  test("gives the weights of the best epoch: those of a training that ends there", () => {
    const stopped = done(overfit());
    const losses = stopped.curve.map((point) => point.held ?? NaN);
    expect(stopped.stopped).toBe(true);
    expect(losses[stopped.epoch - 1]).toBe(Math.min(...losses));
    expect(stopped.curve).toHaveLength(stopped.epoch + 5);
    const { earlyStopping: _, ...rest } = overfit().spec;
    const direct = done({ ...overfit(), spec: { ...rest, epochs: stopped.epoch } });
    expect(stopped.weights).toEqual(direct.weights);
  });

  test("restores the best weights also where patience outlasts the training", () => {
    const patient = done(overfit({ earlyStopping: { patience: 1000 } }));
    const losses = patient.curve.map((point) => point.held ?? NaN);
    expect(patient.stopped).toBe(false);
    expect(patient.curve).toHaveLength(60);
    expect(patient.epoch).toBe(losses.indexOf(Math.min(...losses)) + 1);
    expect(patient.epoch).toBeLessThan(60);
  });

  test("needs held-out rows; without the setting they are only measured", () => {
    const { held: _, ...unheld } = overfit();
    expect(done(unheld)).toMatchObject({ epoch: 60, stopped: false });
    const { earlyStopping: __, ...rest } = overfit().spec;
    const measured = done({ ...overfit(), spec: rest });
    expect(measured).toMatchObject({ epoch: 60, stopped: false });
    expect(measured.weights).toEqual(done(unheld).weights);
  });

  test("measures more held-out rows than one chunk holds as their mean", () => {
    const job = lineJob({ epochs: 1 });
    const held = Uint32Array.from({ length: 700 }, (_, i) => i % 23);
    const outcome = done({ ...job, held });
    const predictions = predict(job.network, outcome.weights, job.x, 23);
    const losses = [...held].map((row) => ((predictions[row] ?? 0) - (job.y[row] ?? 0)) ** 2 / 2);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 700;
    expect(outcome.curve[0]?.held).toBeCloseTo(mean, 6);
  });
});

describe("endings", () => {
  test("a diverging training stops as nan with its epoch and first bad layer", () => {
    const job = lineJob({ epochs: 500, optimizer: { sgd: { lr: 50 } } });
    const outcome = train(job);
    expect(outcome).toMatchObject({ status: "nan", layer: "output" });
    expect(outcome.status === "nan" && outcome.epoch).toBeLessThan(100);
    const wide = { dense: { units: 40, init: "heUniform" } };
    const deep = network([wide, wide], ONE_TARGET);
    const x = job.x.map(() => 3e38);
    expect(train({ ...job, network: deep, x })).toEqual({
      status: "nan",
      epoch: 1,
      layer: "layers.0",
      op: "matmul",
    });
  });

  test("a last step that overflows is found too", () => {
    const job = lineJob({ epochs: 1, batch: 23, optimizer: { sgd: { lr: 1000 } } });
    const y = job.y.map((value) => value * 1e18);
    expect(train({ ...job, y })).toEqual(expect.objectContaining({ status: "done" }));
    const beyond = { ...job, spec: spec({ ...job.spec, optimizer: { momentum: { lr: 1000 } } }) };
    const x = job.x.map((value) => value * 1e19);
    expect(train({ ...beyond, x, y })).toMatchObject({ status: "nan", epoch: 1, layer: "output" });
  });

  test("cancelling is noticed before the next batch", () => {
    let batches = 0;
    const points: number[] = [];
    const outcome = train({
      ...blobJob(),
      cancelled: () => ++batches > 7,
      onEpoch: ({ epoch }) => points.push(epoch),
    });
    expect(outcome).toEqual({ status: "cancelled" });
    expect([batches, points]).toEqual([8, [1]]);
  });

  test("what cannot be trained on is refused by name", () => {
    expect(() => train({ ...lineJob(), variant: "blas" })).toThrow(/^variant must be .*got "blas"/);
    expect(() => train({ ...lineJob(), rows: all(0) })).toThrow(/^training rows must be at least/);
    expect(() => train({ ...lineJob(), features: Uint32Array.of(0) })).toThrow(/^columns of x/);
  });
});

describe("learning", () => {
  test("L2 on a linear model ends at ridge regression, to 1e-5", () => {
    const alpha = 0.3;
    const job = lineJob({
      epochs: 600,
      batch: 23,
      optimizer: { sgd: { lr: 0.3 } },
      regularizers: [{ l2: alpha }],
    });
    const solution = ridge(job.x, job.y, alpha);
    expect(apart(done(job).weights, solution)).toBeLessThanOrEqual(1e-5);
  });

  test("max-norm holds for every unit after training", () => {
    const job = blobJob({ regularizers: [{ maxNorm: 0.5 }], optimizer: { sgd: { lr: 0.5 } } });
    const { weights } = done(job);
    for (const { kind, offset, shape } of job.network.parameters.tensors) {
      if (kind === "bias") continue;
      const [inputs = 0, units = 0] = shape;
      for (let unit = 0; unit < units; unit++) {
        const incoming = Array.from(
          { length: inputs },
          (_, i) => weights[offset + i * units + unit],
        );
        expect(Math.hypot(...incoming.map((w) => w ?? NaN))).toBeLessThanOrEqual(0.5 * (1 + 1e-6));
      }
    }
  });

  test("three clusters are told apart (softmax), two by a sigmoid", () => {
    const job = blobJob({ epochs: 60, optimizer: { adam: { lr: 0.01 } } });
    expect(accuracy(job, done(job).weights)).toBeGreaterThan(0.95);
    const two: TrainJob = {
      ...job,
      ...blobs(2),
      network: network(HIDDEN, { inputs: 4, task: "classification", outputs: 2 }, "sigmoid"),
    };
    expect(accuracy(two, done(two).weights)).toBeGreaterThan(0.95);
  });

  test("exclusive or in two hidden units is learned from some starts and not from others", () => {
    const job: TrainJob = {
      network: network([{ dense: { units: 2, activation: "relu" } }], {
        inputs: 2,
        task: "classification",
        outputs: 2,
      }),
      spec: spec({ epochs: 500, batch: 4, optimizer: { adam: { lr: 0.05 } } }),
      variant: "js",
      x: Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1),
      y: Float32Array.of(0, 1, 1, 0),
      rows: all(4),
      key: key(0),
    };
    const solved = Array.from({ length: 100 }, (_, seed) => {
      const { weights } = done({ ...job, key: key(seed) });
      return accuracy(job, weights) === 1;
    }).filter(Boolean).length;
    expect(solved).toBeGreaterThan(20);
    expect(solved).toBeLessThan(95);
  });
});

/** Minimises 1/(2n) |Xw + b - y|^2 + alpha/2 |w|^2 by its normal equations; returns w, then b. */
function ridge(x: Float32Array, y: Float32Array, alpha: number): number[] {
  const n = y.length;
  const rows = Array.from({ length: n }, (_, row) => [...x.subarray(3 * row, 3 * row + 3), 1]);
  const system = [0, 1, 2, 3].map((i) => {
    const left = [0, 1, 2, 3].map((j) => {
      const product = rows.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0) / n;
      return product + (i === j && i < 3 ? alpha : 0);
    });
    return [...left, rows.reduce((sum, row, k) => sum + (row[i] ?? 0) * (y[k] ?? 0), 0) / n];
  });
  // Gauss and Jordan; the matrix is positive definite, so pivots need no search.
  for (const [i, pivot] of system.entries()) {
    const diagonal = pivot[i] ?? 1;
    for (let j = 0; j < 5; j++) pivot[j] = (pivot[j] ?? 0) / diagonal;
    for (const [k, row] of system.entries()) {
      if (k === i) continue;
      const factor = row[i] ?? 0;
      for (let j = 0; j < 5; j++) row[j] = (row[j] ?? 0) - factor * (pivot[j] ?? 0);
    }
  }
  return system.map((row) => row[4] ?? NaN);
}
