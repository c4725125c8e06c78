import { ModelSpec } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Node } from "./graph.ts";
import { JS_KERNELS } from "./kernels/js/set.ts";
import { lossFor } from "./losses.ts";
import { buildNetwork, forwardGraph, type Network, type NetworkIO } from "./network.ts";
import { input, matmul } from "./ops.ts";
import {
  compileLoss,
  compilePrediction,
  compileTraining,
  firstNonFinite,
  predict,
  trainingElements,
} from "./program.ts";
import { bernoulli, fold, key, normals, uniforms } from "./rng.ts";
import { evaluateGraph } from "./run.ts";

function network(layers: unknown, io: NetworkIO, output = "auto"): Network {
  return buildNetwork(ModelSpec.parse({ layers, output }), io);
}

function targetsFor(net: Network, rows: number): Float64Array {
  const draws = uniforms(fold(key(8), "targets"), rows * net.targets);
  if (net.head !== "softmax") return draws;
  // Rows of probabilities.
  for (let row = 0; row < rows; row++) {
    const part = draws.subarray(row * net.targets, (row + 1) * net.targets);
    const total = part.reduce((a, b) => a + b);
    part.forEach((value, i) => (part[i] = value / total));
  }
  return draws;
}

const activation = fc.constantFrom("identity", "sigmoid", "tanh", "relu");
const layer = fc.oneof(
  fc.record({
    dense: fc.record({ units: fc.integer({ min: 1, max: 6 }), activation, bias: fc.boolean() }),
  }),
  fc.record({ dropout: fc.record({ rate: fc.constantFrom(0, 0.2, 0.5) }) }),
  fc.record({ activation }),
);
const anyNetwork = fc
  .tuple(
    fc.array(layer, { maxLength: 4 }),
    fc.integer({ min: 1, max: 5 }),
    fc.constantFrom(
      { task: "regression", outputs: 2, output: "linear" } as const,
      { task: "regression", outputs: 1, output: "sigmoid" } as const,
      { task: "classification", outputs: 2, output: "sigmoid" } as const,
      { task: "classification", outputs: 3, output: "softmax" } as const,
    ),
  )
  .map(([layers, inputs, { output, ...io }]) => network(layers, { inputs, ...io }, output));

