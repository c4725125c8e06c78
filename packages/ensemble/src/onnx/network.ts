import {
  evaluateGraph,
  JS_KERNELS,
  type Key,
  type Network,
  type Node,
  type OpAttributes,
  type OpName,
  ops,
  predictionGraph,
} from "@manyfold/core";
import { ManyfoldError } from "@manyfold/protocol";
import type { Builder } from "./builder.ts";

/** Stands for the number of rows while the graph is built: no layer is that wide. */
const ROWS = 1_000_003;

interface At<K extends OpName> {
  readonly b: Builder;
  readonly inputs: readonly string[];
  readonly attributes: OpAttributes[K];
  readonly node: Node;
  /** The one value of which the number of rows is read. */
  readonly x: string;
  readonly mask: Key | null;
}

type Rule<K extends OpName> = (at: At<K>) => string;

const same =
  (name: string): Rule<OpName> =>
  ({ b, inputs }) =>
    b.op(name, inputs);
const number = (b: Builder, value: number) => b.scalar(value, "float");
const above0 = ({ b, inputs }: At<OpName>) => b.op("Greater", [inputs[0]!, number(b, 0)]);

/** Every primitive op in ONNX: layers, activations and heads are made of these, so all are covered. */
const RULES: { readonly [K in OpName]: Rule<K> } = {
  input: ({ attributes }) => {
    throw foreign(`input ${attributes.name}`);
  },
  // One number meets all elements.
  constant: ({ b, attributes }) => number(b, attributes.value),
  negate: same("Neg"),
  abs: same("Abs"),
  sign: same("Sign"),
  square: ({ b, inputs }) => b.op("Mul", [inputs[0]!, inputs[0]!]),
  sqrt: same("Sqrt"),
  reciprocal: same("Reciprocal"),
  exp: same("Exp"),
  expm1: ({ b, inputs }) => b.op("Sub", [b.op("Exp", inputs), number(b, 1)]),
  log: same("Log"),
  log1p: ({ b, inputs }) => b.op("Log", [b.op("Add", [inputs[0]!, number(b, 1)])]),
  erf: same("Erf"),
  detach: same("Identity"),
  sigmoid: same("Sigmoid"),
  tanh: same("Tanh"),
  relu: same("Relu"),
  softplus: same("Softplus"),
  scale: ({ b, inputs, attributes }) => b.op("Mul", [inputs[0]!, number(b, attributes.by)]),
  shift: ({ b, inputs, attributes }) => b.op("Add", [inputs[0]!, number(b, attributes.by)]),
  dropout: ({ b, inputs, attributes, node, mask }) => {
    if (mask === null) return inputs[0]!;
    const { rate, stream } = attributes;
    const units = node.shape[1]!;
    const thinned = ops.dropout(ops.constant(1, [1, units]), rate, stream, true);
    const { values } = evaluateGraph(
      { outputs: { values: thinned } },
      {},
      JS_KERNELS.float32,
      mask,
    );
    return b.op("Mul", [inputs[0]!, b.constant({ type: "float", shape: [1, units], values })]);
  },
  add: same("Add"),
  subtract: same("Sub"),
  multiply: same("Mul"),
  divide: same("Div"),
  maximum: same("Max"),
  minimum: same("Min"),
  greater: ({ b, inputs }) => b.cast(b.op("Greater", inputs), "float"),
  gate: (at) => at.b.op("Where", [above0(at), at.inputs[1]!, number(at.b, 0)]),
  select: (at) => at.b.op("Where", [above0(at), at.inputs[1]!, at.inputs[2]!]),
  addBias: same("Add"),
  matmul: ({ b, inputs, attributes: { transposeA, transposeB } }) =>
    b.op("Gemm", inputs, { transA: Number(transposeA), transB: Number(transposeB) }),
  sum: ({ b, inputs, attributes: { axis } }) =>
    b.op("ReduceSum", axis === "all" ? inputs : [...inputs, b.places(axis)], { keepdims: 0 }),
  logSumExp: ({ b, inputs }) => b.op("ReduceLogSumExp", [...inputs, b.places(-1)], { keepdims: 0 }),
  softmax: ({ b, inputs }) => b.op("Softmax", inputs, { axis: -1 }),
  logSoftmax: ({ b, inputs }) => b.op("LogSoftmax", inputs, { axis: -1 }),
  broadcast: ({ b, inputs, attributes: { axis, shape }, x }) => {
    const from = axis === "all" ? inputs[0]! : b.op("Unsqueeze", [inputs[0]!, b.places(axis)]);
    if (!shape.includes(ROWS)) return b.op("Expand", [from, b.places(...shape)]);
    const rows = b.op("Slice", [b.op("Shape", [x]), b.places(0), b.places(1)]);
    const sizes = shape.map((size) => (size === ROWS ? rows : b.places(size)));
    return b.op("Expand", [from, b.op("Concat", sizes, { axis: 0 })]);
  },
  reshape: ({ b, inputs, attributes: { shape } }) =>
    b.op("Reshape", [inputs[0]!, b.places(...shape.map((size) => (size === ROWS ? -1 : size)))]),
  transpose: ({ b, inputs }) => b.op("Transpose", inputs, { perm: [1, 0] }),
  slice: ({ b, inputs, attributes: { axis, start, length } }) =>
    b.op("Slice", [inputs[0]!, b.places(start), b.places(start + length), b.places(axis)]),
  pad: ({ b, inputs, attributes: { axis, before, after }, node }) => {
    const sides = (by: number) => node.shape.map((_, at) => (at === axis ? by : 0));
    return b.op("Pad", [inputs[0]!, b.places(...sides(before), ...sides(after))]);
  },
  concat: ({ b, inputs, attributes: { axis } }) => b.op("Concat", inputs, { axis }),
};

function write<K extends OpName>(node: Node<K>, at: Omit<At<K>, "attributes" | "node">): string {
  const rule: Rule<K> = RULES[node.op];
  return rule({ ...at, attributes: node.attributes, node });
}

/**
 * Writes a network's prediction of encoded rows.
 *
 * @param parameters names of the constants that hold its tensors
 * @param mask key of a thinned network's mask
 * @returns the name of the prediction `[rows, columns]`
 */
export function writeNetwork(
  b: Builder,
  network: Network,
  {
    x,
    parameters,
    mask,
  }: {
    readonly x: string;
    readonly parameters: ReadonlyMap<string, string>;
    readonly mask: Key | null;
  },
): string {
  const names = new Map<Node, string>();
  const { order, prediction } = predictionGraph(network, ROWS, mask !== null);
  for (const node of order) {
    if (node.op === "input") {
      const { name } = node.attributes as OpAttributes["input"];
      const known = name === "x" ? x : parameters.get(name);
      if (known === undefined) throw foreign(`input ${name}`);
      names.set(node, known);
      continue;
    }
    const inputs = node.inputs.map((input) => names.get(input) ?? "");
    names.set(node, write(node, { b, inputs, x, mask }));
  }
  return names.get(prediction) ?? "";
}

function foreign(what: string): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: what,
    condition: "the rows or a tensor of the network",
  });
}
