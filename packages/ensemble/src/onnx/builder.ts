import type { Attribute, ElementType, OnnxGraph, OnnxNode, Tensor, Value } from "./proto.ts";
import { TYPES } from "./proto.ts";

/** Collects a graph, node by node; every value has the name of the node that gives it. */
export interface Builder {
  /** Adds a node and gives its output's name. */
  op(
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, Attribute>>,
    output?: string,
  ): string;
  constant(tensor: Tensor): string;
  /** A number that all elements are met with. */
  scalar(value: number, type?: ElementType): string;
  /** Whole numbers: axes, places, shapes. */
  places(...values: number[]): string;
  cast(value: string, type: ElementType, output?: string): string;
  input(value: Value): string;
  output(value: Value): void;
  graph(name: string): OnnxGraph;
}

/** Gives the places of what it sorted too, and has to. */
const TWO_OUTPUTS = "TopK";

export function createBuilder(): Builder {
  const nodes: OnnxNode[] = [];
  const constants = new Map<string, Tensor>();
  const inputs: Value[] = [];
  const outputs: Value[] = [];
  const known = new Map<string, string>();
  // Such a name no column has that people give, and each is given once.
  const fresh = (kind: string) => `${kind}:${nodes.length}.${constants.size}`;

  const constant = (tensor: Tensor): string => {
    const name = fresh("constant");
    constants.set(name, tensor);
    return name;
  };
  const once = (tensor: Tensor): string => {
    const key = JSON.stringify([
      tensor.type,
      tensor.shape,
      Array.from<number | string>(tensor.values),
    ]);
    const found = known.get(key) ?? constant(tensor);
    known.set(key, found);
    return found;
  };
  const op: Builder["op"] = (name, from, attributes = {}, output = fresh(name)) => {
    const outputs = name === TWO_OUTPUTS ? [output, `${output}.places`] : [output];
    nodes.push({ op: name, inputs: from, outputs, attributes });
    return output;
  };
  return {
    op,
    constant,
    scalar: (value, type = "double") => once({ type, shape: [], values: [value] }),
    places: (...values) => once({ type: "int64", shape: [values.length], values }),
    cast: (value, type, output) => op("Cast", [value], { to: TYPES[type] }, output),
    input: (value) => {
      inputs.push(value);
      return value.name;
    },
    output: (value) => outputs.push(value),
    graph: (name) => ({ name, nodes, constants, inputs, outputs }),
  };
}
