import { type FirstOrder, match, type tagOf } from "@manyfold/protocol";
import type { Values } from "../kernels/kernels.ts";

/** The loops: one a rule, and those of other libraries' places of epsilon. */
export type UpdateName = OptimizerName | "adagradUnderRoot" | "rmspropOutside";

/** The names of the update rules. */
export type OptimizerName = ReturnType<typeof tagOf<FirstOrder>>;

type SettingsOf<K extends OptimizerName> = Extract<FirstOrder, Record<K, unknown>>[K];

/**
 * An update rule with its settings, apart from the loop over the parameters (which is the kernel
 * set's: {@link UpdateTable}).
 */
export interface OptimizerRule {
  readonly name: UpdateName;
  /** The rate that a schedule's factor multiplies. */
  readonly lr: number;
  /** The share of the last step that is kept, where the rule has one; a schedule may change it. */
  readonly momentum?: number;
  /** What the first of the slots starts at, if not 0. */
  readonly initial?: number;
  /** Arrays of the parameters' length that are carried from step to step; they start at 0. */
  readonly slots: number;
  /**
   * Writes the numbers of one step into `out` (at most {@link COEFFICIENTS}), computed in float64
   * and rounded once by the store: `rate` is the scheduled rate, `t` counts steps from 1.
   */
  readonly coefficients: (out: Values, rate: number, t: number) => void;
}

/** Room for the coefficients of any rule. */
export const COEFFICIENTS = 8;

/** Which of them is the momentum, in the rules that have one. */
export const MOMENTUM = 1;

/**
 * One step over flat buffers: `weights`, `gradient` and each slot `[parameters]`. In float32 each
 * operation rounds, in the order that `optimizers/float32` writes down.
 */
export type Update<V extends Values> = (
  weights: V,
  gradient: V,
  slots: readonly V[],
  coefficients: V,
) => void;

/** A loop per rule; a kernel set brings its own. */
export type UpdateTable<V extends Values> = { readonly [K in UpdateName]: Update<V> };

/**
 * The rules, with epsilon the rate, alpha the momentum, g the gradient (Goodfellow, Bengio,
 * Courville 2016, chapter 8, unless another source is named).
 *
 * - sgd: theta -= epsilon g (algorithm 8.1)
 * - momentum: v = alpha v - epsilon g, theta += v (algorithm 8.2)
 * - nesterov: the gradient is taken at phi = theta + alpha v, and phi is what is stored:
 *   v' = alpha v - epsilon g, phi' = phi + alpha v' - epsilon g (algorithm 8.3, in the form of
 *   Sutskever et al. 2013)
 * - adagrad: r += g^2, theta -= epsilon g / (delta + sqrt r) (algorithm 8.4)
 * - rmsprop: r = rho r + (1 - rho) g^2, theta -= epsilon g / sqrt(delta + r) (algorithm 8.5: delta
 *   under the root, where most libraries have it outside)
 * - adam: s, r running means of g, g^2, both divided by 1 - beta^t;
 *   theta -= epsilon s / (sqrt r + delta) (algorithm 8.7, Kingma and Ba 2015)
 *
 * Epsilon lies elsewhere in other libraries: under AdaGrad's root, outside of RMSProp's, before
 * Adam's correction of the root (Kingma and Ba's epsilon hat).
 *
 * - adamw: adam, and theta -= epsilon lambda theta for all parameters (Loshchilov and Hutter 2019;
 *   decoupled from the gradient, scaled by the schedule)
 */
const RULES: { readonly [K in OptimizerName]: (settings: SettingsOf<K>) => OptimizerRule } = {
  sgd: ({ lr }) => ({
    name: "sgd",
    lr,
    slots: 0,
    coefficients: (out, rate) => {
      out[0] = rate;
    },
  }),
  momentum: ({ lr, momentum }) => ({
    name: "momentum",
    lr,
    momentum,
    slots: 1,
    coefficients: (out, rate) => {
      out[0] = rate;
      out[MOMENTUM] = momentum;
    },
  }),
  nesterov: ({ lr, momentum }) => ({
    name: "nesterov",
    lr,
    momentum,
    slots: 1,
    coefficients: (out, rate) => {
      out[0] = rate;
      out[MOMENTUM] = momentum;
    },
  }),
  adagrad: ({ lr, epsilon, epsilonUnderRoot = false, initial = 0 }) => ({
    name: epsilonUnderRoot ? "adagradUnderRoot" : "adagrad",
    lr,
    initial,
    slots: 1,
    coefficients: (out, rate) => {
      out[0] = rate;
      out[1] = epsilon;
    },
  }),
  rmsprop: ({ lr, decay, epsilon, epsilonOutside = false }) => ({
    name: epsilonOutside ? "rmspropOutside" : "rmsprop",
    lr,
    slots: 1,
    coefficients: (out, rate) => {
      out[0] = rate;
      out[1] = decay;
      out[2] = 1 - decay;
      out[3] = epsilon;
    },
  }),
  adam: (settings) => ({
    name: "adam",
    lr: settings.lr,
    slots: 2,
    coefficients: (out, rate, t) => {
      adamCoefficients(out, rate, t, settings);
    },
  }),
  adamw: (settings) => ({
    name: "adamw",
    lr: settings.lr,
    slots: 2,
    coefficients: (out, rate, t) => {
      adamCoefficients(out, rate, t, settings);
      out[7] = rate * settings.weightDecay;
    },
  }),
};

/** The rule that a configuration names, with its settings. */
export function optimizerRule(optimizer: FirstOrder): OptimizerRule {
  return match(optimizer, RULES);
}

/**
 * Both bias corrections move into per-step numbers: epsilon (s / c1) / (sqrt(r / c2) + delta) is
 * (epsilon / c1) s / (sqrt(r) / sqrt(c2) + delta), with c = 1 - beta^t.
 */
function adamCoefficients(
  out: Values,
  rate: number,
  t: number,
  settings: SettingsOf<"adam">,
): void {
  const { beta1, beta2, epsilon, epsilonHat = false } = settings;
  out[0] = rate / (1 - power(beta1, t));
  out[1] = beta1;
  out[2] = 1 - beta1;
  out[3] = beta2;
  out[4] = 1 - beta2;
  out[5] = 1 / Math.sqrt(1 - power(beta2, t));
  // Before the correction, epsilon is corrected with the root.
  out[6] = epsilonHat ? epsilon * (1 / Math.sqrt(1 - power(beta2, t))) : epsilon;
}

/** `base` to a whole number, by squaring: the same bits in every engine, from the step alone. */
function power(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
