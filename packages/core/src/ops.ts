import type { Node } from "./graph.ts";
import { requireShape, sameShape, sizeOf, withAxis, withoutAxis, type Shape } from "./shape.ts";

interface None {
  readonly [key: string]: never;
}

/**
 * The primitive ops and their static settings, in bands. Everything else (losses, layers,
 * activations) is built from these, so their derivatives of any order follow from the table below.
 */
export interface OpAttributes {
  // Leaves
  input: { readonly name: string; readonly shape: Shape };
  constant: { readonly value: number; readonly shape: Shape };
  // Elementwise, one operand
  negate: None;
  abs: None;
  sign: None;
  square: None;
  sqrt: None;
  reciprocal: None;
  exp: None;
  expm1: None;
  log: None;
  log1p: None;
  sigmoid: None;
  tanh: None;
  relu: None;
  softplus: None;
  erf: None;
  detach: None;
  scale: { readonly by: number };
  shift: { readonly by: number };
  dropout: {
    readonly rate: number;
    readonly stream: number;
    readonly shared: boolean;
    readonly gaussian: boolean;
  };
  // Elementwise, several operands of one shape
  add: None;
  subtract: None;
  multiply: None;
  divide: None;
  maximum: None;
  minimum: None;
  greater: None;
  gate: None;
  select: None;
  addBias: None;
  // Sums and products
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  sum: { readonly axis: number | "all" };
  // Along the last axis, in stable form
  logSumExp: None;
  softmax: None;
  logSoftmax: None;
  // Rearranging
  broadcast: { readonly axis: number | "all"; readonly shape: Shape };
  reshape: { readonly shape: Shape };
  transpose: None;
  slice: { readonly axis: number; readonly start: number; readonly length: number };
  pad: { readonly axis: number; readonly before: number; readonly after: number };
  concat: { readonly axis: number };
}

/** Name of a primitive op. */
export type OpName = keyof OpAttributes;

/** What a reverse rule may look at: only what it declares in `reads` (others throw). */
export interface Reverse<K extends OpName> {
  readonly attributes: OpAttributes[K];
  readonly shape: Shape;
  inputShape(index: number): Shape;
  input(index: number): Node;
  output(): Node;
  /** Gradient of the scalar objective in this node, of the node's shape. */
  readonly gradient: Node;
  /** Whether the gradient in that input is needed at all. */
  wanted(index: number): boolean;
}

/** What a forward rule may look at. A tangent of `null` is zero; at least one is not. */
export interface Forward<K extends OpName> {
  readonly node: Node<K>;
  readonly inputs: readonly Node[];
  readonly tangents: readonly (Node | null)[];
}

/** All there is to know about an op but its kernels. */
export interface OpRule<K extends OpName> {
  readonly arity: number | "any";
  /** Whether element i of the output depends on element i of input 0 and may overwrite it. */
  readonly elementwise?: true;
  shape(inputs: readonly Shape[], attributes: OpAttributes[K]): Shape;
  /** The values that the reverse rule reads, so that they stay in memory until then. */
  readonly reads: { readonly inputs: readonly number[]; readonly output: boolean };
  /** Vector-Jacobian product: the gradient in each input; `null` is zero. */
  vjp(at: Reverse<K>): readonly (Node | null)[];
  /** Jacobian-vector product: the tangent of the output; `null` is zero. */
  jvp(at: Forward<K>): Node | null;
}

/** Slope of erf at 0. */
const TWO_OVER_ROOT_PI = 1.1283791670955126;

const NOTHING = { inputs: [], output: false } as const;
const OUTPUT = { inputs: [], output: true } as const;
const INPUT = { inputs: [0], output: false } as const;
const BOTH = { inputs: [0, 1], output: false } as const;

/** A rule for y = f(x), elementwise, from the factor dy/dx as a graph. */
function unary<K extends OpName>(
  reads: OpRule<K>["reads"],
  times: (at: { x: () => Node; y: () => Node }, gradient: Node) => Node | null,
): OpRule<K> {
  return {
    arity: 1,
    elementwise: true,
    shape: (inputs) => first(inputs),
    reads,
    vjp: (at) => [times({ x: () => at.input(0), y: () => at.output() }, at.gradient)],
    jvp: ({ node, inputs, tangents }) =>
      times({ x: () => nodeAt(inputs, 0), y: () => node }, nodeAt(tangents, 0)),
  };
}

