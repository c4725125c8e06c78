import { nameOf, ModelSpec } from "@manyfold/protocol";
import type { Activation, Init } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { initialize } from "./init.ts";
import { buildNetwork } from "./network.ts";
import type { Network } from "./network.ts";
import { key } from "./rng.ts";

const INPUTS = 300;
const UNITS = 100;

function networkOf(init: Init, activation: Activation = "relu", depth = 1): Network {
  const model = ModelSpec.parse({
    layers: [
      { dense: { units: UNITS, activation, init } },
      ...Array.from({ length: depth - 1 }, () => ({ dense: { units: UNITS, activation, init } })),
    ],
  });
  return buildNetwork(model, { inputs: INPUTS, task: "regression", outputs: 1 });
}

function drawn(network: Network, seed: number): Float32Array {
  const weights = new Float32Array(network.parameters.size);
  initialize(network, key(seed), weights);
  return weights;
}

function moments(of: Float32Array): { mean: number; variance: number; largest: number } {
  const mean = of.reduce((sum, w) => sum + w, 0) / of.length;
  const variance = of.reduce((sum, w) => sum + (w - mean) ** 2, 0) / of.length;
  return { mean, variance, largest: of.reduce((most, w) => Math.max(most, Math.abs(w)), 0) };
}

const VARIANCES: [Init, number][] = [
  ["glorotUniform", 2 / (INPUTS + UNITS)],
  ["glorotNormal", 2 / (INPUTS + UNITS)],
  ["heUniform", 2 / INPUTS],
  ["heNormal", 2 / INPUTS],
  ["lecunUniform", 1 / INPUTS],
  ["lecunNormal", 1 / INPUTS],
];

describe.each(VARIANCES)("%s", (init, variance) => {
  test("has mean 0 and the variance of its fan formula; biases are 0", () => {
    const weights = drawn(networkOf(init), 1);
    const matrix = moments(weights.subarray(0, INPUTS * UNITS));
    expect(Math.abs(matrix.mean)).toBeLessThan(4 * Math.sqrt(variance / (INPUTS * UNITS)));
    expect(matrix.variance / variance).toBeCloseTo(1, 1);
    // Uniform draws fill ± sqrt(3 variance); of 30000 normal ones some lie beyond 3 deviations.
    const deviations = matrix.largest / Math.sqrt(variance);
    const [least, most] = nameOf(init).endsWith("Uniform") ? [1.72, 1.7321] : [3, 6];
    expect(deviations).toBeGreaterThan(least);
    expect(deviations).toBeLessThan(most);
    const biases = weights.subarray(INPUTS * UNITS, INPUTS * UNITS + UNITS);
    expect([...new Set(biases)]).toEqual([0]);
  });
});

test("zeros is zero, and every other start breaks the symmetry of hidden units", () => {
  expect(
    drawn(networkOf("zeros"), 1)
      .subarray(0, INPUTS * UNITS)
      .every((w) => w === 0),
  ).toBe(true);
  const weights = drawn(networkOf("auto"), 1);
  const firstRow = new Set(weights.subarray(0, UNITS));
  expect(firstRow.size).toBe(UNITS);
});

test("equal keys give equal bits, other keys and other tensors other numbers", () => {
  const network = networkOf("glorotNormal", "tanh", 3);
  expect(drawn(network, 5)).toEqual(drawn(network, 5));
  expect(drawn(network, 5)).not.toEqual(drawn(network, 6));
  const [, , second, , third] = network.parameters.tensors;
  const at = (tensor: typeof second): number[] =>
    tensor ? [...drawn(network, 5).subarray(tensor.offset, tensor.offset + 8)] : [];
  expect(at(second)).not.toEqual(at(third));
});

test("a tensor's start does not depend on the tensors before it", () => {
  const wide = buildNetwork(ModelSpec.parse({ layers: [{ dense: { units: 8 } }] }), {
    inputs: 40,
    task: "regression",
    outputs: 3,
  });
  const narrow = buildNetwork(ModelSpec.parse({ layers: [{ dense: { units: 8 } }] }), {
    inputs: 4,
    task: "regression",
    outputs: 3,
  });
  const last = (network: Network): number[] => {
    const weight = network.parameters.tensors[2];
    return [...drawn(network, 3).subarray(weight?.offset, (weight?.offset ?? 0) + 24)];
  };
  expect(last(wide)).toEqual(last(narrow));
});

test("He keeps the size of activations over 20 ReLU layers", () => {
  const network = networkOf("heNormal", "relu", 20);
  const weights = drawn(network, 2);
  let h = Array.from({ length: INPUTS }, (_, i) => Math.sin(i * 12.9898) * 1.4);
  const sizes: number[] = [];
  for (const tensor of network.parameters.tensors.filter(({ kind }) => kind === "weight")) {
    const [inputs = 0, units = 0] = tensor.shape;
    if (units !== UNITS) break;
    const next = Array.from({ length: units }, () => 0);
    for (let i = 0; i < inputs; i++) {
      for (let j = 0; j < units; j++) {
        next[j] = (next[j] ?? 0) + (h[i] ?? 0) * (weights[tensor.offset + i * units + j] ?? 0);
      }
    }
    h = next.map((z) => Math.max(z, 0));
    sizes.push(h.reduce((sum, value) => sum + value * value, 0) / h.length);
  }
  expect(sizes).toHaveLength(20);
  for (const size of sizes) {
    expect(size).toBeGreaterThan(0.1);
    expect(size).toBeLessThan(10);
  }
});
