import {
  buildNetwork,
  elementary,
  fold,
  grad,
  initialize,
  key,
  type Key,
  lossFor,
  lossGraph,
  evaluateGraph,
  type Network,
  networkGraph,
  type NetworkIO,
  normals,
  permutation,
  predict,
  train,
  type TrainOutcome,
  uniforms,
} from "@manyfold/core";
import { ModelSpec, TrainSpec, type Variant } from "@manyfold/protocol";
import type { z } from "zod";

/** A network as a configuration would write it. */
export function networkOf(layers: readonly unknown[], io: NetworkIO, rest = {}): Network {
  return buildNetwork(ModelSpec.parse({ layers, ...rest }), io);
}

/** Units of one activation. */
export function dense(units: number, activation: string, rest = {}): unknown {
  return { dense: { units, activation, ...rest } };
}

/** Rows `[n, columns]` and targets `[n, targets]`, or `[n]` classes. */
export interface Sample {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly rows: number;
}

/** A sample from rows of numbers. */
export function sampleOf(x: readonly (readonly number[])[], y: ArrayLike<number>): Sample {
  return { x: Float32Array.from(x.flat()), y: Float32Array.from(y), rows: x.length };
}

/** Some rows of a sample. */
export function take(sample: Sample, from: number, to: number): Sample {
  const width = sample.x.length / sample.rows;
  const targets = sample.y.length / sample.rows;
  return {
    x: sample.x.slice(from * width, to * width),
    y: sample.y.slice(from * targets, to * targets),
    rows: to - from,
  };
}

/** Trains as the product does, in its plain arithmetic; what diverges is an outcome too. */
export function trained(
  network: Network,
  spec: z.input<typeof TrainSpec>,
  sample: Sample,
  seed: number,
  held?: Sample,
  variant: Variant = "wasm-plain",
): TrainOutcome {
  const both = held === undefined ? sample : joined(sample, held);
  return train({
    network,
    spec: TrainSpec.parse(spec),
    variant,
    x: both.x,
    y: both.y,
    rows: Uint32Array.from({ length: sample.rows }, (_, i) => i),
    ...(held && { held: Uint32Array.from({ length: held.rows }, (_, i) => sample.rows + i) }),
    key: key(seed),
  });
}

/** The weights of a training that came to its end. */
export function weightsOf(outcome: TrainOutcome): Float32Array {
  if (outcome.status !== "done") throw new Error(`A training of the gallery: ${outcome.status}.`);
  return outcome.weights;
}

export function curveOf(outcome: TrainOutcome): { train: number[]; held: number[] } {
  if (outcome.status !== "done") return { train: [], held: [] };
  return {
    train: outcome.curve.map((point) => point.train),
    held: outcome.curve.flatMap((point) => point.held ?? []),
  };
}

export function joined(a: Sample, b: Sample): Sample {
  return {
    x: Float32Array.from([...a.x, ...b.x]),
    y: Float32Array.from([...a.y, ...b.y]),
    rows: a.rows + b.rows,
  };
}

/** Predictions `[rows, outputs]`. */
export function predicted(network: Network, weights: Float32Array, sample: Sample): Float32Array {
  return predict(network, weights, sample.x, sample.rows);
}

/** The share of rows whose most probable class is another. */
export function errorRate(network: Network, weights: Float32Array, sample: Sample): number {
  const p = predicted(network, weights, sample);
  const classes = p.length / sample.rows;
  let wrong = 0;
  for (let row = 0; row < sample.rows; row++) {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (p[row * classes + c]! > p[row * classes + best]!) best = c;
    if (best !== sample.y[row]) wrong += 1;
  }
  return wrong / sample.rows;
}

/** Mean negative log probability of the true classes. */
export function logLoss(network: Network, weights: Float32Array, sample: Sample): number {
  const p = predicted(network, weights, sample);
  const classes = p.length / sample.rows;
  let total = 0;
  for (let row = 0; row < sample.rows; row++) {
    total -= elementary.log(Math.max(1e-12, p[row * classes + sample.y[row]!]!));
  }
  return total / sample.rows;
}

/** Mean squared error of a network with one output. */
export function squaredError(network: Network, weights: Float32Array, sample: Sample): number {
  const p = predicted(network, weights, sample);
  let total = 0;
  for (let i = 0; i < p.length; i++) total += (p[i]! - sample.y[i]!) ** 2;
  return total / p.length;
}

