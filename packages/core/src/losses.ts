import {
  type Loss,
  ManyfoldError,
  matchNamed,
  nameOf,
  type NameOf,
  show,
} from "@manyfold/protocol";
import type { Node } from "./graph.ts";
import { gaussianOf, type Head, type HeadName, headRule, mixtureOf } from "./heads.ts";
import { log as elementaryLog } from "./math/float64.ts";
import {
  abs,
  add,
  broadcast,
  concat,
  constant,
  detach,
  divide,
  exp,
  log,
  logSoftmax,
  logSumExp,
  minimum,
  multiply,
  negate,
  reshape,
  scale,
  shift,
  slice,
  softplus,
  square,
  subtract,
  sum,
} from "./ops.ts";

/** A loss with `auto` resolved. */
export type LossName = Exclude<Loss, "auto">;

interface LossRule {
  /** Heads that give what it reads. */
  readonly heads: readonly HeadName[];
  /** Loss of each row: logits `[rows, logits]` and targets `[rows, targets]` to `[rows]`. */
  rows(logits: Node, targets: Node, head: Head): Node;
}

const LOG_2_PI = elementaryLog(2 * Math.PI);

const ALL_POINTS = ["linear", "sigmoid", "softmax"] as const;
const VALUES = ["linear"] as const;

/**
 * The losses, each a mean over rows; here per row, in stable form on logits z.
 * Sources: Goodfellow, Bengio, Courville, eq. 6.13 (squared error), 6.14 (absolute error), 6.26
 * (softplus), 6.30 (softmax), 6.34 and 6.35 (variance, mixture); Huber 1964; Seitzer et al. 2022
 * (beta).
 */
function lossRule(loss: LossName): LossRule {
  return matchNamed<LossName, LossRule>(loss, {
    /** 1/2 Σ (ŷ - y)² over the outputs. */
    squaredError: () => ({
      heads: ALL_POINTS,
      rows: (logits, targets, head) =>
        scale(sum(square(subtract(headRule(head).output(logits), targets)), 1), 0.5),
    }),
    /** y ζ(-z) + (1 - y) ζ(z): no cancellation, finite for all finite z. */
    binaryCrossEntropy: () => ({
      heads: ["sigmoid"],
      rows: (z, y) => {
        const positive = multiply(y, softplus(negate(z)));
        const negative = multiply(shift(negate(y), 1), softplus(z));
        return sum(add(positive, negative), 1);
      },
    }),
    /** -Σ y log softmax(z); y is one-hot or any row of probabilities. */
    softmaxCrossEntropy: () => ({
      heads: ["softmax"],
      rows: (z, y) => negate(sum(multiply(y, logSoftmax(z)), 1)),
    }),
    /** Σ |ŷ - y|: its best constant is the median. */
    absoluteError: () => ({
      heads: VALUES,
      rows: (z, y) => sum(abs(subtract(z, y)), 1),
    }),
    /** With e = |ŷ - y| and c = min(e, delta): Σ c (e - c/2), e²/2 up to delta, then linear. */
    huber: ({ delta }) => ({
      heads: VALUES,
      rows: (z, y) => {
        const error = abs(subtract(z, y));
        const near = minimum(error, constant(delta, error.shape));
        return sum(multiply(near, subtract(error, scale(near, 0.5))), 1);
      },
    }),
    /** Σ ½ (log 2πσ² + (y - μ)²/σ²), each times σ^(2 beta) taken as a constant. */
    gaussianNll: ({ beta }) => ({
      heads: ["gaussian"],
      rows: (z, y, head) => {
        const { mean, variance } = gaussianOf(z, minVarianceOf(head));
        const each = gaussianTerm(mean, variance, y);
        if (beta === 0) return sum(each, 1);
        return sum(multiply(each, detach(exp(scale(log(variance), beta)))), 1);
      },
    }),
    /** -Σ log Σ_c w N(y; μ, σ²), by log-sum-exp over log weights and log densities. */
    mixtureNll: () => ({
      heads: ["mixture"],
      rows: (z, y, head) => {
        const components =
          typeof head === "object" && "mixture" in head ? head.mixture.components : 1;
        const rows = z.shape[0] as number;
        const each = mixtureOf(z, components, minVarianceOf(head)).map(
          ({ weights, means, variances }, target) => {
            const own = reshape(slice(y, 1, target, 1), [rows]);
            const density = gaussianTerm(means, variances, broadcast(own, 1, means.shape));
            return negate(logSumExp(subtract(logSoftmax(weights), density)));
          },
        );
        return each.reduce((total, own) => add(total, own));
      },
    }),
    /** The sum over targets t of w_t L_t: heads of their own on layers that they share. */
    perTarget: (each) => ({
      heads: ["linear", "sigmoid", "gaussian", "mixture"],
      rows: (z, y, head) => {
        const losses = each.map(({ loss, weight }, target) => {
          const own = loss === "auto" ? AUTO_LOSS[nameOf(head)] : loss;
          const rows = lossRule(own).rows(logitsOf(head, z, target), slice(y, 1, target, 1), head);
          return scale(rows, weight);
        });
        return losses.reduce((total, own) => add(total, own));
      },
    }),
  });
}

