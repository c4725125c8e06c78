import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { lossGraph } from "./loss-graph.ts";
import { lossFor } from "./losses.ts";
import { buildNetwork, type Network } from "./network.ts";
import { compilePrediction, predict } from "./program.ts";
import { fold, key, normals, uniforms } from "./rng.ts";
import { evaluateGraph } from "./run.ts";
import { train } from "./train.ts";

const LAYERS = [{ dense: { units: 4, activation: "tanh" } }];
const INPUTS = 3;
const ROWS = 6;

const HEADS = [
  { target: "b", task: "regression", loss: "huber", weight: 0.3 },
  { target: "c", task: "classification", weight: 2 },
  { target: "d", task: "regression", output: "gaussian", weight: 0.5 },
  { target: "e", task: "classification", output: "sigmoid", weight: 0.7 },
];
const model = ModelSpec.parse({ layers: LAYERS, heads: HEADS });
const together = buildNetwork(model, {
  inputs: INPUTS,
  task: "classification",
  outputs: 3,
  heads: [0, 4, 0, 2],
});

/** Each target learned by a network of its own: how it is said, and what is true. */
const ALONE = [
  { output: "softmax", loss: "auto", task: "classification", outputs: 3, weight: 1 },
  { output: "linear", loss: "huber", task: "regression", outputs: 1, weight: 0.3 },
  { output: "softmax", loss: "auto", task: "classification", outputs: 4, weight: 2 },
  { output: "gaussian", loss: "auto", task: "regression", outputs: 1, weight: 0.5 },
  { output: "sigmoid", loss: "auto", task: "classification", outputs: 2, weight: 0.7 },
] as const;
const networks = ALONE.map(({ output, task, outputs }) =>
  buildNetwork(ModelSpec.parse({ layers: LAYERS, output }), { inputs: INPUTS, task, outputs }),
);
/** Columns of the targets and of the logits of each. */
const TARGETS = [3, 1, 4, 1, 1];
const LOGITS = [3, 1, 4, 2, 1];

const x = Array.from(normals(fold(key(1), "x"), ROWS * INPUTS));
const truths = ALONE.map(({ task, outputs }, i) => {
  const drawn = uniforms(fold(key(1), "y", i), ROWS);
  return Array.from(drawn, (u) => (task === "regression" ? 3 * u - 1 : Math.floor(u * outputs)));
});
/** As a loss reads it, `[rows, columns]`. */
const targets = truths.map((own, i) =>
  own.flatMap((value) =>
    TARGETS[i] === 1 ? [value] : Array.from({ length: TARGETS[i]! }, (_, c) => Number(c === value)),
  ),
);
const weights = normals(fold(key(1), "w"), together.parameters.size);

/** The flat weights of one of the networks alone: the trunk, and its own columns of the output. */
function part(index: number): Float64Array {
  const network = networks[index]!;
  const from = LOGITS.slice(0, index).reduce((total, own) => total + own, 0);
  const all = LOGITS.reduce((total, own) => total + own, 0);
  const own = new Float64Array(network.parameters.size);
  for (const { name, offset, size, shape } of network.parameters.tensors) {
    const there = together.parameters.tensors.find((tensor) => tensor.name === name)!;
    if (!name.startsWith("output")) {
      own.set(weights.subarray(there.offset, there.offset + size), offset);
      continue;
    }
    const width = LOGITS[index]!;
    for (let row = 0; row < (shape.length === 1 ? 1 : shape[0]!); row++) {
      for (let c = 0; c < width; c++) {
        own[offset + row * width + c] = weights[there.offset + row * all + from + c]!;
      }
    }
  }
  return own;
}

function lossOf(network: Network, loss: unknown, flat: Float64Array, y: readonly number[]) {
  const spec = TrainSpec.parse({ loss });
  const name = lossFor(spec.loss, network.head, network.ownTargets);
  const { mean, gradients } = lossGraph(network, name, ROWS, "off");
  const tensors = Object.fromEntries(
    network.parameters.tensors.map((tensor) => [
      tensor.name,
      flat.subarray(tensor.offset, tensor.offset + tensor.size),
    ]),
  );
  const trunk = gradients.get("layers.0.dense.weight")!;
  return evaluateGraph({ outputs: { mean, trunk } }, { x, y, ...tensors });
}