/** A rule for an op that is linear in each single input, elementwise, on equal shapes. */
function binary<K extends "add" | "subtract" | "multiply" | "divide" | "maximum" | "minimum">(
  op: K,
  reads: OpRule<K>["reads"],
  vjp: OpRule<K>["vjp"],
  jvp: OpRule<K>["jvp"],
): OpRule<K> {
  return {
    arity: 2,
    elementwise: true,
    shape: (inputs) => equalShapes(op, inputs),
    reads,
    vjp,
    jvp,
  };
}

/** A rule for a linear op of one input: the tangent goes through the op itself. */
function linear<K extends OpName>(
  op: K,
  shape: OpRule<K>["shape"],
  adjoint: (at: Reverse<K>) => Node,
  elementwise?: true,
): OpRule<K> {
  return {
    arity: 1,
    ...(elementwise === true ? { elementwise } : {}),
    shape,
    reads: NOTHING,
    vjp: (at) => [adjoint(at)],
    jvp: ({ node, tangents }) => apply(op, [nodeAt(tangents, 0)], node.attributes),
  };
}

/** A rule for a step function of `arity` inputs: its derivative is zero almost everywhere. */
function flat<K extends OpName>(
  arity: number,
  shape: OpRule<K>["shape"],
  elementwise?: true,
): OpRule<K> {
  return {
    arity,
    ...(elementwise === true ? { elementwise } : {}),
    shape,
    reads: NOTHING,
    vjp: () => Array.from({ length: arity }, () => null),
    jvp: () => null,
  };
}

/**
 * THE table. Formulas: x is the input, y the output, g the gradient in y.
 * At a kink relu and abs have derivative 0; on a tie maximum and minimum pass to the second input.
 */
