import { Activation, nameOf } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { activationRule } from "./activations.ts";
import { jvp, vjp } from "./autodiff.ts";
import { initialize } from "./init.ts";
import { erf } from "./math/float64.ts";
import { buildNetwork, forwardGraph } from "./network.ts";
import * as ops from "./ops.ts";
import { fold, key, normals } from "./rng.ts";
import { evaluateGraph } from "./run.ts";

const X = [-30, -3, -1.1, -0.5, -1e-3, 1e-3, 0.4, 0.99, 1.5, 4, 30];
const elu = (x: number) => (x > 0 ? x : Math.expm1(x));

/** What each is, in other words than the graph's. */
const CLOSED: readonly [unknown, (x: number) => number][] = [
  ["identity", (x) => x],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x))],
  ["tanh", Math.tanh],
  ["relu", (x) => Math.max(0, x)],
  ["leakyRelu", (x) => (x > 0 ? x : 0.01 * x)],
  [{ leakyRelu: { slope: 0.3 } }, (x) => Math.max(x, 0.3 * x)],
  ["elu", elu],
  [{ elu: { alpha: 0.5 } }, (x) => (x > 0 ? x : 0.5 * Math.expm1(x))],
  ["selu", (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))],
  ["gelu", (x) => x * (0.5 + 0.5 * erf(x / Math.SQRT2))],
  ["silu", (x) => x / (1 + Math.exp(-x))],
  ["softplus", (x) => (x > 30 ? x : Math.log1p(Math.exp(x)))],
  ["hardTanh", (x) => Math.min(1, Math.max(-1, x))],
  ["abs", Math.abs],
];

describe.each(CLOSED)("%o", (spec, closed) => {
  const { apply } = activationRule(Activation.parse(spec));
  const x = ops.input("x", [X.length, 1]);
  const y = apply(x, null);

  test("is its closed form, with the slope of differences, and nothing that is not finite", () => {
    const [slope] = vjp([y], [ops.constant(1, y.shape)], [x]);
    const [forward] = jvp([y], [x], [ops.constant(1, x.shape)]);
    const found = evaluateGraph({ outputs: { y, slope, forward } }, { x: X });
    X.forEach((at, i) => {
      const h = 1e-5;
      const numeric = (closed(at + h) - closed(at - h)) / (2 * h);
      expect(Math.abs(found.y[i]! - closed(at))).toBeLessThan(1e-13 * Math.max(1, Math.abs(at)));
      expect(Math.abs(found.slope[i]! - numeric)).toBeLessThan(1e-7);
      expect(found.forward[i]).toBeCloseTo(found.slope[i]!, 14);
    });
  });

  test("keeps NaN, and has finite slopes far out", () => {
    const [slope] = vjp([y], [ops.constant(1, y.shape)], [x]);
    const far = evaluateGraph({ outputs: { slope } }, { x: X.map((at) => 100 * at) });
    expect(far.slope.every(Number.isFinite)).toBe(true);
    expect(evaluateGraph({ outputs: { y } }, { x: X.map(() => NaN) }).y[0]).toBeNaN();
  });
});

test("erf: values to 16 digits, odd, and 1 far out", () => {
  // Abramowitz and Stegun, table 7.1, and mpmath's digits beyond it.
  expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15);
  expect(erf(1)).toBeCloseTo(0.8427007929497149, 15);
  expect(erf(2)).toBeCloseTo(0.9953222650189527, 15);
  expect(erf(3)).toBeCloseTo(0.9999779095030014, 15);
  expect(erf(-1)).toBe(-erf(1));
  expect([erf(0), erf(10), erf(-Infinity)]).toEqual([0, 1, -1]);
  expect(Math.abs(erf(2.5) - erf(2.5 + 1e-12))).toBeLessThan(1e-14);
});

test("sigmoid and tanh: tanh z = 2 sigmoid(2z) - 1 to 1e-15", () => {
  const x = ops.input("x", [X.length, 1]);
  const left = activationRule("tanh").apply(x, null);
  const right = ops.shift(ops.scale(activationRule("sigmoid").apply(ops.scale(x, 2), null), 2), -1);
  const found = evaluateGraph({ outputs: { left, right } }, { x: X });
  X.forEach((_, i) => expect(Math.abs(found.left[i]! - found.right[i]!)).toBeLessThan(1e-15));
});

