import { ManyfoldError } from "@manyfold/protocol";
import { OPS, type OpAttributes, type OpName } from "./ops.ts";
import { sameShape, showShape, type Shape } from "./shape.ts";

/**
 * A variable of the graph: the op that computes it and the nodes it is computed from. Nodes are
 * immutable values, so a graph is no more than its outputs, and a transform (`grad`, `jvp`) builds
 * new nodes on top of old ones without touching them.
 */
export interface Node<K extends OpName = OpName> {
  readonly op: K;
  readonly attributes: OpAttributes[K];
  readonly inputs: readonly Node[];
  readonly shape: Shape;
}

/** Named results; everything they depend on belongs to the graph. */
export interface Graph {
  readonly outputs: { readonly [name: string]: Node };
}

/**
 * All nodes that the roots depend on, each after its inputs. The order follows from the roots
 * alone (depth first, inputs in their order), so equal graphs give equal plans.
 */
export function topological(roots: Iterable<Node>): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  for (const root of roots) {
    // An explicit stack: a graph may be deeper than the engine's call stack.
    const stack: { node: Node; next: number }[] = [{ node: root, next: 0 }];
    if (seen.has(root)) continue;
    seen.add(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: Node; next: number };
      const input = top.node.inputs[top.next++];
      if (input === undefined) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ node: input, next: 0 });
      }
    }
  }
  return order;
}

/** Whether a node is of the given op; narrows its attributes. */
export function isOp<K extends OpName>(node: Node, op: K): node is Node<K> {
  return node.op === op;
}

/**
 * Checks a graph against the op table: arity, shapes by the shape rules, positive sizes, one node
 * per input name. Planning does this first, so a wrong transform is found where it happened.
 *
 * @throws ManyfoldError naming the node at fault
 */
export function verifyGraph(graph: Graph): void {
  const names = new Map<string, Node>();
  for (const node of topological(Object.values(graph.outputs))) {
    verifyNode(node);
    if (!isOp(node, "input")) continue;
    const known = names.get(node.attributes.name);
    if (known !== undefined && known !== node) {
      throw graphError(`input ${node.attributes.name}`, "one node", "two");
    }
    names.set(node.attributes.name, node);
  }
}

function verifyNode<K extends OpName>(node: Node<K>): void {
  const rule = OPS[node.op];
  if (rule.arity !== "any" && rule.arity !== node.inputs.length) {
    throw graphError(`inputs of ${node.op}`, `${rule.arity} nodes`, String(node.inputs.length));
  }
  const expected = rule.shape(
    node.inputs.map((input) => input.shape),
    node.attributes,
  );
  if (!sameShape(expected, node.shape)) {
    throw graphError(`shape of ${node.op}`, showShape(expected), showShape(node.shape));
  }
  if (!node.shape.every((length) => Number.isSafeInteger(length) && length > 0)) {
    throw graphError(`shape of ${node.op}`, "of positive whole sizes", showShape(node.shape));
  }
}

function graphError(path: string, condition: string, got: string): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path,
    condition,
    got,
    help: "The graph was built by hand or by a faulty transform; build nodes with the functions of ops.ts.",
  });
}