export const OPS: { readonly [K in OpName]: OpRule<K> } = {
  input: flat(0, (_, { shape }) => shape),
  constant: flat(0, (_, { shape }) => shape),

  negate: linear("negate", first, ({ gradient }) => negate(gradient), true),
  abs: unary(INPUT, ({ x }, g) => multiply(g, sign(x()))),
  sign: flat(1, first, true),
  square: unary(INPUT, ({ x }, g) => multiply(g, scale(x(), 2))),
  sqrt: unary(OUTPUT, ({ y }, g) => divide(g, scale(y(), 2))),
  reciprocal: unary(OUTPUT, ({ y }, g) => negate(multiply(g, square(y())))),
  exp: unary(OUTPUT, ({ y }, g) => multiply(g, y())),
  expm1: unary(OUTPUT, ({ y }, g) => multiply(g, shift(y(), 1))),
  log: unary(INPUT, ({ x }, g) => divide(g, x())),
  log1p: unary(INPUT, ({ x }, g) => divide(g, shift(x(), 1))),
  sigmoid: unary(OUTPUT, ({ y }, g) => multiply(g, multiply(y(), shift(negate(y()), 1)))),
  tanh: unary(OUTPUT, ({ y }, g) => multiply(g, shift(negate(square(y())), 1))),
  // y > 0 exactly where x > 0, and reading y lets x be overwritten.
  relu: unary(OUTPUT, ({ y }, g) => gate(y(), g)),
  softplus: unary(INPUT, ({ x }, g) => multiply(g, sigmoid(x()))),
  erf: unary(INPUT, ({ x }, g) => multiply(g, scale(exp(negate(square(x()))), TWO_OVER_ROOT_PI))),
  detach: flat(1, first, true),
  scale: linear("scale", first, ({ gradient, attributes }) => scale(gradient, attributes.by), true),
  shift: unary(NOTHING, (_, g) => g),
  // The mask is drawn again from the key, so nothing is saved; it is its own adjoint.
  dropout: linear(
    "dropout",
    first,
    ({ gradient, attributes }) => apply("dropout", [gradient], attributes),
    true,
  ),

  add: binary(
    "add",
    NOTHING,
    ({ gradient }) => [gradient, gradient],
    ({ tangents: [a, b] }) => addTangents(a, b),
  ),
  subtract: binary(
    "subtract",
    NOTHING,
    ({ gradient }) => [gradient, negate(gradient)],
    ({ tangents: [a, b] }) => addTangents(a, b && negate(b)),
  ),
  multiply: binary(
    "multiply",
    BOTH,
    (at) => [
      at.wanted(0) ? multiply(at.gradient, at.input(1)) : null,
      at.wanted(1) ? multiply(at.gradient, at.input(0)) : null,
    ],
    ({ inputs, tangents: [a, b] }) =>
      addTangents(a && multiply(a, nodeAt(inputs, 1)), b && multiply(nodeAt(inputs, 0), b)),
  ),
  divide: binary(
    "divide",
    { inputs: [1], output: true },
    (at) => {
      const quotient = divide(at.gradient, at.input(1));
      return [quotient, at.wanted(1) ? negate(multiply(quotient, at.output())) : null];
    },
    ({ node, inputs, tangents: [a, b] }) => {
      const change = addTangents(a, b && negate(multiply(node, b)));
      return change && divide(change, nodeAt(inputs, 1));
    },
  ),
  // The larger one passes: gate on a > b; on a tie the second input.
  maximum: binary(
    "maximum",
    BOTH,
    (at) => routed(at, (a, b) => greater(a, b)),
    ({ inputs: [a, b], tangents }) => selected(tangents, greater(a as Node, b as Node)),
  ),
  minimum: binary(
    "minimum",
    BOTH,
    (at) => routed(at, (a, b) => greater(b, a)),
    ({ inputs: [a, b], tangents }) => selected(tangents, greater(b as Node, a as Node)),
  ),
  greater: flat(2, (inputs) => equalShapes("greater", inputs), true),
  gate: {
    arity: 2,
    elementwise: true,
    shape: (inputs) => equalShapes("gate", inputs),
    reads: INPUT,
    vjp: (at) => [null, gate(at.input(0), at.gradient)],
    jvp: ({ inputs, tangents: [, value] }) => (value ? gate(nodeAt(inputs, 0), value) : null),
  },
  select: {
    arity: 3,
    elementwise: true,
    shape: (inputs) => equalShapes("select", inputs),
    reads: INPUT,
    vjp: (at) => {
      const passed = gate(at.input(0), at.gradient);
      return [null, passed, at.wanted(2) ? subtract(at.gradient, passed) : null];
    },
    jvp: ({ inputs, tangents: [, a, b] }) => {
      const zero = constant(0, first(inputs.map((input) => input.shape)));
      return a || b ? select(nodeAt(inputs, 0), a ?? zero, b ?? zero) : null;
    },
  },
  addBias: {
    arity: 2,
    elementwise: true,
    shape: ([x = [], bias = []]) => {
      requireShape(
        x.length === 2 && bias.length === 1 && x[1] === bias[0],
        "addBias",
        () => "[rows, units] and [units]",
        x,
        bias,
      );
      return x;
    },
    reads: NOTHING,
    vjp: (at) => [at.gradient, at.wanted(1) ? sum(at.gradient, 0) : null],
    jvp: ({ node, tangents: [x, bias] }) => {
      if (!bias) return x ?? null;
      return x ? addBias(x, bias) : broadcast(bias, 0, node.shape);
    },
  },

  matmul: {
    arity: 2,
    shape: ([a = [], b = []], { transposeA, transposeB }) => {
      const [rows, inner] = transposeA ? [a[1], a[0]] : [a[0], a[1]];
      const [innerB, columns] = transposeB ? [b[1], b[0]] : [b[0], b[1]];
      requireShape(
        a.length === 2 && b.length === 2 && inner === innerB,
        "matmul",
        () => `matrices with one inner size (transposed: ${transposeA}, ${transposeB})`,
        a,
        b,
      );
      return [rows as number, columns as number];
    },
    reads: BOTH,
    vjp: (at) => {
      const { transposeA: ta, transposeB: tb } = at.attributes;
      const g = at.gradient;
      const inA = (): Node =>
        ta ? matmul(at.input(1), g, tb, true) : matmul(g, at.input(1), false, !tb);
      const inB = (): Node =>
        tb ? matmul(g, at.input(0), true, ta) : matmul(at.input(0), g, !ta, false);
      return [at.wanted(0) ? inA() : null, at.wanted(1) ? inB() : null];
    },
    jvp: ({ node, inputs, tangents: [a, b] }) => {
      const { transposeA: ta, transposeB: tb } = node.attributes;
      return addTangents(
        a && matmul(a, nodeAt(inputs, 1), ta, tb),
        b && matmul(nodeAt(inputs, 0), b, ta, tb),
      );
    },
  },
  sum: linear(
    "sum",
    (inputs, { axis }) => {
      const shape = first(inputs);
      if (axis === "all") return [];
      requireAxis("sum", axis, shape);
      return withoutAxis(shape, axis);
    },
    (at) => broadcast(at.gradient, at.attributes.axis, at.inputShape(0)),
  ),

  logSumExp: {
    arity: 1,
    shape: (inputs) => lastAxis("logSumExp", inputs).slice(0, -1),
    reads: INPUT,
    vjp: (at) => [multiply(spread(at.gradient, at.inputShape(0)), softmax(at.input(0)))],
    jvp: ({ inputs: [x], tangents }) => sumLast(multiply(softmax(x as Node), nodeAt(tangents, 0))),
  },
  softmax: {
    arity: 1,
    shape: (inputs) => lastAxis("softmax", inputs),
    reads: OUTPUT,
    vjp: (at) => [softmaxJacobian(at.output(), at.gradient)],
    // The Jacobian diag(y) - y yᵀ is symmetric.
    jvp: ({ node, tangents }) => softmaxJacobian(node, nodeAt(tangents, 0)),
  },
  logSoftmax: {
    arity: 1,
    shape: (inputs) => lastAxis("logSoftmax", inputs),
    reads: OUTPUT,
    vjp: (at) => {
      const total = spread(sumLast(at.gradient), at.shape);
      return [subtract(at.gradient, multiply(exp(at.output()), total))];
    },
    jvp: ({ node, tangents }) => {
      const tangent = nodeAt(tangents, 0);
      return subtract(tangent, spread(sumLast(multiply(exp(node), tangent)), node.shape));
    },
  },

  broadcast: linear(
    "broadcast",
    (inputs, { axis, shape }) => {
      const from = first(inputs);
      const expected = axis === "all" ? [] : withoutAxis(shape, axis);
      requireShape(
        sameShape(from, expected),
        "broadcast",
        () => `the target without axis ${axis}`,
        from,
        shape,
      );
      return shape;
    },
    (at) => sum(at.gradient, at.attributes.axis),
  ),
  reshape: linear(
    "reshape",
    (inputs, { shape }) => {
      const from = first(inputs);
      requireShape(sizeOf(from) === sizeOf(shape), "reshape", () => "of equal size", from, shape);
      return shape;
    },
    (at) => reshape(at.gradient, at.inputShape(0)),
  ),
  transpose: linear(
    "transpose",
    (inputs) => {
      const shape = first(inputs);
      requireShape(shape.length === 2, "transpose", () => "a matrix", shape);
      return [shape[1] as number, shape[0] as number];
    },
    (at) => transpose(at.gradient),
  ),
  slice: linear(
    "slice",
    (inputs, { axis, start, length }) => {
      const shape = first(inputs);
      requireAxis("slice", axis, shape);
      requireShape(
        start >= 0 && length > 0 && start + length <= (shape[axis] as number),
        "slice",
        () => `at least ${start + length} long on axis ${axis}`,
        shape,
      );
      return withAxis(shape, axis, length);
    },
    (at) => {
      const { axis, start, length } = at.attributes;
      const after = (at.inputShape(0)[axis] as number) - start - length;
      return pad(at.gradient, axis, start, after);
    },
  ),
  pad: linear(
    "pad",
    (inputs, { axis, before, after }) => {
      const shape = first(inputs);
      requireAxis("pad", axis, shape);
      return withAxis(shape, axis, before + (shape[axis] as number) + after);
    },
    (at) => {
      const { axis, before } = at.attributes;
      return slice(at.gradient, axis, before, at.inputShape(0)[axis] as number);
    },
  ),
  concat: {
    arity: "any",
    shape: (inputs, { axis }) => {
      const shape = first(inputs);
      requireAxis("concat", axis, shape);
      const rest = withoutAxis(shape, axis);
      requireShape(
        inputs.every((input) => sameShape(withoutAxis(input, axis), rest)),
        "concat",
        () => `equal but for axis ${axis}`,
        ...inputs,
      );
      const length = inputs.reduce((total, input) => total + (input[axis] as number), 0);
      return withAxis(shape, axis, length);
    },
    reads: NOTHING,
    vjp: (at) => {
      const { axis } = at.attributes;
      const parts: Node[] = [];
      for (let start = 0, i = 0; start < (at.shape[axis] as number); i++) {
        const length = at.inputShape(i)[axis] as number;
        parts.push(slice(at.gradient, axis, start, length));
        start += length;
      }
      return parts;
    },
    jvp: ({ node, inputs, tangents }) =>
      concat(
        tangents.map((tangent, i) => tangent ?? constant(0, nodeAt(inputs, i).shape)),
        node.attributes.axis,
      ),
  },
};

