import { elementary, type Network, type NetworkLayer } from "@manyfold/core";
import { ManyfoldError, nameOf } from "@manyfold/protocol";

const { exp, expm1, sigmoid, softplus, tanh } = elementary;

/** What one layer does to one sample, forward and backward. */
export interface LayerPass {
  readonly name: string;
  readonly activation: string;
  /** What enters, a^(m-1). */
  readonly input: readonly number[];
  /** Net input n = W a + b. */
  readonly net: readonly number[];
  /** What leaves, a^m = f(n). */
  readonly output: readonly number[];
  /** BP1 at the last layer, BP2 before it: the sensitivity s = dF/dn. */
  readonly sensitivity: readonly number[];
  /** BP3: dF/db = s. Empty without biases. */
  readonly bias: readonly number[];
  /** BP4: dF/dw_jk = a_k s_j, laid out `[in, units]`. */
  readonly weight: readonly (readonly number[])[];
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

/** An activation and its slope, in plain numbers. */
interface Curve {
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
}

const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

/** Written apart from the graph's activations, which it is there to check. */
const CURVES: { readonly [name: string]: Curve } = {
  identity: { value: (x) => x, slope: () => 1 },
  sigmoid: { value: sigmoid, slope: (x) => sigmoid(x) * sigmoid(-x) },
  tanh: { value: tanh, slope: (x) => 1 - tanh(x) * tanh(x) },
  relu: { value: (x) => Math.max(0, x), slope: (x) => (x > 0 ? 1 : 0) },
  softplus: { value: softplus, slope: sigmoid },
  silu: {
    value: (x) => x * sigmoid(x),
    slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
  },
  selu: {
    value: (x) => SELU.scale * (x > 0 ? x : SELU.alpha * expm1(x)),
    slope: (x) => SELU.scale * (x > 0 ? 1 : SELU.alpha * exp(x)),
  },
  hardTanh: {
    value: (x) => Math.max(-1, Math.min(1, x)),
    slope: (x) => (x > -1 && x < 1 ? 1 : 0),
  },
  abs: { value: Math.abs, slope: (x) => Math.sign(x) },
};

/** Names of the activations that the recursion is written down for. */
const EXPLAINED = Object.keys(CURVES);

/**
 * Back-propagation by sensitivities, written from the lecture's recursion and from nothing of the
 * graph (Hagan, Demuth, Beale 2014, chapter 11; Goodfellow, Bengio, Courville 2016, algorithm 6.4):
 * s^M = F'(n^M) dF/da, s^m = F'(n^m) W^(m+1)' s^(m+1), dF/dW = s a', dF/db = s.
 *
 * @param weights flat, as `network.parameters`
 * @param x `[inputs]`, one sample
 * @param y `[targets]`: values, a probability, or one-hot
 * @throws ManyfoldError for layers, outputs or losses that it is not written down for
 */
export function backpropagate(
  network: Network,
  loss: string,
  weights: ArrayLike<number>,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): SamplePass {
  interface Forward {
    layer: Exclude<NetworkLayer, { kind: "dropout" }>;
    input: number[];
    net: number[];
    output: number[];
  }
  const steps: Forward[] = [];
  let a = Array.from(x);
  for (const layer of network.layers) {
    if (layer.kind === "dropout") continue;
    const net = layer.kind === "dense" ? netInput(layer, weights, a) : a;
    const { value } = curveOf(layer);
    const output = net.map(value);
    steps.push({ layer, input: a, net, output });
    a = output;
  }
  const end = lastLayer(loss, nameOf(network.head), a, Array.from(y));
  const layers: LayerPass[] = [];
  let above = end.slope;
  for (const { layer, input, net, output } of steps.toReversed()) {
    const { slope } = curveOf(layer);
    const sensitivity = net.map((n, j) => slope(n) * above[j]!);
    const isDense = layer.kind === "dense";
    layers.push({
      name: layer.name,
      activation: nameOf(layer.activation),
      input,
      net,
      output,
      sensitivity,
      bias: isDense && layer.bias !== null ? sensitivity : [],
      weight: isDense ? input.map((from) => sensitivity.map((s) => from * s)) : [],
    });
    above = isDense
      ? input.map((_, i) => {
          let sum = 0;
          for (const [j, s] of sensitivity.entries()) sum += weightAt(layer, weights, i, j) * s;
          return sum;
        })
      : sensitivity;
  }
  return { loss: end.loss, start: end.slope, layers: layers.toReversed(), input: above };
}

/** The gradient of a pass, flat as the network's parameters. */
export function flatGradient(network: Network, pass: SamplePass): Float64Array {
  const flat = new Float64Array(network.parameters.size);
  for (const layer of network.layers) {
    if (layer.kind !== "dense") continue;
    const own = pass.layers.find(({ name }) => name === layer.name);
    if (own === undefined) continue;
    // A weight that two layers share gets the sum of its uses.
    for (const [i, row] of own.weight.entries()) {
      for (const [j, slope] of row.entries()) flat[placeOf(layer, i, j)]! += slope;
    }
    if (layer.bias !== null) flat.set(own.bias, layer.bias.offset);
  }
  return flat;
}

type Dense = Extract<NetworkLayer, { kind: "dense" }>;

function netInput(layer: Dense, weights: ArrayLike<number>, a: readonly number[]): number[] {
  return Array.from({ length: layer.units }, (_, j) => {
    let sum = 0;
    for (const [i, from] of a.entries()) sum += from * weightAt(layer, weights, i, j);
    return sum + (layer.bias === null ? 0 : weights[layer.bias.offset + j]!);
  });
}

function weightAt(layer: Dense, weights: ArrayLike<number>, i: number, j: number): number {
  return weights[placeOf(layer, i, j)]!;
}

/** Where the weight from input i to unit j lies. */
function placeOf({ weight, transposed, inputs, units }: Dense, i: number, j: number): number {
  return weight.offset + (transposed ? j * inputs + i : i * units + j);
}

function curveOf({ activation }: { activation: string | object }): Curve {
  const name = nameOf(activation);
  const curve = CURVES[name];
  if (curve !== undefined) return curve;
  throw unwritten("the activation of a layer to explain", EXPLAINED, name);
}

/** A loss of one sample on the last layer's values z, and its slope there. */
type Ending = (z: readonly number[], y: readonly number[]) => { loss: number; slope: number[] };

/** By loss and output. */
const ENDINGS: { readonly [name: string]: Ending } = {
  "squaredError linear": (z, y) => squares(z, y, (e) => e),
  "squaredError sigmoid": (z, y) => {
    const p = z.map(sigmoid);
    return squares(p, y, (e, i) => e.map((own) => own * p[i]! * (1 - p[i]!)));
  },
  "squaredError softmax": (z, y) => {
    const p = softmax(z);
    const errors = p.map((own, i) => own - y[i]!);
    const along = p.reduce((sum, own, i) => sum + own * errors[i]!, 0);
    const loss = errors.reduce((sum, e) => sum + e * e, 0) / 2;
    return { loss, slope: p.map((own, i) => own * (errors[i]! - along)) };
  },
  "binaryCrossEntropy sigmoid": (z, y) => ({
    loss: z.reduce((sum, own, i) => sum + y[i]! * softplus(-own) + (1 - y[i]!) * softplus(own), 0),
    slope: z.map((own, i) => sigmoid(own) - y[i]!),
  }),
  "softmaxCrossEntropy softmax": (z, y) => {
    const p = softmax(z);
    const total = y.reduce((sum, own) => sum + own, 0);
    const largest = Math.max(...z);
    const lse = largest + elementary.log(z.reduce((sum, own) => sum + exp(own - largest), 0));
    return {
      loss: y.reduce((sum, own, i) => sum + own * (lse - z[i]!), 0),
      slope: p.map((own, i) => total * own - y[i]!),
    };
  },
};

function lastLayer(
  loss: string,
  head: string,
  z: readonly number[],
  y: readonly number[],
): { loss: number; slope: number[] } {
  const ending = ENDINGS[`${loss} ${head}`];
  if (ending !== undefined) return ending(z, y);
  throw unwritten("the loss and output to explain", Object.keys(ENDINGS), `${loss} ${head}`);
}

function squares(
  z: readonly number[],
  y: readonly number[],
  through: (errors: number[], i: number) => number[],
): { loss: number; slope: number[] } {
  const errors = z.map((own, i) => own - y[i]!);
  return {
    loss: errors.reduce((sum, e) => sum + e * e, 0) / 2,
    slope: errors.map((_, i) => through(errors, i)[i]!),
  };
}

function softmax(z: readonly number[]): number[] {
  const largest = Math.max(...z);
  const powers = z.map((own) => exp(own - largest));
  const total = powers.reduce((sum, own) => sum + own, 0);
  return powers.map((own) => own / total);
}

function unwritten(path: string, known: readonly string[], got: string): ManyfoldError {
  return new ManyfoldError({
    code: "config",
    path,
    condition: `one of ${known.join(", ")}`,
    got,
    help: "The recursion is written by hand, apart from the graph's derivatives, for these alone.",
  });
}
