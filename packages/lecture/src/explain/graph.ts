import { type Node, ops, topological, evaluateGraph, jvp, planGraph, vjp } from "@manyfold/core";

/** A node of a graph, as lists and pictures need it. */
export interface ListedNode {
  readonly id: number;
  readonly op: string;
  /** Names of inputs and outputs, settings of ops. */
  readonly label: string;
  readonly shape: readonly number[];
  /** Ids of the nodes it is computed from, in order. */
  readonly inputs: readonly number[];
}

/** A graph as data: every node after its inputs. */
export interface ListedGraph {
  readonly nodes: readonly ListedNode[];
  readonly outputs: { readonly [name: string]: number };
}

/** The nodes behind some named outputs, in topological order. */
export function listGraph(outputs: { readonly [name: string]: Node }): ListedGraph {
  const order = topological(Object.values(outputs));
  const ids = new Map(order.map((node, id) => [node, id]));
  const nodes = order.map((node, id) => ({
    id,
    op: node.op,
    label: labelOf(node),
    shape: node.shape,
    inputs: node.inputs.map((input) => ids.get(input) ?? -1),
  }));
  return {
    nodes,
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, node]) => [name, ids.get(node) ?? -1]),
    ),
  };
}

/** The same in the language of Graphviz. */
export function dotOf({ nodes, outputs }: ListedGraph): string {
  const quoted = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  const lines = nodes.map(({ id, op, label, shape }) => {
    const form = op === "input" ? "box" : "ellipse";
    return `  n${id} [shape=${form}, label=${quoted(`${label} [${shape.join(", ")}]`)}];`;
  });
  const edges = nodes.flatMap(({ id, inputs }) => inputs.map((from) => `  n${from} -> n${id};`));
  const ends = Object.entries(outputs).flatMap(([name, id]) => [
    `  ${quoted(name)} [shape=plaintext];`,
    `  n${id} -> ${quoted(name)};`,
  ]);
  return ["digraph {", "  rankdir=LR;", ...lines, ...edges, ...ends, "}"].join("\n");
}

/** Steps that a plan of one pass takes. */
export interface ModeCosts {
  /** Variables, over all tensors. */
  readonly inputs: number;
  readonly forwardPasses: number;
  readonly forwardSteps: number;
  readonly reversePasses: number;
  readonly reverseSteps: number;
}

/**
 * What the whole gradient of one number costs in either mode, in steps of the plan: forward mode
 * takes one pass per variable, reverse mode one in all (section 6.5.9).
 */
export function modeCosts(output: Node, wrt: readonly Node[]): ModeCosts {
  const inputs = wrt.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const tangents = wrt.map(({ shape }, i) => ops.input(`tangent ${i}`, shape));
  const [forward] = jvp([output], wrt, tangents);
  const reverse = vjp([output], [ops.constant(1, [])], wrt);
  const steps = (nodes: readonly Node[]) =>
    planGraph({ outputs: Object.fromEntries(nodes.map((node, i) => [`o${i}`, node])) }).steps
      .length;
  const one = steps([output, forward]);
  return {
    inputs,
    forwardPasses: inputs,
    forwardSteps: inputs * one,
    reversePasses: 1,
    reverseSteps: steps([output, ...reverse]),
  };
}

/**
 * The Jacobian `[m, n]` of one node in another, a row per element of the output, by reverse mode.
 *
 * @param given values of all inputs of the graph
 */
export function jacobian(
  output: Node,
  wrt: Node,
  given: { readonly [name: string]: ArrayLike<number> },
): number[][] {
  const size = output.shape.reduce((a, b) => a * b, 1);
  const cotangent = ops.input("cotangent", output.shape);
  const [row] = vjp([output], [cotangent], [wrt]);
  return Array.from({ length: size }, (_, at) => {
    const values = Array.from({ length: size }, (_unused, i) => (i === at ? 1 : 0));
    const { row: found } = evaluateGraph(
      { outputs: { row, kept: sumOf(cotangent) } },
      {
        ...given,
        cotangent: values,
      },
    );
    return Array.from(found);
  });
}

/** Keeps the cotangent among the inputs where the row does not read it. */
function sumOf(node: Node): Node {
  return ops.sum(node);
}

function labelOf({ op, attributes }: Node): string {
  const settings = attributes as { [name: string]: unknown };
  if (op === "input") return String(settings["name"]);
  if (op === "constant") return String(settings["value"]);
  if (op === "scale") return `× ${String(settings["by"])}`;
  if (op === "shift") return `+ ${String(settings["by"])}`;
  return op;
}
