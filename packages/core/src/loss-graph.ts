import { grad } from "./autodiff.ts";
import type { Node } from "./graph.ts";
import { LOSSES, type LossName } from "./losses.ts";
import {
  type DropoutMode,
  forwardGraph,
  type ForwardGraph,
  type Network,
  type ParameterTensor,
} from "./network.ts";
import { input, scale, sum } from "./ops.ts";

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

/** A network, its mean loss over the rows of `x` and `y`, and the gradient in every tensor. */
export interface LossGraph extends NetworkGraph {
  readonly mean: Node;
  /** By the tensor's name, from the last layer to the first. */
  readonly gradients: ReadonlyMap<string, Node>;
}

export function lossGraph(
  network: Network,
  loss: LossName,
  rows: number,
  mode: DropoutMode,
): LossGraph {
  const graph = networkGraph(network, rows, mode);
  const y = input("y", [rows, network.targets]);
  const losses = LOSSES[loss].rows(graph.forward.logits, y, network.head);
  const mean = scale(sum(losses), 1 / rows);
  // Gradients come from the last layer to the first, so each is written when its parts are there.
  const names = [...graph.parameters.keys()].reverse();
  const nodes = grad(
    mean,
    names.map((name) => graph.parameters.get(name) as Node),
  );
  const gradients = new Map(names.map((name, i) => [name, nodes[i] as Node]));
  return { ...graph, mean, gradients };
}
