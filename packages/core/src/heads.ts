import {
  ManyfoldError,
  matchNamed,
  nameOf,
  type NameOf,
  type OutputHead,
  show,
} from "@manyfold/protocol";
import { inverseSoftplus } from "./activations.ts";
import type { Node } from "./graph.ts";
import type { NetworkIO } from "./network.ts";
import {
  add,
  broadcast,
  concat,
  multiply,
  negate,
  shift,
  sigmoid,
  slice,
  softmax,
  softplus,
  square,
  subtract,
  sum,
} from "./ops.ts";

/** What the logits mean. */
export type Head = Exclude<OutputHead, "auto">;
export type HeadName = NameOf<Head>;

/** A head with its settings. */
export interface HeadRule {
  /** What must hold of the task, or `null` where the head fits. */
  misfit(io: NetworkIO): string | null;
  /** Columns of the targets that a loss reads. */
  targets(io: NetworkIO): number;
  /** Columns of the logits, for so many columns of targets. */
  logits(targets: number): number;
  /** Runs of columns of the logits, in each of which the targets have equal shares, in order. */
  readonly blocks: number;
  /** Columns of a prediction, for so many target columns or classes. */
  columns(outputs: number): number;
  /** What the biases of the logits start from; zeros without it. */
  start(targets: number): readonly number[] | null;
  /** From logits to the point prediction that a loss of points reads, `[rows, targets]`. */
  output(logits: Node): Node;
  /** From logits to predictions `[rows, columns]`. */
  prediction(logits: Node, task: NetworkIO["task"]): Node;
}

/** softplus(s) = 1: where standardised targets have their variance. */
const UNIT_VARIANCE = inverseSoftplus(1);

const REGRESSION: Pick<HeadRule, "misfit" | "targets"> = {
  misfit: ({ task }) => (task === "regression" ? null : "softmax or sigmoid for a classification"),
  targets: ({ outputs }) => outputs,
};

const PLAIN: Pick<HeadRule, "targets" | "logits" | "blocks" | "columns" | "start"> = {
  targets: ({ outputs }) => outputs,
  logits: (targets) => targets,
  blocks: 1,
  columns: (outputs) => outputs,
  start: () => null,
};

/**
 * The output heads; the maximum-likelihood losses read the logits themselves.
 *
 * A head that predicts distributions gives, per row, the means of all targets, then their variances,
 * then for a mixture weights, means and variances of its components, target by target: t, t, and
 * three times t C columns. Variances are softplus(s) + minVariance of a logit s that starts at
 * variance 1 (Lakshminarayanan, Pritzel and Blundell 2017).
 */
export function headRule(head: Head): HeadRule {
  return matchNamed<Head, HeadRule>(head, {
    linear: () => ({
      ...PLAIN,
      misfit: () => null,
      output: (logits) => logits,
      prediction: (logits) => logits,
    }),
    sigmoid: () => ({
      ...PLAIN,
      misfit: ({ task, outputs }) =>
        task === "classification" && outputs !== 2 ? "softmax for other than two classes" : null,
      targets: ({ task, outputs }) => (task === "classification" ? 1 : outputs),
      output: sigmoid,
      prediction: (logits, task) => {
        const p = sigmoid(logits);
        return task === "regression" ? p : concat([shift(negate(p), 1), p], 1);
      },
    }),
    softmax: () => ({
      ...PLAIN,
      misfit: ({ task }) => (task === "regression" ? "linear or sigmoid for a regression" : null),
      output: softmax,
      prediction: softmax,
    }),
    gaussian: ({ minVariance }) => ({
      ...REGRESSION,
      logits: (targets) => 2 * targets,
      blocks: 2,
      columns: (outputs) => 2 * outputs,
      start: (targets) => [...zeros(targets), ...zeros(targets).fill(UNIT_VARIANCE)],
      output: (logits) => gaussianOf(logits, minVariance).mean,
      prediction: (logits) => {
        const { mean, variance } = gaussianOf(logits, minVariance);
        return concat([mean, variance], 1);
      },
    }),
    mixture: ({ components, minVariance }) => ({
      ...REGRESSION,
      logits: (targets) => 3 * components * targets,
      blocks: 3,
      columns: (outputs) => (2 + 3 * components) * outputs,
      start: (targets) => [
        ...zeros(targets * components),
        // Apart from each other, or all would learn the same.
        ...zeros(targets * components).map((_, i) => centreOf(i % components, components)),
        ...zeros(targets * components).fill(UNIT_VARIANCE),
      ],
      output: (logits) => momentsOf(logits, components, minVariance).mean,
      prediction: (logits) => {
        const { mean, variance, parts } = momentsOf(logits, components, minVariance);
        const columns = (name: "weights" | "means" | "variances") => parts.map((own) => own[name]);
        return concat(
          [mean, variance, ...columns("weights"), ...columns("means"), ...columns("variances")],
          1,
        );
      },
    }),
  });
}

