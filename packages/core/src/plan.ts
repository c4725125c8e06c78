import { isOp, type Graph, type Node, topological, verifyGraph } from "./graph.ts";
import type { ComputedOp, Step } from "./kernels/kernels.ts";
import { OPS, scale } from "./ops.ts";
import { sizeOf, type Shape } from "./shape.ts";

/** Where a named input or output lies, in elements from the start of the arena. */
export interface Place {
  readonly offset: number;
  readonly shape: Shape;
}

/** A graph laid out in one arena: everything about a run is known before it starts. */
export interface Plan {
  /** Elements of the arena, the reserved ones included. */
  readonly elements: number;
  readonly inputs: ReadonlyMap<string, Place>;
  readonly outputs: ReadonlyMap<string, Place>;
  /** Filled once, before the first run. */
  readonly constants: readonly { offset: number; size: number; value: number }[];
  /** In the order in which they run. */
  readonly steps: readonly Step[];
}

/** Places that the caller has already given away. */
export interface Reserved {
  /** Elements at the start of the arena that are the caller's; default 0. */
  readonly elements: number;
  /** Inputs and outputs by name that must lie at given offsets among them. */
  readonly places: ReadonlyMap<string, number>;
}

const NONE_RESERVED: Reserved = { elements: 0, places: new Map() };

/**
 * Plans a graph: equal nodes computed once, nodes in order, each buffer placed in one arena and its
 * place given on after its last use; elementwise ops overwrite their first input where it dies.
 * Inputs and constants keep their places, so what the caller wrote is there at the next run.
 */
export function planGraph(graph: Graph, reserved: Reserved = NONE_RESERVED): Plan {
  verifyGraph(graph);
  const outputs = mergeEqual(graph);
  copyWhereNeeded(outputs, reserved);
  const order = topological(outputs.values());
  const arena = new FreeList(reserved.elements);
  const offsets = new Map<Node, number>();
  const fixed = new Set<Node>();
  const inputs = new Map<string, Place>();
  const constants: { offset: number; size: number; value: number }[] = [];

  const fix = (node: Node, offset: number): void => {
    offsets.set(node, offset);
    fixed.add(node);
  };
  for (const node of order) {
    if (isOp(node, "input")) {
      const { name } = node.attributes;
      fix(node, reserved.places.get(name) ?? arena.take(sizeOf(node.shape)));
      inputs.set(name, { offset: offsets.get(node) ?? 0, shape: node.shape });
    } else if (isOp(node, "constant")) {
      const size = sizeOf(node.shape);
      fix(node, arena.take(size));
      constants.push({ offset: offsets.get(node) ?? 0, size, value: node.attributes.value });
    }
  }
  for (const [name, node] of outputs) {
    const place = reserved.places.get(name);
    if (place !== undefined) fix(storage(node), place);
  }

  const lastUse = lastUses(order, outputs.values());
  const steps: Step[] = [];
  for (const [at, node] of order.entries()) {
    if (!isComputed(node)) continue;
    const size = sizeOf(node.shape);
    const first = node.inputs[0];
    const dying = node.inputs
      .map(storage)
      .filter((input, i, all) => all.indexOf(input) === i && lastUse.get(input) === at)
      .filter((input) => !fixed.has(input));
    if (!fixed.has(node)) {
      const reused =
        OPS[node.op].elementwise === true && first !== undefined
          ? dying.find((input) => input === storage(first) && sizeOf(input.shape) === size)
          : undefined;
      offsets.set(node, reused === undefined ? arena.take(size) : at0(offsets, reused));
      if (reused !== undefined) dying.splice(dying.indexOf(reused), 1);
    }
    for (const input of dying) arena.give(at0(offsets, input), sizeOf(input.shape));
    steps.push({
      op: node.op,
      attributes: node.attributes,
      inputs: node.inputs.map((input) => at0(offsets, storage(input))),
      inputShapes: node.inputs.map((input) => input.shape),
      output: at0(offsets, node),
      shape: node.shape,
    });
  }
  const placed = new Map<string, Place>();
  for (const [name, node] of outputs) {
    placed.set(name, { offset: at0(offsets, storage(node)), shape: node.shape });
  }
  return { elements: arena.elements, inputs, outputs: placed, constants, steps };
}

