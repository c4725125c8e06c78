import type { LossName, Network, NetworkLayer } from "@manyfold/core";
import { ManyfoldError, nameOf } from "@manyfold/protocol";
import { type Bend, bend, isDistance } from "./curves.ts";
import { ended } from "./endings.ts";

/** What one layer does to one sample, forward and backward. */
export interface LayerPass {
  readonly name: string;
  readonly activation: string;
  /** What enters, a^(m-1). */
  readonly input: readonly number[];
  /** Net input n = W a + b; of an rbf unit its squared distance |a - w|^2. */
  readonly net: readonly number[];
  /** What leaves, a^m = f(n). */
  readonly output: readonly number[];
  /** BP1 at the last layer, BP2 before it: the sensitivity s = dF/dn. */
  readonly sensitivity: readonly number[];
  /** BP3: dF/db = s. Empty without biases. */
  readonly bias: readonly number[];
  /** BP4: dF/dw_jk = a_k s_j, laid out `[in, units]`. */
  readonly weight: readonly (readonly number[])[];
  /** dF/d of what the activation learns, a number per unit; empty where it learns nothing. */
  readonly learned: readonly number[];
}

/** One sample's way through a network and back. */
export interface SamplePass {
  readonly loss: number;
  /** dF/da at the last layer: where BP1 starts. */
  readonly start: readonly number[];
  /** From input to output; dropout is off, as it is in predictions. */
  readonly layers: readonly LayerPass[];
  /** dF/dx. */
  readonly input: readonly number[];
}

/**
 * Back-propagation by sensitivities, written from the lecture's recursion and from nothing of the
 * graph (Hagan, Demuth, Beale 2014, chapter 11; Goodfellow, Bengio, Courville 2016, algorithm 6.4):
 * s^M = F'(n^M) dF/da, s^m = F'(n^m) W^(m+1)' s^(m+1), dF/dW = s a', dF/db = s. For rbf units, whose
 * net input is |a - w|^2, a' becomes -2 (a - w)' and W the same with its sign changed.
 *
 * @param weights flat, as `network.parameters`
 * @param x `[inputs]`, one sample
 * @param y `[targets]`: values, a probability, or one-hot
 * @throws ManyfoldError for heads beside the first one, and losses that are not of the output
 */
export function backpropagate(
  network: Network,
  loss: LossName,
  weights: ArrayLike<number>,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): SamplePass {
  requireOneHead(network);
  const steps: { layer: Active; input: number[]; net: number[]; bent: Bend }[] = [];
  let a = Array.from(x);
  for (const layer of network.layers) {
    if (layer.kind === "dropout") continue;
    const net = layer.kind === "dense" ? netInput(layer, weights, a) : a;
    const bent = bend(layer, net, learnedOf(layer, weights));
    steps.push({ layer, input: a, net, bent });
    a = [...bent.output];
  }
  const end = ended(loss, network.head, a, Array.from(y));
  const layers: LayerPass[] = [];
  let above = end.slope;
  for (const { layer, input, net, bent } of steps.toReversed()) {
    const sensitivity = bent.back(above);
    const dense = layer.kind === "dense" ? layer : null;
    layers.push({
      name: layer.name,
      activation: nameOf(layer.activation),
      input,
      net,
      output: bent.output,
      sensitivity,
      bias: dense !== null && dense.bias !== null ? sensitivity : [],
      weight: dense === null ? [] : weightSlopes(dense, weights, input, sensitivity),
      learned: bent.learned(above),
    });
    above = dense === null ? sensitivity : inputSlopes(dense, weights, input, sensitivity);
  }
  return { loss: end.loss, start: end.slope, layers: layers.toReversed(), input: above };
}

/** The gradient of a pass, flat as the network's parameters. */
export function flatGradient(network: Network, pass: SamplePass): Float64Array {
  const flat = new Float64Array(network.parameters.size);
  for (const layer of network.layers) {
    const own = pass.layers.find(({ name }) => name === layer.name);
    if (own === undefined || layer.kind === "dropout") continue;
    if (layer.learned !== null) flat.set(own.learned, layer.learned.offset);
    if (layer.kind !== "dense") continue;
    // A weight that two layers share gets the sum of its uses.
    for (const [i, row] of own.weight.entries()) {
      for (const [j, slope] of row.entries()) flat[placeOf(layer, i, j)]! += slope;
    }
    if (layer.bias !== null) flat.set(own.bias, layer.bias.offset);
  }
  return flat;
}

type Active = Exclude<NetworkLayer, { kind: "dropout" }>;
type Dense = Extract<NetworkLayer, { kind: "dense" }>;

function learnedOf({ learned }: Active, weights: ArrayLike<number>): number[] {
  if (learned === null) return [];
  return Array.from({ length: learned.size }, (_, i) => weights[learned.offset + i]!);
}

/** Columns of a layer's weights: its units, or for maxout so many pieces of each. */
function columnsOf({ weight, inputs }: Dense): number {
  return weight.size / inputs;
}

function netInput(layer: Dense, weights: ArrayLike<number>, a: readonly number[]): number[] {
  const distance = isDistance(layer);
  return Array.from({ length: columnsOf(layer) }, (_, j) => {
    let sum = 0;
    for (const [i, from] of a.entries()) {
      const weight = weightAt(layer, weights, i, j);
      sum += distance ? (from - weight) ** 2 : from * weight;
    }
    return sum + (layer.bias === null ? 0 : weights[layer.bias.offset + j]!);
  });
}

/** BP4, `[in, columns]`. */
function weightSlopes(
  layer: Dense,
  weights: ArrayLike<number>,
  input: readonly number[],
  sensitivity: readonly number[],
): number[][] {
  if (!isDistance(layer)) return input.map((from) => sensitivity.map((s) => from * s));
  return input.map((from, i) =>
    sensitivity.map((s, j) => -2 * (from - weightAt(layer, weights, i, j)) * s),
  );
}

/** W' s: dF/da of what entered. */
function inputSlopes(
  layer: Dense,
  weights: ArrayLike<number>,
  input: readonly number[],
  sensitivity: readonly number[],
): number[] {
  const distance = isDistance(layer);
  return input.map((from, i) => {
    let sum = 0;
    for (const [j, s] of sensitivity.entries()) {
      const weight = weightAt(layer, weights, i, j);
      sum += (distance ? 2 * (from - weight) : weight) * s;
    }
    return sum;
  });
}

function weightAt(layer: Dense, weights: ArrayLike<number>, i: number, j: number): number {
  return weights[placeOf(layer, i, j)]!;
}

/** Where the weight from input i to column j lies. */
function placeOf(layer: Dense, i: number, j: number): number {
  const { weight, transposed, inputs } = layer;
  return weight.offset + (transposed ? j * inputs + i : i * columnsOf(layer) + j);
}

function requireOneHead({ sides }: Network): void {
  if (sides.length === 0) return;
  throw new ManyfoldError({
    code: "config",
    path: "the network to explain",
    condition: "one with one head",
    got: `${sides.length + 1} heads`,
    help: "The recursion starts from one output and its loss.",
  });
}
