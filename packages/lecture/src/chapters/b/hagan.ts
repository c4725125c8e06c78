import type { Network } from "@manyfold/core";
import { backpropagate, type SamplePass } from "../../explain/backprop.ts";
import { dense, drawn, networkOf } from "../../kit.ts";

/** The 1-2-1 network of Hagan's worked example: logsig, then linear. */
export const HAGAN = {
  weights: [-0.27, -0.41, -0.48, -0.13, 0.09, -0.17, 0.48],
  x: [1],
  target: 1 + Math.SQRT1_2,
};

export function haganNetwork(): Network {
  return networkOf([dense(2, "sigmoid")], { inputs: 1, task: "regression", outputs: 1 });
}

/** A smooth deep network with drawn weights and biases, and some rows. */
export function deep() {
  const network = networkOf([dense(4, "tanh"), dense(5, "sigmoid"), dense(3, "tanh")], {
    inputs: 3,
    task: "regression",
    outputs: 2,
  });
  const weights = drawn("B weights", network.parameters.size).map((w) => 0.7 * w);
  const [x, y] = [drawn("B x", 24), drawn("B y", 16)];
  return { network, weights, x, y };
}

export function passAt(at: number): { network: Network; weights: Float64Array; pass: SamplePass } {
  const { network, weights, x, y } = deep();
  const [own, target] = [x.slice(3 * at, 3 * at + 3), y.slice(2 * at, 2 * at + 2)];
  return {
    network,
    weights,
    pass: backpropagate(network, "squaredError", weights, own, target),
  };
}