// Shape rules and derivative parts that several rows share.

function first(shapes: readonly Shape[]): Shape {
  return shapes[0] as Shape;
}

/** The node at an index where a rule knows that there is one. */
function nodeAt(nodes: readonly (Node | null)[], index: number): Node {
  return nodes[index] as Node;
}

function equalShapes(op: OpName, shapes: readonly Shape[]): Shape {
  const shape = first(shapes);
  requireShape(
    shapes.every((other) => sameShape(other, shape)),
    op,
    () => "of one shape",
    ...shapes,
  );
  return shape;
}

function requireAxis(op: OpName, axis: number, shape: Shape): void {
  requireShape(axis >= 0 && axis < shape.length, op, () => `of more than ${axis} axes`, shape);
}

function lastAxis(op: OpName, shapes: readonly Shape[]): Shape {
  const shape = first(shapes);
  requireShape(shape.length > 0, op, () => "of at least one axis", shape);
  return shape;
}

function addTangents(a: Node | null | undefined, b: Node | null | undefined): Node | null {
  if (!a) return b ?? null;
  return b ? add(a, b) : a;
}

function routed(
  at: Reverse<"maximum" | "minimum">,
  chooses: (a: Node, b: Node) => Node,
): readonly Node[] {
  const passed = gate(chooses(at.input(0), at.input(1)), at.gradient);
  return [passed, subtract(at.gradient, passed)];
}

