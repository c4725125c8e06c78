import { ManyfoldError, type OutputHead, show } from "@manyfold/protocol";
import type { Node } from "./graph.ts";
import type { NetworkIO } from "./network.ts";
import { concat, negate, shift, sigmoid, softmax } from "./ops.ts";

/** What the logits mean. */
export type Head = Exclude<OutputHead, "auto">;

interface HeadRule {
  /** What must hold of the task, or `null` where the head fits. */
  misfit(io: NetworkIO): string | null;
  /** From logits `[rows, targets]` to what the loss calls the output, of the same shape. */
  output(logits: Node): Node;
  /** From logits to predictions `[rows, outputs]`. */
  prediction(logits: Node, task: NetworkIO["task"]): Node;
}

/** The output heads; the maximum-likelihood losses read the logits themselves. */
export const HEADS: { readonly [H in Head]: HeadRule } = {
  linear: {
    misfit: () => null,
    output: (logits) => logits,
    prediction: (logits) => logits,
  },
  sigmoid: {
    misfit: ({ task, outputs }) =>
      task === "classification" && outputs !== 2 ? "softmax for other than two classes" : null,
    output: sigmoid,
    prediction: (logits, task) => {
      const p = sigmoid(logits);
      return task === "regression" ? p : concat([shift(negate(p), 1), p], 1);
    },
  },
  softmax: {
    misfit: ({ task }) => (task === "regression" ? "linear or sigmoid for a regression" : null),
    output: softmax,
    prediction: softmax,
  },
};

/** The head that a model asks for; `auto` is linear for regression, softmax for classification. */
export function headFor(wanted: OutputHead, io: NetworkIO): Head {
  const head = wanted !== "auto" ? wanted : io.task === "regression" ? "linear" : "softmax";
  const misfit = HEADS[head].misfit(io);
  if (misfit === null) return head;
  throw new ManyfoldError({
    code: "config",
    path: "model.output",
    condition: misfit,
    got: show(head),
    help: "Leave it out: auto picks the head that fits the target.",
  });
}
