import { ModelSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { buildNetwork } from "./network.ts";
import { inputNoise, labelSmoothing, weightNoise } from "./noise.ts";
import { key } from "./rng.ts";

const model = ModelSpec.parse({ layers: [{ dense: { units: 8 } }] });
const network = buildNetwork(model, { inputs: 5, task: "classification", outputs: 4 });
const nothing = new Float32Array(0);

test("noise on inputs has mean 0 and its deviation, and is new in every step", () => {
  const noise = inputNoise(network, 0.5, key(1));
  const x = new Float32Array(5 * 2000);
  noise(x, nothing, 2000, 0);
  const mean = x.reduce((sum, one) => sum + one, 0) / x.length;
  const deviation = Math.sqrt(x.reduce((sum, one) => sum + (one - mean) ** 2, 0) / x.length);
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(Math.abs(deviation - 0.5)).toBeLessThan(0.02);
  const [again, other] = [new Float32Array(x.length), new Float32Array(x.length)];
  noise(again, nothing, 2000, 0);
  noise(other, nothing, 2000, 1);
  expect(again).toEqual(x);
  expect(other).not.toEqual(x);
});

test("label smoothing gives 1 - epsilon and epsilon / (K - 1)", () => {
  const y = Float32Array.of(0, 1, 0, 0, 1, 0, 0, 0);
  labelSmoothing(network, 0.3)(nothing, y, 2, 0);
  const expected = [0.1, 0.7, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1];
  for (const [i, one] of expected.entries()) expect(y[i]).toBeCloseTo(one, 6);
  const binary = { ...network, targets: 1, ownTargets: 1 };
  const p = Float32Array.of(0, 1);
  labelSmoothing(binary, 0.1)(nothing, p, 2, 0);
  expect([...p].map((one) => one.toFixed(6))).toEqual(["0.100000", "0.900000"]);
});

test("noise on weights spares biases and is taken off to the bit", () => {
  const noise = weightNoise(network, 0.1, key(2));
  const weights = Float32Array.from({ length: network.parameters.size }, (_, i) => i / 7);
  const still = weights.slice();
  noise.put(weights, 3);
  for (const { kind, offset, size } of network.parameters.tensors) {
    const moved = weights.subarray(offset, offset + size).some((w, i) => w !== still[offset + i]);
    expect(moved).toBe(kind === "weight");
  }
  noise.take(weights);
  expect(weights).toEqual(still);
});
