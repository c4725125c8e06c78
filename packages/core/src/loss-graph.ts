import type { Semi, Sparsity, TrainSpec } from "@manyfold/protocol";
import { grad } from "./autodiff.ts";
import type { Node } from "./graph.ts";
import type { LossName } from "./losses.ts";
import {
  type DropoutMode,
  forwardGraph,
  type ForwardGraph,
  type Network,
  type ParameterTensor,
} from "./network.ts";
import { log as logOf } from "./math/float64.ts";
import { networkLossRows } from "./sides.ts";
import {
  abs,
  add,
  broadcast,
  constant,
  detach,
  divide,
  input,
  log,
  logSoftmax,
  maximum,
  minimum,
  multiply,
  negate,
  scale,
  shift,
  sign,
  softmax,
  sqrt,
  square,
  subtract,
  sum,
} from "./ops.ts";

/** The forward graph over inputs named `x` and as the tensors. */
export interface NetworkGraph {
  /** The tensors by name, in the order of the parameters. */
  readonly parameters: ReadonlyMap<string, Node>;
  readonly x: Node;
  readonly forward: ForwardGraph;
}

export function networkGraph(network: Network, rows: number, mode: DropoutMode): NetworkGraph {
  const parameters = new Map<string, Node>();
  for (const { name, shape } of network.parameters.tensors) {
    parameters.set(name, input(name, shape));
  }
  const x = input("x", [rows, network.inputs]);
  const parameter = (tensor: ParameterTensor): Node => parameters.get(tensor.name) as Node;
  return { parameters, x, forward: forwardGraph(network, x, parameter, mode) };
}

/** What a training's objective has besides the mean loss over its rows. */
export type ObjectiveTerms = Pick<TrainSpec, "sparsity" | "adversarial"> & {
  readonly vat?: Vat;
  /** Whether each row's loss is multiplied by a weight of its own, the input {@link WEIGHTS}. */
  readonly weighted?: boolean;
};

/** Name of the input of a weighted training, `[rows]`. */
export const WEIGHTS = "weights";

/** Virtual adversarial training: how far, and how much it counts. */
export type Vat = Extract<Semi, { vat: unknown }>["vat"];

/** A network, its mean loss over the rows of `x` and `y`, and the gradient in every tensor. */
export interface LossGraph extends NetworkGraph {
  /** Of the rows as they are, without what {@link ObjectiveTerms} add. */
  readonly mean: Node;
  /** Of the whole objective, by the tensor's name, from the last layer to the first. */
  readonly gradients: ReadonlyMap<string, Node>;
}

/**
 * The graph of a training step. With adversarial training it also reads `reach`, `low` and `high`
 * `[inputs]`: how far each input may move, and the box of the data; with virtual adversarial
 * training `direction` `[rows, inputs]`, from which the search for the worst one begins; where rows
 * are weighted, `weights` `[rows]`: the loss is (1/rows) Σ w L, not divided by the weights' sum, so
 * that minibatches estimate the gradient over all rows without bias where weights have mean 1.
 */
export function lossGraph(
  network: Network,
  loss: LossName,
  rows: number,
  mode: DropoutMode,
  terms: ObjectiveTerms = {},
): LossGraph {
  const graph = networkGraph(network, rows, mode);
  const y = input("y", [rows, network.targets]);
  const weights = terms.weighted ? input(WEIGHTS, [rows]) : null;
  const meanOf = (logits: Node): Node => {
    const each = networkLossRows(network, loss, logits, y);
    return scale(sum(weights === null ? each : multiply(each, weights)), 1 / rows);
  };
  const mean = meanOf(graph.forward.logits);
  const parameter = ({ name }: ParameterTensor): Node => graph.parameters.get(name) as Node;
  const logitsAt = (x: Node): Node => forwardGraph(network, x, parameter, mode).logits;
  let objective = mean;
  if (terms.adversarial !== undefined) {
    const { weight } = terms.adversarial;
    const moved = logitsAt(fastSign(graph.x, mean));
    objective = add(scale(mean, weight), scale(meanOf(moved), 1 - weight));
  }
  if (terms.vat !== undefined) {
    const { epsilon, weight } = terms.vat;
    const change = smoothness(graph.x, graph.forward.logits, logitsAt, epsilon);
    objective = add(objective, scale(change, weight));
  }
  if (terms.sparsity !== undefined) {
    objective = add(objective, sparsityPenalty(network, graph.forward, terms.sparsity, rows));
  }
  // Gradients come from the last layer to the first, so each is written when its parts are there.
  const names = [...graph.parameters.keys()].reverse();
  const nodes = grad(
    objective,
    names.map((name) => graph.parameters.get(name) as Node),
  );
  const gradients = new Map(names.map((name, i) => [name, nodes[i] as Node]));
  return { ...graph, mean, gradients };
}

