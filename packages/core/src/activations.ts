import { type Activation, matchNamed } from "@manyfold/protocol";
import type { Node } from "./graph.ts";
import type { InitName } from "./init.ts";
import { expm1 as elementaryExpm1, log } from "./math/float64.ts";
import {
  abs,
  broadcast,
  constant,
  erf,
  exp,
  expm1,
  maximum,
  minimum,
  multiply,
  negate,
  relu,
  scale,
  select,
  shift,
  sigmoid,
  slice,
  softplus,
  tanh,
} from "./ops.ts";

/** A number per unit that an activation learns. */
export interface Learned {
  /** Last part of its tensor's name. */
  readonly name: string;
  /** What every unit starts from, in a layer of so many inputs. */
  readonly start: (inputs: number) => number;
}

/** An activation with its settings. */
export interface ActivationRule {
  /** Columns of net input per unit (maxout); 1 for the others. */
  readonly pieces: number;
  /** What a dense layer feeds it: products with its weights, or squared distances from them. */
  readonly net: "product" | "distance";
  readonly learned: Learned | null;
  /** How weights that feed it are drawn where nothing else is said. */
  readonly init: InitName;
  /** What the variance of that draw is multiplied by. */
  readonly gain: number;
  /** From net input `[rows, units * pieces]` to `[rows, units]`; `learned` is `[units]`. */
  readonly apply: (net: Node, learned: Node | null) => Node;
}

/** Klambauer et al. 2017: the fixed point of mean 0 and variance 1. */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/**
 * The activation functions, as graphs over primitive ops (Goodfellow, Bengio, Courville 2016,
 * sections 6.2.2 and 6.3, unless another source is named). At a kink the derivative is that of the
 * left side, as for relu.
 *
 * - leakyRelu, prelu: x above 0, a x below; a fixed, or learned by each unit (He et al. 2015)
 * - elu: x above 0, alpha (e^x - 1) below (Clevert et al. 2016); selu: elu with the constants that
 *   keep mean 0 and variance 1 (Klambauer et al. 2017)
 * - gelu: x Phi(x), exact (Hendrycks and Gimpel 2016); silu: x sigmoid(x)
 * - softplus: log(1 + e^x); hardTanh: x between -1 and 1; abs: |x|
 * - maxout: the largest of k linear pieces
 * - rbf: e^(-b |x - w|^2) with the unit's weights w as its centre and a learned b > 0, the softplus
 *   of a parameter; no bias
 *
 * Weights that feed them start, by `auto`, so that the mean square of what leaves a unit is about
 * that of what enters its layer: Glorot for those that are linear or saturate, He for relu and its
 * kin (with variance 2 / (1 + a^2) for slopes a), LeCun where nothing is lost (abs, maxout, selu,
 * whose constants ask for it). Centres of rbf start as standardised inputs are distributed.
 */
export function activationRule(activation: Activation): ActivationRule {
  return matchNamed<Activation, ActivationRule>(activation, {
    identity: () => curve("glorotUniform", (x) => x),
    sigmoid: () => curve("glorotUniform", sigmoid),
    tanh: () => curve("glorotUniform", tanh),
    relu: () => curve("heUniform", relu),
    leakyRelu: ({ slope }) => curve("heUniform", (x) => select(x, x, scale(x, slope)), leak(slope)),
    prelu: ({ slope }) => ({
      ...curve("heUniform", (x) => x, leak(slope)),
      learned: { name: "slope", start: () => slope },
      apply: (x, own) => select(x, x, multiply(x, broadcast(own as Node, 0, x.shape))),
    }),
    elu: ({ alpha }) => curve("heUniform", (x) => elu(x, alpha)),
    selu: () => curve("lecunNormal", (x) => scale(elu(x, SELU_ALPHA), SELU_SCALE)),
    gelu: () =>
      curve("heUniform", (x) => multiply(x, scale(shift(erf(scale(x, Math.SQRT1_2)), 1), 0.5))),
    silu: () => curve("heUniform", (x) => multiply(x, sigmoid(x))),
    softplus: () => curve("heUniform", softplus),
    hardTanh: () =>
      curve("glorotUniform", (x) =>
        maximum(constant(-1, x.shape), minimum(constant(1, x.shape), x)),
      ),
    abs: () => curve("lecunUniform", abs),
    maxout: ({ pieces }) => ({
      ...curve("lecunUniform", (x) => largest(x, pieces)),
      pieces,
    }),
    rbf: () => ({
      ...curve("standardNormal", (x) => x),
      net: "distance",
      // The typical squared distance of two standardised rows is twice the number of inputs.
      learned: { name: "precision", start: (inputs) => inverseSoftplus(1 / (2 * inputs)) },
      apply: (x, own) => exp(negate(multiply(x, broadcast(softplus(own as Node), 0, x.shape)))),
    }),
  });
}

function curve(init: InitName, apply: (x: Node) => Node, gain = 1): ActivationRule {
  return { pieces: 1, net: "product", learned: null, init, gain, apply };
}

/** He et al. 2015: a unit that leaks needs that much less. */
function leak(slope: number): number {
  return 1 / (1 + slope * slope);
}

/** No e^x of a large x enters, whose gradient would be 0 times infinity. */
function elu(x: Node, alpha: number): Node {
  return select(x, x, scale(expm1(minimum(constant(0, x.shape), x)), alpha));
}

/** Piece j of all units lies in columns j units to (j + 1) units. */
function largest(net: Node, pieces: number): Node {
  const units = (net.shape[1] as number) / pieces;
  let top = slice(net, 1, 0, units);
  for (let piece = 1; piece < pieces; piece++) {
    top = maximum(slice(net, 1, piece * units, units), top);
  }
  return top;
}

/** The x of which softplus is y. */
export function inverseSoftplus(y: number): number {
  return y + log(-elementaryExpm1(-y));
}
