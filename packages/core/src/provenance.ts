import { plainKernels } from "./arithmetic.ts";
import { isOp, type Node, topological } from "./graph.ts";
import type { Values } from "./kernels/kernels.ts";
import { lossGraph } from "./loss-graph.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";
import { planGraph } from "./plan.ts";
import { bindPlan } from "./run.ts";

/** Where numbers stop being finite. */
export interface Provenance {
  /** `input`, a layer's name, or `output` for the loss too. */
  readonly layer: string;
  /** The op that computed the first such value; `weights` or `rows` where it was read. */
  readonly op: string;
}

/**
 * The first value, in the order of the forward computation, that is NaN or infinite, and the op it
 * comes from; null where all are finite, the loss included.
 *
 * @param x `[rows, inputs]`
 * @param y `[rows, targets]`
 */
export function provenance(
  network: Network,
  loss: LossName,
  weights: Float32Array,
  x: Float32Array,
  y: Float32Array,
  rows: number,
): Provenance | null {
  const { forward, mean } = lossGraph(network, loss, rows, "off");
  const nodes = topological([...forward.layers.map(({ output }) => output), mean]);
  const computed = nodes.filter((node) => !isOp(node, "constant"));
  const outputs = Object.fromEntries(computed.map((node, i) => [String(i), node]));
  const program = bindPlan(planGraph({ outputs }), plainKernels());
  for (const { name, offset, size } of network.parameters.tensors) {
    program.inputs.get(name)?.set(weights.subarray(offset, offset + size));
  }
  program.inputs.get("x")?.set(x.subarray(0, rows * network.inputs));
  program.inputs.get("y")?.set(y.subarray(0, rows * network.targets));
  program.run();
  const ends = forward.layers.map(({ name, output }) => ({ name, at: nodes.indexOf(output) }));
  for (const [i, node] of computed.entries()) {
    const values = program.outputs.get(String(i)) as Values;
    if (values.every(Number.isFinite)) continue;
    return placeOf(node, nodes.indexOf(node), ends);
  }
  return null;
}

function placeOf(
  node: Node,
  at: number,
  ends: readonly { readonly name: string; readonly at: number }[],
): Provenance {
  if (isOp(node, "input") && ["x", "y"].includes(node.attributes.name)) {
    return { layer: node.attributes.name === "x" ? "input" : "output", op: "rows" };
  }
  const layer = ends.find((end) => at <= end.at)?.name ?? "output";
  return { layer, op: isOp(node, "input") ? "weights" : node.op };
}