/** Names of the inputs of adversarial training, each `[inputs]`. */
export const BOX = ["reach", "low", "high"] as const;

/**
 * x + reach sign(dJ/dx) within the box (Goodfellow, Shlens, Szegedy 2015, equation 7.66 of the book's
 * section 7.13). The sign has no slope, so nothing flows back through the move.
 */
function fastSign(x: Node, mean: Node): Node {
  const [slope] = grad(mean, [x]);
  const each = (name: (typeof BOX)[number]): Node =>
    broadcast(input(name, [x.shape[1] as number]), 0, x.shape);
  const moved = add(x, multiply(sign(slope), each("reach")));
  return minimum(maximum(moved, each("low")), each("high"));
}

/** Name of the input of virtual adversarial training, `[rows, inputs]`. */
export const DIRECTION = "direction";

/** How far along the direction the slope of the divergence is taken, which is 0 at the row itself. */
const STEP = 0.01;

/**
 * The mean over rows of the divergence KL(p(x) || p(x + r)), r being of length epsilon along the
 * slope of that divergence a little off x: one power iteration towards the direction in which the
 * prediction changes most (Miyato et al. 2018, equations 5 to 15). p(x) and r are constants of the
 * objective. Without a slope, as where all is flat, nothing moves.
 */
function smoothness(x: Node, logits: Node, logitsAt: (x: Node) => Node, epsilon: number): Node {
  const rows = x.shape[0] as number;
  const [p, logP] = [detach(softmax(logits)), detach(logSoftmax(logits))];
  const divergence = (moved: Node): Node =>
    sum(multiply(p, subtract(logP, logSoftmax(logitsAt(moved)))));
  const aside = add(x, scale(unitRows(input(DIRECTION, x.shape)), STEP));
  const [slope] = grad(divergence(aside), [aside]) as [Node];
  const worst = detach(scale(unitRows(slope), epsilon));
  return scale(divergence(add(x, worst)), 1 / rows);
}

/** Each row over its length; a row of zeros, or one too short for its square, stays about 0. */
function unitRows(rows: Node): Node {
  const least = 1e-30;
  const lengths = sqrt(shift(sum(square(rows), 1), least));
  return divide(rows, broadcast(lengths, 1, rows.shape));
}

/**
 * alpha times the mean over rows of the sum of |h| over hidden units, or the sum over units of the
 * divergence between coins of the wanted and of the mean activation (Goodfellow, Bengio, Courville
 * 2016, section 7.10; Ng 2011).
 */
function sparsityPenalty(
  network: Network,
  forward: ForwardGraph,
  { alpha, kind, target }: Sparsity,
  rows: number,
): Node {
  const penalties = hiddenOutputs(network, forward).map(({ output }) => {
    if (kind === "l1") return scale(sum(abs(output)), alpha / rows);
    const active = scale(sum(output, 0), 1 / rows);
    const idle = shift(negate(active), 1);
    const entropy = target * logOf(target) + (1 - target) * logOf(1 - target);
    const cross = add(scale(log(active), -target), scale(log(idle), target - 1));
    return scale(shift(sum(cross), entropy * active.shape[0]!), alpha);
  });
  return penalties.reduce(add, constant(0, []));
}

/** The outputs of a network's hidden units, after their activation. */
export function hiddenOutputs(
  { layers }: Network,
  forward: ForwardGraph,
): { readonly name: string; readonly output: Node }[] {
  return forward.layers.filter((_, i) => {
    const [layer, next] = [layers[i], layers[i + 1]];
    if (layer === undefined || next === undefined || layer.kind === "dropout") return false;
    return layer.kind === "activation" || next.kind !== "activation";
  });
}
