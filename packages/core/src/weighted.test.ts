import { type Loss, ModelSpec, TrainSpec, type Variant } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { compileCurvature } from "./curvature.ts";
import { JS_KERNELS } from "./kernels/js/set.ts";
import { lossFor } from "./losses.ts";
import { buildNetwork, type NetworkIO } from "./network.ts";
import { compileTraining } from "./program.ts";
import { fold, key, normals, uniforms } from "./rng.ts";
import { train, type TrainJob } from "./train.ts";

const ROWS = 12;
const HIDDEN = [{ dense: { units: 4, activation: "tanh" } }];
const VALUE: NetworkIO = { inputs: 3, task: "regression", outputs: 1 };
const CLASSES: NetworkIO = { inputs: 3, task: "classification", outputs: 3 };

interface Case {
  readonly io: NetworkIO;
  readonly output: string;
  readonly loss: Loss;
}
const CASES: readonly Case[] = [
  { io: VALUE, output: "auto", loss: "squaredError" },
  { io: VALUE, output: "auto", loss: { huber: { delta: 0.5 } } },
  { io: VALUE, output: "gaussian", loss: "auto" },
  { io: CLASSES, output: "auto", loss: "auto" },
];

const WEIGHTS = Float64Array.from(uniforms(key(9), ROWS), (u) => 3 * u);

/** A compiled step in float64 on `rows` rows that are filled in with the same numbers for all. */
function stepOf({ io, output, loss }: Case, rows: readonly number[], weighted: boolean) {
  const network = buildNetwork(ModelSpec.parse({ layers: HIDDEN, output }), io);
  const program = compileTraining(network, {
    loss: lossFor(loss, network.head, network.targets),
    batches: [rows.length],
    kernels: JS_KERNELS.float64,
    terms: weighted ? { weighted } : {},
  });
  program.parameters.set(normals(key(1), network.parameters.size));
  for (const [at, row] of rows.entries()) {
    program.x.set(normals(fold(key(2), "x", row), 3), 3 * at);
    if (io.task === "regression") program.y[at] = normals(fold(key(3), "y", row), 1)[0]!;
    else program.y[3 * at + (row % 3)] = 1;
    if (weighted) program.weights[at] = WEIGHTS[row]!;
  }
  return program;
}

describe.each(CASES)("a weighted $loss of a $output output", (own) => {
  const all = Array.from({ length: ROWS }, (_, row) => row);

  test("is the mean of w L, and so is its gradient: row by row, each alone and unweighted", () => {
    const program = stepOf(own, all, true);
    const loss = program.run(ROWS, key(0));
    let expected = 0;
    const gradient = new Float64Array(program.gradients.length);
    for (const row of all) {
      const alone = stepOf(own, [row], false);
      expected += (WEIGHTS[row]! * alone.run(1, key(0))) / ROWS;
      alone.gradients.forEach((slope, i) => (gradient[i]! += (WEIGHTS[row]! * slope) / ROWS));
    }
    expect(loss).toBeCloseTo(expected, 12);
    gradient.forEach((slope, i) => expect(program.gradients[i]).toBeCloseTo(slope, 12));
  });

  test("has the gradient that differences of the loss give", () => {
    const program = stepOf(own, all, true);
    program.run(ROWS, key(0));
    const gradient = program.gradients.slice();
    const step = 1e-5;
    for (let i = 0; i < gradient.length; i++) {
      const at = program.parameters[i]!;
      program.parameters[i] = at + step;
      const above = program.run(ROWS, key(0));
      program.parameters[i] = at - step;
      const below = program.run(ROWS, key(0));
      program.parameters[i] = at;
      expect((above - below) / (2 * step)).toBeCloseTo(gradient[i]!, 7);
    }
  });
});

test("products with the Hessian are of the weighted loss: the gradient's change along v", () => {
  const [own] = CASES as [Case];
  const all = Array.from({ length: ROWS }, (_, row) => row);
  const program = stepOf(own, all, true);
  const network = buildNetwork(ModelSpec.parse({ layers: HIDDEN }), own.io);
  const options = { loss: "squaredError", batches: [ROWS], kernels: JS_KERNELS.float64 } as const;
  const curvature = compileCurvature(network, { ...options, weighted: true });
  const v = normals(key(5), network.parameters.size);
  curvature.x.set(program.x);
  curvature.y.set(program.y);
  curvature.weights.set(program.weights);
  curvature.parameters.set(program.parameters);
  curvature.direction.set(v);
  curvature.run(ROWS);
  const at = program.parameters.slice();
  const slopes = (step: number) => {
    program.parameters.set(at.map((value, i) => value + step * v[i]!));
    program.run(ROWS, key(0));
    return program.gradients.slice();
  };
  const [above, below] = [slopes(1e-5), slopes(-1e-5)];
  curvature.product.forEach((product, i) => {
    expect((above[i]! - below[i]!) / 2e-5).toBeCloseTo(product, 6);
  });
});

/** 30 rows on a noisy plane, each counting 0, 1, 2 or 3 times, 30 times in all. */
function planeJob(settings: object): TrainJob & { readonly times: readonly number[] } {
  const x = Float32Array.from(normals(key(20), 90));
  const noise = normals(key(21), 30);
  const y = Float32Array.from(noise, (e, i) => 2 * x[3 * i]! - x[3 * i + 1]! + 0.5 + 0.3 * e);
  const times = Array.from({ length: 30 }, (_, i) => [1, 0, 2, 3, 0, 0][i % 6]!);
  return {
    network: buildNetwork(ModelSpec.parse({ layers: [] }), VALUE),
    spec: TrainSpec.parse({ epochs: 60, batch: "all", ...settings }),
    variant: "js",
    x,
    y,
    rows: Uint32Array.from({ length: 30 }, (_, i) => i),
    key: key(22),
    times,
  };
}

test.each(["lbfgs", "newton", { sgd: { lr: 0.1 } }])(
  "whole weights train as rows that are there so often (%j)",
  (optimizer) => {
    const { times, ...job } = planeJob({ optimizer });
    const repeated = Uint32Array.from(
      times.flatMap((count, row) => Array<number>(count).fill(row)),
    );
    const weighted = train({ ...job, weights: Float32Array.from(times) });
    const plain = train({ ...job, rows: repeated });
    if (weighted.status !== "done" || plain.status !== "done") throw new Error("It ended.");
    weighted.weights.forEach((own, i) => expect(own).toBeCloseTo(plain.weights[i]!, 4));
    expect(weighted.curve.at(-1)?.train).toBeCloseTo(plain.curve.at(-1)?.train ?? 0, 5);
  },
);

test("minibatches find each row's own weight, in every variant to the same bits", () => {
  const { times: _, ...job } = planeJob({ batch: 7, epochs: 4, optimizer: "adam" });
  const weights = Float32Array.from(uniforms(key(30), 30), (u) => 2 * u);
  const by = (variant: Variant) => {
    const outcome = train({ ...job, variant, weights });
    if (outcome.status !== "done") throw new Error("It ended.");
    return outcome.weights;
  };
  expect(by("wasm-plain")).toEqual(by("js"));
  const ones = train({ ...job, weights: new Float32Array(30).fill(1) });
  const without = train(job);
  expect(ones.status === "done" && ones.weights).toEqual(
    without.status === "done" && without.weights,
  );
  expect(by("js")).not.toEqual(without.status === "done" && without.weights);
});