const layerOf = (activation: unknown, inputs: number, units: number) =>
  buildNetwork(
    {
      layers: [
        {
          dense: { units, activation: Activation.parse(activation), init: "auto", bias: true },
        },
      ],
      output: "auto",
      init: "auto",
    },
    { inputs, task: "regression", outputs: 1 },
  );

/** A layer's outputs on some rows, from its own starting weights. */
function outputsOf(activation: unknown, inputs: number, units: number, rows: number) {
  const network = layerOf(activation, inputs, units);
  const weights = new Float64Array(network.parameters.size);
  initialize(network, key(3), weights);
  const x = ops.input("x", [rows, inputs]);
  const graph = forwardGraph(network, x, (tensor) => ops.input(tensor.name, tensor.shape), "off");
  const values = Object.fromEntries(
    network.parameters.tensors.map(({ name, offset, size }) => [
      name,
      weights.subarray(offset, offset + size),
    ]),
  );
  const data = normals(fold(key(4), "x"), rows * inputs);
  const h = graph.layers[0]!.output;
  return { ...evaluateGraph({ outputs: { h } }, { x: data, ...values }), data, values, network };
}

test("maxout takes the largest of its pieces, unit by unit", () => {
  const { h, data, values } = outputsOf({ maxout: { pieces: 3 } }, 2, 4, 5);
  const weight = values["layers.0.dense.weight"]!;
  for (let row = 0; row < 5; row++) {
    for (let unit = 0; unit < 4; unit++) {
      const pieces = [0, 1, 2].map(
        (piece) =>
          data[row * 2]! * weight[piece * 4 + unit]! +
          data[row * 2 + 1]! * weight[12 + piece * 4 + unit]!,
      );
      expect(h[row * 4 + unit]).toBeCloseTo(Math.max(...pieces), 12);
    }
  }
});

test("rbf is e^(-b |x - w|²) around its weights, with no bias", () => {
  const { h, data, values, network } = outputsOf("rbf", 3, 4, 5);
  expect(network.parameters.tensors.map(({ name }) => name).slice(0, 2)).toEqual([
    "layers.0.dense.weight",
    "layers.0.dense.precision",
  ]);
  const weight = values["layers.0.dense.weight"]!;
  for (let row = 0; row < 5; row++) {
    for (let unit = 0; unit < 4; unit++) {
      const distance = [0, 1, 2].reduce(
        (sum, i) => sum + (data[row * 3 + i]! - weight[i * 4 + unit]!) ** 2,
        0,
      );
      expect(h[row * 4 + unit]).toBeCloseTo(Math.exp(-distance / 6), 12);
    }
  }
});

test("prelu starts as leakyRelu with its slope, which it then learns", () => {
  const prelu = outputsOf({ prelu: { slope: 0.3 } }, 3, 4, 5);
  const leaky = outputsOf({ leakyRelu: { slope: 0.3 } }, 3, 4, 5);
  expect([...prelu.h]).toEqual([...leaky.h]);
  expect([...prelu.values["layers.0.dense.slope"]!]).toEqual([0.3, 0.3, 0.3, 0.3]);
});

test.each(["relu", "leakyRelu", "prelu", "elu", "selu", "abs", "maxout", "silu", "gelu"])(
  "%s: auto keeps the mean square within a factor of 2.5 from layer to layer",
  (activation) => {
    const { h } = outputsOf(activation, 64, 64, 200);
    let squares = 0;
    for (const value of h) squares += value * value;
    const meanSquare = squares / h.length;
    expect(meanSquare).toBeGreaterThan(0.4);
    expect(meanSquare).toBeLessThan(2.5);
  },
);

test("what cannot be a layer of its own is refused with its place", () => {
  const build = (activation: Activation) => () =>
    buildNetwork(
      {
        layers: [
          { dense: { units: 2, activation: "relu", init: "auto", bias: true } },
          { activation },
        ],
        output: "auto",
        init: "auto",
      },
      { inputs: 2, task: "regression", outputs: 1 },
    );
  for (const activation of ["rbf", { maxout: { pieces: 2 } }] as const) {
    expect(build(activation)).toThrow(
      `model.layers.1.activation must be one that a layer of its own can be, got "${nameOf(activation)}".`,
    );
  }
  expect(build({ prelu: { slope: 0.1 } })().parameters.tensors.map(({ name }) => name)).toContain(
    "layers.1.activation.slope",
  );
});
