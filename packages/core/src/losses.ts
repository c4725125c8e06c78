import { type Loss, ManyfoldError, show } from "@manyfold/protocol";
import type { Node } from "./graph.ts";
import { type Head, HEADS } from "./heads.ts";
import {
  add,
  logSoftmax,
  multiply,
  negate,
  scale,
  shift,
  softplus,
  square,
  subtract,
  sum,
} from "./ops.ts";

/** A loss with `auto` resolved. */
export type LossName = Exclude<Loss, "auto">;

interface LossRule {
  readonly heads: readonly Head[];
  /** Loss of each row: logits and targets `[rows, targets]` to `[rows]`. */
  rows(logits: Node, targets: Node, head: Head): Node;
}

/**
 * The losses, each a mean over rows; here per row, in stable form on logits z.
 * Sources: Goodfellow, Bengio, Courville, eq. 6.13 (squared error), 6.26 (softplus), 6.30 (softmax).
 */
export const LOSSES: { readonly [L in LossName]: LossRule } = {
  /** 1/2 Σ (ŷ - y)² over the outputs. */
  squaredError: {
    heads: ["linear", "sigmoid", "softmax"],
    rows: (logits, targets, head) =>
      scale(sum(square(subtract(HEADS[head].output(logits), targets)), 1), 0.5),
  },
  /** y ζ(-z) + (1 - y) ζ(z): no cancellation, finite for all finite z. */
  binaryCrossEntropy: {
    heads: ["sigmoid"],
    rows: (z, y) => {
      const positive = multiply(y, softplus(negate(z)));
      const negative = multiply(shift(negate(y), 1), softplus(z));
      return sum(add(positive, negative), 1);
    },
  },
  /** -Σ y log softmax(z); y is one-hot or any row of probabilities. */
  softmaxCrossEntropy: {
    heads: ["softmax"],
    rows: (z, y) => negate(sum(multiply(y, logSoftmax(z)), 1)),
  },
};

/** The loss of maximum likelihood for each head. */
const AUTO_LOSS: { readonly [H in Head]: LossName } = {
  linear: "squaredError",
  sigmoid: "binaryCrossEntropy",
  softmax: "softmaxCrossEntropy",
};

/**
 * The loss to train with; `auto` follows from the head.
 *
 * @throws ManyfoldError where loss and head do not fit
 */
export function lossFor(wanted: Loss, head: Head): LossName {
  const loss = wanted === "auto" ? AUTO_LOSS[head] : wanted;
  if (LOSSES[loss].heads.includes(head)) return loss;
  throw new ManyfoldError({
    code: "config",
    path: "train.loss",
    condition: `auto or one that fits a ${head} output`,
    got: show(loss),
    help: `${loss} needs model.output: ${LOSSES[loss].heads.join(" or ")}.`,
  });
}
