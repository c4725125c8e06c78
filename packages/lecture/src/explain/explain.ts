import { describeNetwork, lossGraph, type LossName, type Network } from "@manyfold/core";
import { ManyfoldError } from "@manyfold/protocol";
import { agreement } from "./agreement.ts";
import { backpropagate, type SamplePass } from "./backprop.ts";
import {
  dotOf,
  jacobian,
  type ListedGraph,
  listGraph,
  type ModeCosts,
  modeCosts,
} from "./graph.ts";

/** A network and some rows to explain it on. */
export interface ExplainJob {
  readonly network: Network;
  readonly loss: LossName;
  /** Flat, as `network.parameters`. */
  readonly weights: ArrayLike<number>;
  /** `[rows, inputs]`, as the network reads them. */
  readonly x: ArrayLike<number>;
  /** `[rows, targets]`: values, a probability, or one-hot. */
  readonly y: ArrayLike<number>;
}

/** What there is to see of a network. */
export interface Explanation {
  /** Layers, units and parameters, as a table of text. */
  readonly summary: string;
  /** The graph of the mean loss over the rows. */
  readonly graph: ListedGraph;
  readonly dot: string;
  /** What its whole gradient costs in forward and in reverse mode. */
  readonly costs: ModeCosts;
  /** Of the first row's outputs, before the head, in its inputs: `[outputs, inputs]`. */
  readonly jacobian: readonly (readonly number[])[];
  /** A pass a row by the hand-written recursion, or why there is none. */
  readonly passes: readonly SamplePass[] | { readonly missing: string };
  /** The recursion against the graph, float64; null without a recursion. */
  readonly agreement: { readonly difference: number; readonly holds: boolean } | null;
}

/** How far the recursion and the graph may be apart. */
const TOLERANCE = 1e-12;

/**
 * Explains a network: its graph, a forward and a backward pass with BP1 to BP4 per layer, the costs
 * of forward and reverse mode, Jacobians, and whether back-propagation by hand agrees with the graph.
 *
 * @example
 * const { agreement } = explain({ network, loss: "squaredError", weights, x, y });
 */
export function explain({ network, loss, weights, x, y }: ExplainJob): Explanation {
  const rows = x.length / network.inputs;
  const { mean, parameters } = lossGraph(network, loss, rows, "off");
  const one = lossGraph(network, loss, 1, "off");
  const [xs, ys] = [Array.from(x), Array.from(y)];
  const given: { [name: string]: number[] } = { x: xs.slice(0, network.inputs) };
  const flat = Array.from(weights);
  for (const { name, offset, size } of network.parameters.tensors) {
    given[name] = flat.slice(offset, offset + size);
  }
  const graph = listGraph({ loss: mean });
  const written = byHand({ network, loss, weights, x: xs, y: ys });
  return {
    summary: describeNetwork(network),
    graph,
    dot: dotOf(graph),
    costs: modeCosts(mean, [...parameters.values()]),
    jacobian: jacobian(one.forward.logits, one.x, given),
    ...written,
  };
}

function byHand(job: ExplainJob): Pick<Explanation, "passes" | "agreement"> {
  const { network, loss, weights, x, y } = job;
  const rows = x.length / network.inputs;
  const part = (of: ArrayLike<number>, width: number, row: number) =>
    Array.from(of).slice(row * width, (row + 1) * width);
  try {
    const passes = Array.from({ length: rows }, (_, row) =>
      backpropagate(
        network,
        loss,
        weights,
        part(x, network.inputs, row),
        part(y, network.targets, row),
      ),
    );
    const { difference } = agreement(network, loss, weights, x, y);
    return { passes, agreement: { difference, holds: difference <= TOLERANCE } };
  } catch (error) {
    if (!(error instanceof ManyfoldError) || error.code !== "config") throw error;
    return { passes: { missing: error.message }, agreement: null };
  }
}