/** Loss and flat gradient in float64 by the graph's reverse mode; y `[rows, targets]`. */
export function lossAndGradient(
  network: Network,
  weights: ArrayLike<number>,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): { loss: number; gradient: Float64Array } {
  const rows = x.length / network.inputs;
  const graph = lossGraph(network, lossFor("auto", network.head, network.targets), rows, "off");
  const outputs = Object.fromEntries(graph.gradients);
  const found = evaluateGraph(
    { outputs: { ...outputs, loss: graph.mean } },
    { x, y, ...tensorsOf(network, weights) },
  );
  const gradient = new Float64Array(network.parameters.size);
  for (const { name, offset } of network.parameters.tensors) {
    gradient.set((found as { [name: string]: Float64Array })[name] ?? [], offset);
  }
  return { loss: found.loss[0] ?? NaN, gradient };
}

/** Flat weights by the names of their tensors. */
function tensorsOf(network: Network, weights: ArrayLike<number>): { [name: string]: number[] } {
  const flat = Array.from(weights);
  return Object.fromEntries(
    network.parameters.tensors.map(({ name, offset, size }) => [
      name,
      flat.slice(offset, offset + size),
    ]),
  );
}

/** Numbers by name from a seed of the gallery. */
export function drawn(name: string, count: number, seed = 0): Float64Array {
  return normals(named(name, seed), count);
}

export function uniform(name: string, count: number, seed = 0): Float64Array {
  return uniforms(named(name, seed), count);
}

export function shuffled(name: string, count: number, seed = 0): Uint32Array {
  return permutation(named(name, seed), count);
}

function named(name: string, seed: number): Key {
  return fold(key(seed), name);
}

/** The four rows of exclusive or. */
export const XOR: Sample = sampleOf(
  [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ],
  [0, 1, 1, 0],
);

/** Digits scaled to 0..1, in an order of the gallery's own. */
export function digitsOf(digits: { x: Float32Array; y: Float32Array }): Sample {
  const order = shuffled("digits", digits.y.length);
  const x = new Float32Array(digits.x.length);
  order.forEach((from, to) => {
    for (let i = 0; i < 64; i++) x[to * 64 + i] = digits.x[from * 64 + i]! / 16;
  });
  return { x, y: Float32Array.from(order, (from) => digits.y[from]!), rows: order.length };
}

/** What leaves each layer for some rows, in float64. */
export function outputsOf(
  network: Network,
  weights: ArrayLike<number>,
  x: ArrayLike<number>,
): Float64Array[] {
  const graph = networkGraph(network, x.length / network.inputs, "off");
  const outputs = Object.fromEntries(
    graph.forward.layers.map(({ name, output }) => [name, output]),
  );
  const found: { readonly [name: string]: ArrayLike<number> } = evaluateGraph(
    { outputs },
    { x, ...tensorsOf(network, weights) },
  );
  return graph.forward.layers.map(({ name }) => Float64Array.from(found[name] ?? []));
}

/** The starting weights of a training. */
export function started(network: Network, seed: number): Float64Array {
  const weights = new Float64Array(network.parameters.size);
  initialize(network, key(seed), weights);
  return weights;
}

/** Norms of the gradient in each layer's weights, from its start, on drawn rows. */
export function gradientsByLayer(network: Network, seed: number): number[] {
  const x = drawn("rows", 32 * network.inputs, seed);
  const y = drawn("targets", 32 * network.targets, seed);
  const { gradient } = lossAndGradient(network, started(network, seed), x, y);
  return network.layers.flatMap((layer) => {
    if (layer.kind !== "dense") return [];
    const { offset, size } = layer.weight;
    return [Math.sqrt(gradient.slice(offset, offset + size).reduce((sum, g) => sum + g * g, 0))];
  });
}

/** The slope of the mean loss in the inputs of rows of classes. */
export function inputSlope(
  network: Network,
  weights: ArrayLike<number>,
  x: ArrayLike<number>,
  classes: ArrayLike<number>,
): Float64Array {
  const rows = x.length / network.inputs;
  const graph = lossGraph(network, lossFor("auto", network.head, network.targets), rows, "off");
  const [slope] = grad(graph.mean, [graph.x]);
  const y = new Float64Array(rows * network.targets);
  for (let row = 0; row < rows; row++) y[row * network.targets + classes[row]!] = 1;
  const found = evaluateGraph({ outputs: { slope } }, { x, y, ...tensorsOf(network, weights) });
  return Float64Array.from(found.slope);
}
