import type { Sparsity, TrainSpec } from "@manyfold/protocol";
import { grad } from "./autodiff.ts";
import type { Node } from "./graph.ts";
import { type LossName, lossRows } from "./losses.ts";
import {
  type DropoutMode,
  forwardGraph,
  type ForwardGraph,
  type Network,
  type ParameterTensor,
} from "./network.ts";
import { log as logOf } from "./math/float64.ts";
import {
  abs,
  add,
  broadcast,
  constant,
  input,
  log,
  maximum,
  minimum,
  multiply,
  negate,
  scale,
  shift,
  sign,
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
export type ObjectiveTerms = Pick<TrainSpec, "sparsity" | "adversarial">;

/** A network, its mean loss over the rows of `x` and `y`, and the gradient in every tensor. */
export interface LossGraph extends NetworkGraph {
  /** Of the rows as they are, without what {@link ObjectiveTerms} add. */
  readonly mean: Node;
  /** Of the whole objective, by the tensor's name, from the last layer to the first. */
  readonly gradients: ReadonlyMap<string, Node>;
}

/**
 * The graph of a training step. With adversarial training it also reads `reach`, `low` and `high`
 * `[inputs]`: how far each input may move, and the box of the data.
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
  const meanOf = (logits: Node): Node =>
    scale(sum(lossRows(loss, logits, y, network.head)), 1 / rows);
  const mean = meanOf(graph.forward.logits);
  let objective = mean;
  if (terms.adversarial !== undefined) {
    const { weight } = terms.adversarial;
    const parameter = ({ name }: ParameterTensor): Node => graph.parameters.get(name) as Node;
    const moved = forwardGraph(network, fastSign(graph.x, mean), parameter, mode);
    objective = add(scale(mean, weight), scale(meanOf(moved.logits), 1 - weight));
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