function selected([a, b]: readonly (Node | null)[], condition: Node): Node {
  const zero = constant(0, condition.shape);
  return select(condition, a ?? zero, b ?? zero);
}

/** (diag(y) - y yᵀ) v along the last axis. */
function softmaxJacobian(y: Node, v: Node): Node {
  return multiply(y, subtract(v, spread(sumLast(multiply(y, v)), y.shape)));
}

function sumLast(x: Node): Node {
  return sum(x, x.shape.length - 1);
}

function spread(x: Node, shape: Shape): Node {
  return broadcast(x, shape.length - 1, shape);
}

// Constructors, one an op.

/** A node of the given op; its shape follows from the shape rule, which may refuse. */
export function apply<K extends OpName>(
  op: K,
  inputs: readonly Node[],
  attributes: OpAttributes[K],
): Node<K> {
  const shape = OPS[op].shape(
    inputs.map((input) => input.shape),
    attributes,
  );
  return { op, attributes, inputs, shape };
}

type Plain = { [K in OpName]: OpAttributes[K] extends None ? K : never }[OpName];

function plain<K extends Plain>(op: K, ...inputs: readonly Node[]): Node<K> {
  return apply<K>(op, inputs, NONE as OpAttributes[K]);
}

const NONE: None = {};

/** A value that the caller writes before a run. */
export const input = (name: string, shape: Shape): Node => apply("input", [], { name, shape });
/** A value fixed when the program is bound, the same in every element. */
export const constant = (value: number, shape: Shape): Node =>
  apply("constant", [], { value, shape });
