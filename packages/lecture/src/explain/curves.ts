import { elementary, type NetworkLayer } from "@manyfold/core";
import { matchNamed, nameOf } from "@manyfold/protocol";

const { exp, expm1, sigmoid, softplus, tanh } = elementary;

type Active = Exclude<NetworkLayer, { kind: "dropout" }>;

/** What a layer's activation does to its net inputs, and how slopes come back through it. */
export interface Bend {
  readonly output: readonly number[];
  /** From dF/da of the outputs to s = dF/dn of the net inputs. */
  readonly back: (above: readonly number[]) => number[];
  /** dF/d of what each unit's activation learns; nothing where it learns nothing. */
  readonly learned: (above: readonly number[]) => number[];
}

/** An activation of one number, and its slopes in it and in the number that the unit learns. */
interface Curve {
  readonly value: (x: number, own: number) => number;
  readonly slope: (x: number, own: number) => number;
  readonly learned?: (x: number, own: number) => number;
}

const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

/** The density of the standard normal distribution. */
function density(x: number): number {
  return exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
}

/**
 * Its distribution function, by the series of Kendall and Stuart about 0 and the continued fraction of
 * Laplace beyond 4: nothing that the graph computes with.
 */
function normal(x: number): number {
  const size = Math.abs(x);
  if (size > 38) return x < 0 ? 0 : 1;
  if (size < 4) {
    let [term, sum] = [x, x];
    for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + sum * density(x);
  }
  let rest = size;
  for (let k = 80; k >= 1; k--) rest = size + k / rest;
  const tail = density(size) / rest;
  return x < 0 ? tail : 1 - tail;
}

const elu = (alpha: number, scale = 1): Curve => ({
  value: (x) => scale * (x > 0 ? x : alpha * expm1(x)),
  slope: (x) => scale * (x > 0 ? 1 : alpha * exp(x)),
});

/** Written apart from the graph's activations, which it is there to check. */
function curveOf(activation: Exclude<Active["activation"], { maxout: unknown }>): Curve {
  return matchNamed<typeof activation, Curve>(activation, {
    identity: () => ({ value: (x) => x, slope: () => 1 }),
    sigmoid: () => ({ value: sigmoid, slope: (x) => sigmoid(x) * sigmoid(-x) }),
    tanh: () => ({ value: tanh, slope: (x) => 1 - tanh(x) * tanh(x) }),
    relu: () => ({ value: (x) => Math.max(0, x), slope: (x) => (x > 0 ? 1 : 0) }),
    leakyRelu: ({ slope }) => ({
      value: (x) => (x > 0 ? x : slope * x),
      slope: (x) => (x > 0 ? 1 : slope),
    }),
    prelu: () => ({
      value: (x, own) => (x > 0 ? x : own * x),
      slope: (x, own) => (x > 0 ? 1 : own),
      learned: (x) => (x > 0 ? 0 : x),
    }),
    elu: ({ alpha }) => elu(alpha),
    selu: () => elu(SELU.alpha, SELU.scale),
    gelu: () => ({ value: (x) => x * normal(x), slope: (x) => normal(x) + x * density(x) }),
    silu: () => ({
      value: (x) => x * sigmoid(x),
      slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
    }),
    softplus: () => ({ value: softplus, slope: sigmoid }),
    hardTanh: () => ({
      value: (x) => Math.max(-1, Math.min(1, x)),
      slope: (x) => (x > -1 && x < 1 ? 1 : 0),
    }),
    abs: () => ({ value: Math.abs, slope: (x) => Math.sign(x) }),
    // e^(-b n) of n = |x - w|^2, b the softplus of what is learned.
    rbf: () => ({
      value: (n, own) => exp(-softplus(own) * n),
      slope: (n, own) => -softplus(own) * exp(-softplus(own) * n),
      learned: (n, own) => -n * sigmoid(own) * exp(-softplus(own) * n),
    }),
  });
}

/**
 * A layer's activation at its net inputs.
 *
 * @param learned the number of each unit, where the activation learns one
 */
export function bend(layer: Active, net: readonly number[], learned: readonly number[]): Bend {
  const { activation } = layer;
  if (typeof activation === "object" && "maxout" in activation) {
    return largest(net, activation.maxout.pieces);
  }
  const curve = curveOf(activation);
  const each = (of: Curve["value"]) => net.map((n, j) => of(n, learned[j] ?? 0));
  const slopes = each(curve.slope);
  return {
    output: each(curve.value),
    back: (above) => above.map((own, j) => own * slopes[j]!),
    learned: (above) => {
      if (curve.learned === undefined) return [];
      return each(curve.learned).map((own, j) => own * above[j]!);
    },
  };
}

/** The slope of the largest piece is 1, of the others 0; piece p of unit j is number p units + j. */
function largest(net: readonly number[], pieces: number): Bend {
  const units = net.length / pieces;
  const winners = Array.from({ length: units }, (_, j) => {
    let best = j;
    for (let at = j; at < net.length; at += units) if (net[at]! > net[best]!) best = at;
    return best;
  });
  return {
    output: winners.map((at) => net[at]!),
    back: (above) => {
      const slopes = net.map(() => 0);
      for (const [j, at] of winners.entries()) slopes[at] = above[j]!;
      return slopes;
    },
    learned: () => [],
  };
}

/** Whether a layer's net inputs are squared distances from its weights. */
export function isDistance({ activation }: Active): boolean {
  return nameOf(activation) === "rbf";
}