/** Mean and variance `[rows, targets]` from the logits of a gaussian head. */
export function gaussianOf(logits: Node, minVariance: number): { mean: Node; variance: Node } {
  const targets = (logits.shape[1] as number) / 2;
  return {
    mean: slice(logits, 1, 0, targets),
    variance: shift(softplus(slice(logits, 1, targets, targets)), minVariance),
  };
}

/** Logits of weights, means and variances `[rows, components]` of each target of a mixture head. */
export function mixtureOf(
  logits: Node,
  components: number,
  minVariance: number,
): { weights: Node; means: Node; variances: Node }[] {
  const targets = (logits.shape[1] as number) / (3 * components);
  return Array.from({ length: targets }, (_, target) => {
    const part = (index: number) =>
      slice(logits, 1, (index * targets + target) * components, components);
    return {
      weights: part(0),
      means: part(1),
      variances: shift(softplus(part(2)), minVariance),
    };
  });
}

function momentsOf(logits: Node, components: number, minVariance: number) {
  const parts = mixtureOf(logits, components, minVariance).map((own) => ({
    ...own,
    weights: softmax(own.weights),
  }));
  const moments = parts.map(({ weights, means, variances }) => {
    const mean = sum(multiply(weights, means), 1);
    const apart = subtract(means, broadcast(mean, 1, means.shape));
    const variance = sum(multiply(weights, add(variances, square(apart))), 1);
    return { mean: column(mean), variance: column(variance) };
  });
  return {
    parts,
    mean: concat(
      moments.map(({ mean }) => mean),
      1,
    ),
    variance: concat(
      moments.map(({ variance }) => variance),
      1,
    ),
  };
}

/** `[rows]` as `[rows, 1]`. */
function column(x: Node): Node {
  return broadcast(x, 1, [x.shape[0] as number, 1]);
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

/** Component i's mean before anything is learned: even steps from -1 to 1. */
function centreOf(component: number, components: number): number {
  return components === 1 ? 0 : (2 * component) / (components - 1) - 1;
}

/**
 * Gaussians per value of what a network of this output predicts: 0 where it predicts values alone.
 */
export function componentsOf(output: OutputHead): number {
  if (typeof output === "string") return 0;
  return "mixture" in output ? output.mixture.components : 1;
}

/** Columns of the predictions of a network of this output, for so many classes or targets. */
export function predictionColumns(output: OutputHead, outputs: number): number {
  return output === "auto" ? outputs : headRule(output).columns(outputs);
}

/** The head that a model asks for; `auto` is linear for regression, softmax for classification. */
export function headFor(wanted: OutputHead, io: NetworkIO, path = "model.output"): Head {
  const head = wanted !== "auto" ? wanted : io.task === "regression" ? "linear" : "softmax";
  const misfit = headRule(head).misfit(io);
  if (misfit === null) return head;
  throw new ManyfoldError({
    code: "config",
    path,
    condition: misfit,
    got: show(nameOf(head)),
    help: "Leave it out: auto picks the head that fits the target.",
  });
}