function at0(offsets: ReadonlyMap<Node, number>, node: Node): number {
  return offsets.get(node) as number;
}

function isComputed(node: Node): node is Node<ComputedOp> {
  return node.op !== "input" && node.op !== "constant" && node.op !== "reshape";
}

/** The node whose buffer holds a node's values: a reshape is another view of its input's. */
function storage(node: Node): Node {
  let holder = node;
  while (holder.op === "reshape") holder = holder.inputs[0] as Node;
  return holder;
}

/** Replaces nodes that compute the same (op, settings, inputs) by one. */
function mergeEqual(graph: Graph): Map<string, Node> {
  const merged = new Map<Node, Node>();
  const byText = new Map<string, Node>();
  const ids = new Map<Node, number>();
  for (const node of topological(Object.values(graph.outputs))) {
    const inputs = node.inputs.map((input) => merged.get(input) as Node);
    const attributes = JSON.stringify(node.attributes, (_, value: unknown) =>
      // JSON has no NaN, infinities or -0, but constants may.
      typeof value === "number" && (!Number.isFinite(value) || value === 0)
        ? `${Object.is(value, -0) ? "-" : ""}${value}`
        : value,
    );
    const text = `${node.op} ${attributes} ${inputs.map((input) => ids.get(input)).join(" ")}`;
    let same = byText.get(text);
    if (same === undefined) {
      same = { ...node, inputs };
      ids.set(same, ids.size);
      byText.set(text, same);
    }
    merged.set(node, same);
  }
  return new Map(
    Object.entries(graph.outputs).map(([name, node]) => [name, merged.get(node) as Node]),
  );
}

/**
 * An output with a place of its own must be computed there; where that cannot be (it is an input,
 * a constant, or the same as another such output) a copy is computed: once x is x to the bit.
 */
function copyWhereNeeded(outputs: Map<string, Node>, reserved: Reserved): void {
  const taken = new Set<Node>();
  for (const [name, node] of outputs) {
    if (!reserved.places.has(name)) continue;
    const holder = storage(node);
    if (!isComputed(holder) || taken.has(holder)) {
      const copy = scale(node, 1);
      outputs.set(name, copy);
      taken.add(copy);
    } else {
      taken.add(holder);
    }
  }
}

/** The last step that reads each buffer; outputs are read after the end. */
function lastUses(order: readonly Node[], outputs: Iterable<Node>): Map<Node, number> {
  const last = new Map<Node, number>();
  for (const [at, node] of order.entries()) {
    for (const input of node.inputs) last.set(storage(input), at);
  }
  for (const output of outputs) last.set(storage(output), order.length);
  return last;
}

/** Free runs of the arena, in order, first fit; it grows where none is long enough. */
class FreeList {
  elements: number;
  #free: { offset: number; size: number }[] = [];

  constructor(reserved: number) {
    this.elements = aligned(reserved);
  }

  take(wanted: number): number {
    const size = aligned(wanted);
    const index = this.#free.findIndex((run) => run.size >= size);
    const run = this.#free[index];
    if (run === undefined) return this.#grow(size);
    const { offset } = run;
    run.offset += size;
    run.size -= size;
    if (run.size === 0) this.#free.splice(index, 1);
    return offset;
  }

  give(offset: number, wanted: number): void {
    const size = aligned(wanted);
    let index = this.#free.findIndex((run) => run.offset > offset);
    if (index < 0) index = this.#free.length;
    const before = this.#free[index - 1];
    const after = this.#free[index];
    if (before !== undefined && before.offset + before.size === offset) {
      before.size += size;
      if (after !== undefined && before.offset + before.size === after.offset) {
        before.size += after.size;
        this.#free.splice(index, 1);
      }
    } else if (after !== undefined && offset + size === after.offset) {
      after.offset = offset;
      after.size += size;
    } else {
      this.#free.splice(index, 0, { offset, size });
    }
  }

  #grow(size: number): number {
    const last = this.#free.at(-1);
    if (last !== undefined && last.offset + last.size === this.elements) {
      this.#free.pop();
      this.elements = last.offset + size;
      return last.offset;
    }
    const offset = this.elements;
    this.elements += size;
    return offset;
  }
}

/** Buffers begin at multiples of four elements, as vector loads like it. */
function aligned(size: number): number {
  return Math.ceil(size / 4) * 4;
}