/** The columns of the logits that speak of one target, as if it were the only one. */
function logitsOf(head: Head, logits: Node, target: number): Node {
  const rule = headRule(head);
  const own = rule.logits(1);
  const width = own / rule.blocks;
  const targets = (logits.shape[1] as number) / own;
  const parts = Array.from({ length: rule.blocks }, (_, block) =>
    slice(logits, 1, (block * targets + target) * width, width),
  );
  return parts.length === 1 ? parts[0]! : concat(parts, 1);
}

/** -log N(y; μ, σ²), element by element. */
function gaussianTerm(mean: Node, variance: Node, y: Node): Node {
  const distance = divide(square(subtract(mean, y)), variance);
  return scale(shift(add(log(variance), distance), LOG_2_PI), 0.5);
}

function minVarianceOf(head: Head): number {
  if (typeof head === "string") return 0;
  return "mixture" in head ? head.mixture.minVariance : head.gaussian.minVariance;
}

/** Loss of each row `[rows]` from logits `[rows, logits]` and targets `[rows, targets]`. */
export function lossRows(loss: LossName, logits: Node, targets: Node, head: Head): Node {
  return lossRule(loss).rows(logits, targets, head);
}

/** The loss of maximum likelihood for each head. */
const AUTO_LOSS: { readonly [H in HeadName]: LossName } = {
  linear: "squaredError",
  sigmoid: "binaryCrossEntropy",
  softmax: "softmaxCrossEntropy",
  gaussian: { gaussianNll: { beta: 0 } },
  mixture: "mixtureNll",
};

/** Names of the losses, each alone, that fit a head. */
function fitting(head: HeadName): NameOf<LossName>[] {
  const all: { readonly [L in Exclude<NameOf<LossName>, "perTarget">]: LossName } = {
    squaredError: "squaredError",
    binaryCrossEntropy: "binaryCrossEntropy",
    softmaxCrossEntropy: "softmaxCrossEntropy",
    absoluteError: "absoluteError",
    huber: { huber: { delta: 1 } },
    gaussianNll: { gaussianNll: { beta: 0 } },
    mixtureNll: "mixtureNll",
  };
  const losses = Object.values(all).filter((loss) => lossRule(loss).heads.includes(head));
  return losses.map(nameOf);
}

/**
 * The loss to train with; `auto` follows from the head.
 *
 * @param targets columns of the targets
 * @throws ManyfoldError where loss and head, or losses per target and targets, do not fit
 */
export function lossFor(wanted: Loss, head: Head, targets: number, path = "train.loss"): LossName {
  const name = nameOf(head);
  const loss = wanted === "auto" ? AUTO_LOSS[name] : wanted;
  const { heads } = lossRule(loss);
  if (heads.includes(name)) {
    requireEach(loss, head, targets, path);
    return loss;
  }
  throw new ManyfoldError({
    code: "config",
    path,
    condition: `auto or one that fits a ${name} output (${fitting(name).join(", ")})`,
    got: show(nameOf(loss)),
    help: `${nameOf(loss)} needs model.output: ${heads.join(" or ")}.`,
  });
}

/** Refuses losses per target that are too many, too few, or not of the head. */
function requireEach(loss: LossName, head: Head, targets: number, path: string): void {
  if (typeof loss === "string" || !("perTarget" in loss)) return;
  const each = loss.perTarget;
  for (const [target, own] of each.entries()) {
    lossFor(own.loss, head, 1, `${path}.perTarget.${target}.loss`);
  }
  if (each.length === targets) return;
  throw new ManyfoldError({
    code: "config",
    path: `${path}.perTarget`,
    condition: `a list of ${targets} ${targets === 1 ? "loss" : "losses"}, one for each column of data.target`,
    got: show(each.length),
    help: "They are in the order of data.target: - { loss: huber, weight: 0.5 }.",
  });
}
