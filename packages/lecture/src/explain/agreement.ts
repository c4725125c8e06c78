import { evaluateGraph, lossGraph, type LossName, type Network } from "@manyfold/core";
import { backpropagate, flatGradient } from "./backprop.ts";

/** How far the recursion and the graph are apart. */
export interface Agreement {
  /** Largest difference of any component of the gradient. */
  readonly difference: number;
  readonly gradient: Float64Array;
  readonly loss: number;
}

/**
 * The gradient of the mean loss over rows by the hand-written recursion, against reverse mode on the
 * graph, both in float64.
 *
 * @param x `[rows, inputs]`
 * @param y `[rows, targets]`
 */
export function agreement(
  network: Network,
  loss: LossName,
  weights: ArrayLike<number>,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): Agreement {
  const rows = x.length / network.inputs;
  const [xs, ys] = [Float64Array.from(x), Float64Array.from(y)];
  const flat = Float64Array.from(weights);
  const graph = lossGraph(network, loss, rows, "off");
  const given: { [name: string]: Float64Array } = { x: xs, y: ys };
  for (const { name, offset, size } of network.parameters.tensors) {
    given[name] = flat.subarray(offset, offset + size);
  }
  const outputs = { loss: graph.mean, ...Object.fromEntries(graph.gradients) };
  const found: { readonly [name: string]: ArrayLike<number> } = evaluateGraph({ outputs }, given);
  const gradient = new Float64Array(flat.length);
  for (const { name, offset } of network.parameters.tensors) {
    gradient.set(found[name] ?? [], offset);
  }
  const hand = new Float64Array(flat.length);
  for (let row = 0; row < rows; row++) {
    const own = xs.subarray(row * network.inputs, (row + 1) * network.inputs);
    const target = ys.subarray(row * network.targets, (row + 1) * network.targets);
    const pass = backpropagate(network, loss, flat, own, target);
    flatGradient(network, pass).forEach((g, i) => (hand[i]! += g / rows));
  }
  const difference = gradient.reduce((most, g, i) => Math.max(most, Math.abs(g - hand[i]!)), 0);
  return { difference, gradient, loss: found["loss"]?.[0] ?? NaN };
}