describe("compileTraining", () => {
  test("gradients of random nets are those of central differences, in float64", () => {
    fc.assert(
      fc.property(
        anyNetwork,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (net, rows, squared) => {
          const loss = squared ? "squaredError" : lossFor("auto", net.head, net.targets);
          const program = compileTraining(net, {
            loss,
            batches: [rows],
            kernels: JS_KERNELS.float64,
          });
          program.x.set(normals(fold(key(8), "x"), rows * net.inputs));
          program.y.set(targetsFor(net, rows));
          const start = normals(fold(key(8), "weights"), net.parameters.size);
          const direction = normals(fold(key(8), "direction"), net.parameters.size);
          const step = fold(key(8), "step");
          const at = (h: number): number => {
            program.parameters.set(start.map((w, i) => w + h * (direction[i] ?? 0)));
            return program.run(rows, step);
          };
          const h = 1e-5;
          const numeric = (at(h) - at(-h)) / (2 * h);
          at(0);
          let exact = 0;
          program.gradients.forEach((g, i) => (exact += g * (direction[i] ?? 0)));
          expect(Math.abs(exact - numeric)).toBeLessThanOrEqual(
            1e-6 * Math.max(1, Math.abs(numeric)),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  test("float32 follows float64, and batch sizes share parameters and places", () => {
    const net = network([{ dense: { units: 7, activation: "tanh" } }], {
      inputs: 3,
      task: "classification",
      outputs: 4,
    });
    const options = { loss: "softmaxCrossEntropy", batches: [5, 2] } as const;
    const single = compileTraining(net, { ...options, kernels: JS_KERNELS.float32, slots: 2 });
    const double = compileTraining(net, { ...options, kernels: JS_KERNELS.float64 });
    for (const program of [single, double]) {
      program.x.set(normals(key(1), 15).map(Math.fround));
      program.y.set(targetsFor(net, 5).map(Math.fround));
      program.parameters.set(normals(key(2), net.parameters.size).map(Math.fround));
    }
    for (const rows of [5, 2, 5]) {
      expect(single.run(rows, key(1))).toBeCloseTo(double.run(rows, key(1)), 5);
      single.gradients.forEach((g, i) => expect(g).toBeCloseTo(double.gradients[i] ?? NaN, 5));
    }
    expect(() => single.run(3, key(1))).toThrow(
      "rows of a training step must be one of the compiled batch sizes 5, 2, got 3.",
    );
    expect(single.slots.map((slot) => slot.length)).toEqual([
      net.parameters.size,
      net.parameters.size,
    ]);
    expect(single.bytes).toBe(4 * trainingElements(net, { ...options, slots: 2 }));
    single.slots.forEach((slot) => expect(slot.every((value) => value === 0)).toBe(true));
  });

  test("the mean of single-row gradients is the batch's", () => {
    const net = network([{ dense: { units: 4, activation: "sigmoid" } }], {
      inputs: 2,
      task: "regression",
      outputs: 1,
    });
    const rows = 4;
    const x = normals(key(1), rows * 2);
    const y = normals(key(2), rows);
    const make = (batch: number) => {
      const program = compileTraining(net, {
        loss: "squaredError",
        batches: [batch],
        kernels: JS_KERNELS.float64,
      });
      program.parameters.set(normals(key(3), net.parameters.size));
      return program;
    };
    const whole = make(rows);
    whole.x.set(x);
    whole.y.set(y);
    whole.run(rows, key(0));
    const one = make(1);
    const mean = new Float64Array(net.parameters.size);
    for (let row = 0; row < rows; row++) {
      one.x.set(x.subarray(2 * row, 2 * row + 2));
      one.y.set(y.subarray(row, row + 1));
      one.run(1, key(0));
      one.gradients.forEach((g, i) => (mean[i] = (mean[i] ?? 0) + g / rows));
    }
    whole.gradients.forEach((g, i) => expect(g).toBeCloseTo(mean[i] ?? NaN, 12));
  });

  test("saturated outputs keep a finite loss and the gradient σ(z) - y", () => {
    const net = network([], { inputs: 1, task: "classification", outputs: 2 }, "sigmoid");
    const program = compileTraining(net, {
      loss: "binaryCrossEntropy",
      batches: [1],
      kernels: JS_KERNELS.float32,
    });
    for (const [z, y, loss, gradient] of [
      [800, 0, 800, 1],
      [-800, 1, 800, -1],
      [800, 1, 0, 0],
      [-800, 0, 0, 0],
    ] as const) {
      program.x.set([1]);
      program.y.set([y]);
      program.parameters.set([z, 0]);
      expect(program.run(1, key(0))).toBe(loss);
      expect(program.gradients[1]).toBeCloseTo(gradient, 12);
    }
  });

  test("the mask of a step follows from its key and is the same backwards", () => {
    const net = network([{ dropout: { rate: 0.5 } }], {
      inputs: 8,
      task: "regression",
      outputs: 1,
    });
    const program = compileTraining(net, {
      loss: "squaredError",
      batches: [2],
      kernels: JS_KERNELS.float64,
    });
    program.x.fill(1);
    program.parameters.fill(1);
    const step = fold(key(5), "dropout", 17);
    const first = program.run(2, step);
    const mask = bernoulli(fold(step, "dropout", 0), 16, 0.5);
    const outputs = [0, 1].map(
      (row) => 1 + 2 * mask.subarray(8 * row, 8 * row + 8).reduce((a, b) => a + b, 0),
    );
    expect(first).toBeCloseTo(
      outputs.reduce((sum, out) => sum + 0.25 * out * out, 0),
      12,
    );
    for (let i = 0; i < 8; i++) {
      const expected = outputs.reduce(
        (sum, out, row) => sum + 0.5 * out * 2 * (mask[8 * row + i] ?? 0),
        0,
      );
      expect(program.gradients[i]).toBeCloseTo(expected, 12);
    }
    expect(program.run(2, fold(key(5), "dropout", 18))).not.toBe(first);
    expect(program.run(2, step)).toBe(first);
  });

  test("the gradient in the inputs is not computed", () => {
    const net = network([{ dense: { units: 3 } }, { dense: { units: 3 } }], {
      inputs: 50,
      task: "regression",
      outputs: 1,
    });
    const wide = network([{ dense: { units: 3 } }, { dense: { units: 3 } }], {
      inputs: 51,
      task: "regression",
      outputs: 1,
    });
    const bytes = (n: Network): number =>
      4 * trainingElements(n, { loss: "squaredError", batches: [1024] });
    // One more input column costs its values (4 KiB) and 3 weights and gradients, not a second column.
    expect(bytes(wide) - bytes(net)).toBeLessThan(4096 + 256);
  });
});

describe("the lecture's XOR network (A5)", () => {
  // W = 1 1ᵀ, c = (0, -1), w = (1, -2), b = 0.
  const net = network([{ dense: { units: 2, activation: "relu" } }], {
    inputs: 2,
    task: "regression",
    outputs: 1,
  });
  const weights = Float32Array.of(1, 1, 1, 1, 0, -1, 1, -2, 0);
  const x = Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1);

  test("predicts 0, 1, 1, 0 exactly", () => {
    expect([...predict(net, weights, x, 4)]).toEqual([0, 1, 1, 0]);
  });

  test("every intermediate matrix is the lecture's", () => {
    const nodes = new Map<string, Node>();
    for (const { name, shape } of net.parameters.tensors) nodes.set(name, input(name, shape));
    const rows = input("x", [4, 2]);
    const forward = forwardGraph(net, rows, (tensor) => nodes.get(tensor.name) as Node, "off");
    const product = matmul(rows, nodes.get("layers.0.dense.weight") as Node);
    const values = Object.fromEntries(
      net.parameters.tensors.map(({ name, offset, size }) => [
        name,
        weights.subarray(offset, offset + size),
      ]),
    );
    const hidden = forward.layers[0]?.output as Node;
    const at = evaluateGraph(
      { outputs: { product, net: hidden.inputs[0] as Node, hidden, output: forward.logits } },
      { x, ...values },
    );
    expect([...at.product]).toEqual([0, 0, 1, 1, 1, 1, 2, 2]);
    expect([...at.net]).toEqual([0, -1, 1, 0, 1, 0, 2, 1]);
    expect([...at.hidden]).toEqual([0, 0, 1, 0, 1, 0, 2, 1]);
    expect([...at.output]).toEqual([0, 1, 1, 0]);
  });
});

describe("prediction and evaluation", () => {
  const net = network(
    [
      { dropout: { rate: 0.2 } },
      { dense: { units: 9, activation: "relu" } },
      { dropout: { rate: 0.5 } },
    ],
    { inputs: 5, task: "classification", outputs: 3 },
  );
  const rows = 150;
  const x = Float32Array.from(normals(key(1), rows * 5));
  const weights = Float32Array.from(normals(key(2), net.parameters.size));

  test("a row's result does not depend on its batch", () => {
    const all = predict(net, weights, x, rows);
    fc.assert(
      fc.property(
        fc.nat(rows - 1),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 20 }),
        (from, count, chunk) => {
          const end = Math.min(rows, from + count);
          const part = compilePrediction(net, { chunk }).run(
            weights,
            x.subarray(from * 5, end * 5),
            end - from,
          );
          expect(part).toEqual(all.subarray(from * 3, end * 3));
        },
      ),
      { numRuns: 50 },
    );
    for (let row = 0; row < rows; row++) {
      const sum = all.subarray(row * 3, row * 3 + 3).reduce((a, b) => a + b);
      expect(sum).toBeCloseTo(1, 6);
    }
  });

  test("a mask is one thinned network for all rows", () => {
    const mask = fold(key(4), "mask", 3);
    const all = predict(net, weights, x, rows, { mask });
    for (const row of [0, 77, 149]) {
      const alone = predict(net, weights, x.subarray(row * 5, row * 5 + 5), 1, { mask });
      expect(alone).toEqual(all.subarray(row * 3, row * 3 + 3));
    }
    // The same network with the dropped rows of its weights at 0, the others divided by what is kept.
    const thinned = weights.slice();
    const drop = (tensor: string, kept: Uint8Array, rate: number): void => {
      const place = net.parameters.tensors.find(({ name }) => name === tensor);
      const units = place?.shape[1] ?? 0;
      kept.forEach((bit, i) => {
        for (let j = 0; j < units; j++) {
          const at = (place?.offset ?? 0) + i * units + j;
          thinned[at] = bit === 1 ? (thinned[at] ?? 0) / (1 - rate) : 0;
        }
      });
    };
    drop("layers.1.dense.weight", bernoulli(fold(mask, "dropout", 0), 5, 0.8), 0.2);
    drop("output.weight", bernoulli(fold(mask, "dropout", 1), 9, 0.5), 0.5);
    predict(net, thinned, x, rows).forEach((p, i) => expect(p).toBeCloseTo(all[i] ?? NaN, 5));
  });

  test("a sigmoid classifier predicts both classes", () => {
    const pair = network([], { inputs: 1, task: "classification", outputs: 2 }, "sigmoid");
    const [no, yes] = predict(pair, Float32Array.of(2, 0), Float32Array.of(1), 1);
    expect(yes).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
    expect(no).toBeCloseTo(1 / (1 + Math.exp(2)), 6);
  });

  test("the evaluated loss is the mean of the rows' own, whatever the chunk", () => {
    const y = Float32Array.from(targetsFor(net, rows));
    const evaluate = (chunk: number): number =>
      compileLoss(net, {
        loss: "softmaxCrossEntropy",
        kernels: JS_KERNELS.float32,
        chunk,
      }).evaluate(weights, x, y, rows);
    const p = predict(net, weights, x, rows);
    let expected = 0;
    p.forEach((value, i) => (expected -= ((y[i] ?? 0) * Math.log(value)) / rows));
    expect(evaluate(64)).toBeCloseTo(expected, 4);
    expect(evaluate(7)).toBe(evaluate(64));
    expect(evaluate(150)).toBe(evaluate(64));
  });

  test("weights of another network are refused", () => {
    expect(() => predict(net, weights.subarray(1), x, rows)).toThrow(
      `weights must be ${weights.length} numbers long`,
    );
  });

  test("the first layer that is not finite is named", () => {
    expect(firstNonFinite(net, weights, x, 10)).toBeNull();
    const broken = weights.slice();
    broken[net.parameters.size - 1] = NaN;
    expect(firstNonFinite(net, broken, x, 10)).toBe("output");
    broken[0] = Infinity;
    expect(firstNonFinite(net, broken, x, 10)).toBe("layers.1");
    const rowsWithNaN = x.slice();
    rowsWithNaN[3] = NaN;
    expect(firstNonFinite(net, weights, rowsWithNaN, 10)).toBe("input");
  });
});
