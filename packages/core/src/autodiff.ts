import { ManyfoldError } from "@manyfold/protocol";
import { type Node, topological } from "./graph.ts";
import { add, constant, OPS, type OpName, type Reverse } from "./ops.ts";
import { sameShape, showShape } from "./shape.ts";

/** A node for each of some nodes; a tuple for a tuple. */
export type NodesLike<Nodes extends readonly Node[]> = { -readonly [I in keyof Nodes]: Node };

/**
 * Gradients of one number in some nodes, as new nodes over the old ones (reverse mode). The result
 * is a graph like any other, so it can be differentiated again.
 *
 * @param output a node of shape `[]`
 * @returns a node a `wrt`, of its shape; zero where the output does not depend on it
 */
export function grad<const Wrt extends readonly Node[]>(output: Node, wrt: Wrt): NodesLike<Wrt> {
  if (output.shape.length > 0) {
    throw new ManyfoldError({
      code: "internal",
      path: "output of grad",
      condition: "one number of shape []",
      got: showShape(output.shape),
      help: "Sum it, or use vjp with a cotangent of its shape.",
    });
  }
  return vjp([output], [constant(1, [])], wrt);
}

/**
 * Vector-Jacobian products: gradients of Σ cotangent · output in some nodes (reverse mode).
 *
 * @param cotangents a node an output, of its shape
 */
export function vjp<const Wrt extends readonly Node[]>(
  outputs: readonly Node[],
  cotangents: readonly Node[],
  wrt: Wrt,
): NodesLike<Wrt> {
  const order = topological(outputs);
  const wanted = dependents(order, wrt);
  const gradients = new Map<Node, Node>();
  const contribute = (node: Node, gradient: Node): void => {
    const sofar = gradients.get(node);
    gradients.set(node, sofar === undefined ? gradient : add(sofar, gradient));
  };
  requireTangents("cotangents", outputs, cotangents);
  outputs.forEach((output, i) => contribute(output, cotangents[i] as Node));
  for (const node of order.toReversed()) {
    const gradient = gradients.get(node);
    if (gradient === undefined || !wanted.has(node)) continue;
    const parts = reverse(node, gradient, wanted);
    node.inputs.forEach((input, i) => {
      const part = parts[i];
      if (part && wanted.has(input)) contribute(input, part);
    });
  }
  return each(wrt, (node) => gradients.get(node) ?? constant(0, node.shape));
}

/**
 * Jacobian-vector products: how the outputs change when `wrt` moves along the tangents (forward
 * mode).
 *
 * @param tangents a node a `wrt`, of its shape
 * @returns a node an output, of its shape
 */
export function jvp<const Outputs extends readonly Node[]>(
  outputs: Outputs,
  wrt: readonly Node[],
  tangents: readonly Node[],
): NodesLike<Outputs> {
  requireTangents("tangents", wrt, tangents);
  const found = new Map<Node, Node | null>();
  wrt.forEach((node, i) => found.set(node, tangents[i] as Node));
  for (const node of topological(outputs)) {
    if (!found.has(node)) found.set(node, forward(node, found));
  }
  return each(outputs, (output) => found.get(output) ?? constant(0, output.shape));
}

/** `map` that keeps a tuple a tuple. */
function each<const Nodes extends readonly Node[]>(
  nodes: Nodes,
  make: (node: Node) => Node,
): NodesLike<Nodes> {
  return nodes.map(make) as readonly Node[] as NodesLike<Nodes>;
}

/** The nodes of an order that depend on any of some nodes, these included. */
function dependents(order: readonly Node[], on: readonly Node[]): Set<Node> {
  const found = new Set<Node>(on);
  for (const node of order) {
    if (node.inputs.some((input) => found.has(input))) found.add(node);
  }
  return found;
}

function reverse<K extends OpName>(
  node: Node<K>,
  gradient: Node,
  wanted: ReadonlySet<Node>,
): readonly (Node | null)[] {
  const rule = OPS[node.op];
  const at: Reverse<K> = {
    attributes: node.attributes,
    shape: node.shape,
    gradient,
    inputShape: (i) => inputAt(node, i).shape,
    input: (i) => {
      if (!rule.reads.inputs.includes(i)) throw undeclared(node.op, `input ${i}`);
      return inputAt(node, i);
    },
    output: () => {
      if (!rule.reads.output) throw undeclared(node.op, "its output");
      return node;
    },
    wanted: (i) => wanted.has(inputAt(node, i)),
  };
  return rule.vjp(at);
}

function forward<K extends OpName>(
  node: Node<K>,
  found: ReadonlyMap<Node, Node | null>,
): Node | null {
  const tangents = node.inputs.map((input) => found.get(input) ?? null);
  if (tangents.every((tangent) => tangent === null)) return null;
  return OPS[node.op].jvp({ node, inputs: node.inputs, tangents });
}

function inputAt(node: Node, index: number): Node {
  return node.inputs[index] as Node;
}

/** Keeps "what must be saved" honest: a rule that reads more than it declares does not run. */
function undeclared(op: OpName, what: string): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: `reads of ${op}`,
    condition: `declared to read ${what}, as its vjp does`,
    help: "Add it to the op's row in ops.ts.",
  });
}

function requireTangents(what: string, nodes: readonly Node[], tangents: readonly Node[]): void {
  const fits =
    nodes.length === tangents.length &&
    nodes.every((node, i) => sameShape(node.shape, (tangents[i] as Node).shape));
  if (fits) return;
  throw new ManyfoldError({
    code: "internal",
    path: what,
    condition: `of shapes ${nodes.map(({ shape }) => showShape(shape)).join(", ")}`,
    got: tangents.map(({ shape }) => showShape(shape)).join(", "),
  });
}