describe("heads of different kinds on one trunk", () => {
  const y = Array.from({ length: ROWS }, (_, row) =>
    targets.flatMap((own, i) => own.slice(row * TARGETS[i]!, (row + 1) * TARGETS[i]!)),
  ).flat();

  test("lose what networks of their own would, each by its weight; so the trunk's gradient", () => {
    const all = lossOf(together, "auto", weights, y);
    const each = ALONE.map(({ loss }, i) => lossOf(networks[i]!, loss, part(i), targets[i]!));
    const sum = (of: (one: (typeof each)[number]) => number) =>
      each.reduce((total, one, i) => total + ALONE[i]!.weight * of(one), 0);
    expect(all.mean[0]).toBeCloseTo(
      sum(({ mean }) => mean[0]!),
      12,
    );
    for (let i = 0; i < all.trunk.length; i++) {
      expect(all.trunk[i]).toBeCloseTo(
        sum(({ trunk }) => trunk[i]!),
        12,
      );
    }
  });

  test("predict what networks of their own would, to the bit of a product over more columns", () => {
    const [flat, rows] = [Float32Array.from(weights), Float32Array.from(x)];
    for (const [i, network] of networks.entries()) {
      const program = compilePrediction(together, i === 0 ? {} : { side: i - 1 });
      const said = Array.from(program.run(flat, rows, ROWS));
      const own = Array.from(predict(network, Float32Array.from(part(i)), rows, ROWS));
      expect(said.length).toBe(own.length);
      said.forEach((value, at) => expect(value).toBeCloseTo(own[at]!, 6));
    }
  });

  test("learn all their targets from rows that hold them side by side", () => {
    const rows = 60;
    const inputs = Float32Array.from(normals(fold(key(2), "x"), rows * INPUTS));
    const at = (row: number, column: number) => inputs[row * INPUTS + column]!;
    const classOf = Float32Array.from({ length: rows }, (_, row) => Number(at(row, 0) > 0));
    const sides = Float32Array.from({ length: rows * 2 }, (_, i) => {
      const row = Math.floor(i / 2);
      return i % 2 === 0 ? 2 * at(row, 1) : Number(at(row, 2) > 0) + Number(at(row, 2) > 1);
    });
    const heads = [HEADS[0], { target: "c", task: "classification" }];
    const io = { inputs: INPUTS, task: "classification", outputs: 2, heads: [0, 3] } as const;
    const network = buildNetwork(ModelSpec.parse({ layers: LAYERS, heads }), io);
    const outcome = train({
      network,
      spec: TrainSpec.parse({ epochs: 150, batch: 16, optimizer: { adam: { lr: 0.02 } } }),
      variant: "wasm-plain",
      x: inputs,
      y: classOf,
      sides,
      rows: Uint32Array.from({ length: rows }, (_, row) => row),
      key: key(3),
    });
    if (outcome.status !== "done") throw new Error(outcome.status);
    const say = (side?: number) =>
      compilePrediction(network, side === undefined ? {} : { side }).run(
        outcome.weights,
        inputs,
        rows,
      );
    const hits = (said: Float32Array, width: number, truth: (row: number) => number) =>
      Array.from({ length: rows }, (_, row) => {
        const own = said.subarray(row * width, (row + 1) * width);
        return own.indexOf(Math.max(...own)) === truth(row);
      }).filter(Boolean).length / rows;
    expect(hits(say(), 2, (row) => classOf[row]!)).toBeGreaterThan(0.95);
    expect(hits(say(1), 3, (row) => sides[2 * row + 1]!)).toBeGreaterThan(0.9);
    const values = say(0);
    const error = values.reduce((total, value, row) => total + (value - sides[2 * row]!) ** 2, 0);
    expect(error / rows).toBeLessThan(0.3);
  });

  test("a loss that does not fit names its head", () => {
    const heads = [{ target: "b", task: "classification", loss: "huber" }];
    const wrong = ModelSpec.parse({ layers: LAYERS, heads });
    const io = { inputs: 1, task: "regression", outputs: 1, heads: [3] } as const;
    expect(() => buildNetwork(wrong, io)).toThrow(
      'model.heads.0.loss must be auto or one that fits a softmax output (squaredError, softmaxCrossEntropy), got "huber".',
    );
  });
});