export const negate = (x: Node): Node => plain("negate", x);
export const abs = (x: Node): Node => plain("abs", x);
/** -1, 0 or 1. */
export const sign = (x: Node): Node => plain("sign", x);
export const square = (x: Node): Node => plain("square", x);
export const sqrt = (x: Node): Node => plain("sqrt", x);
export const reciprocal = (x: Node): Node => plain("reciprocal", x);
export const exp = (x: Node): Node => plain("exp", x);
/** e^x - 1, exact near 0. */
export const expm1 = (x: Node): Node => plain("expm1", x);
export const log = (x: Node): Node => plain("log", x);
/** log(1 + x), exact near 0. */
export const log1p = (x: Node): Node => plain("log1p", x);
/** 1 / (1 + e^-x). */
export const sigmoid = (x: Node): Node => plain("sigmoid", x);
export const tanh = (x: Node): Node => plain("tanh", x);
/** max(x, 0); NaN stays NaN. */
export const relu = (x: Node): Node => plain("relu", x);
/** log(1 + e^x), finite for all finite x. */
export const softplus = (x: Node): Node => plain("softplus", x);
/** The error function, exact. */
export const erf = (x: Node): Node => plain("erf", x);
/** x, taken as a number that nothing depends on: its derivative is 0 by decree. */
export const detach = (x: Node): Node => plain("detach", x);
/** x times a number. */
export const scale = (x: Node, by: number): Node => apply("scale", [x], { by });
/** x plus a number. */
export const shift = (x: Node, by: number): Node => apply("shift", [x], { by });
/**
 * Inverted dropout: each element is 0 with probability `rate`, else divided by 1 - rate. The mask
 * follows from the run's key, `stream` and the element's index; with `shared` from its last index
 * alone, so that all rows get one mask. With `gaussian` each element is multiplied by a normal number
 * of mean 1 and of the same variance, rate / (1 - rate), instead.
 */
export const dropout = (
  x: Node,
  rate: number,
  stream: number,
  shared = false,
  gaussian = false,
): Node => apply("dropout", [x], { rate, stream, shared, gaussian });
export const add = (a: Node, b: Node): Node => plain("add", a, b);
export const subtract = (a: Node, b: Node): Node => plain("subtract", a, b);
export const multiply = (a: Node, b: Node): Node => plain("multiply", a, b);
export const divide = (a: Node, b: Node): Node => plain("divide", a, b);
export const maximum = (a: Node, b: Node): Node => plain("maximum", a, b);
export const minimum = (a: Node, b: Node): Node => plain("minimum", a, b);
/** 1 where a > b, else 0. */
export const greater = (a: Node, b: Node): Node => plain("greater", a, b);
/** x where condition > 0, else 0. */
export const gate = (condition: Node, x: Node): Node => plain("gate", condition, x);
/** a where condition > 0, else b. */
export const select = (condition: Node, a: Node, b: Node): Node => plain("select", condition, a, b);
/** `[rows, units]` plus `[units]` in every row. */
export const addBias = (x: Node, bias: Node): Node => plain("addBias", x, bias);
/** Matrix product of a or aᵀ with b or bᵀ. */
export const matmul = (a: Node, b: Node, transposeA = false, transposeB = false): Node =>
  apply("matmul", [a, b], { transposeA, transposeB });
/** Sum over one axis, which goes, or over all elements. */
export const sum = (x: Node, axis: number | "all" = "all"): Node => apply("sum", [x], { axis });
/** log Σ e^x over the last axis, which goes. */
export const logSumExp = (x: Node): Node => plain("logSumExp", x);
/** e^x / Σ e^x over the last axis. */
export const softmax = (x: Node): Node => plain("softmax", x);
/** x - log Σ e^x over the last axis. */
export const logSoftmax = (x: Node): Node => plain("logSoftmax", x);
/** Repeats x along a new axis of `shape`, or one number into all of it. */
export const broadcast = (x: Node, axis: number | "all", shape: Shape): Node =>
  apply("broadcast", [x], { axis, shape });
export const reshape = (x: Node, shape: Shape): Node => apply("reshape", [x], { shape });
export const transpose = (x: Node): Node => plain("transpose", x);
export const slice = (x: Node, axis: number, start: number, length: number): Node =>
  apply("slice", [x], { axis, start, length });
/** Adds zeros before and after along an axis. */
export const pad = (x: Node, axis: number, before: number, after: number): Node =>
  apply("pad", [x], { axis, before, after });
export const concat = (parts: readonly Node[], axis: number): Node =>
  apply("concat", parts, { axis });
