import { hashName, foldInto } from "../../rng.ts";
import { axisLayout, sizeOf } from "../../shape.ts";
import { JS_KERNELS } from "../js/set.ts";
import type { Bind, BindPair, ComputedOp, KernelTable } from "../kernels.ts";
import { addressesOf, type ExportsOf } from "./addresses.ts";
import { bindMatmul, type Block } from "./matmul.ts";

type Unary =
  | "negate"
  | "abs"
  | "sign"
  | "square"
  | "sqrt"
  | "reciprocal"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sigmoid"
  | "tanh"
  | "softplus"
  | "relu";
type WithNumber = "scale" | "shift";
type Binary =
  "add" | "subtract" | "multiply" | "divide" | "maximum" | "minimum" | "greater" | "gate";
type Rowwise = "logSumExp" | "softmax" | "logSoftmax";

function unary<K extends ComputedOp>(name: Unary, exportsOf: ExportsOf): Bind<K> {
  return (step, arena) => {
    const kernel = exportsOf(arena.values)[name];
    const { inputs, output } = addressesOf(step, arena);
    const [x] = inputs as [number];
    const size = sizeOf(step.shape);
    return () => kernel(x, output, size);
  };
}

function withNumber(name: WithNumber, exportsOf: ExportsOf): Bind<WithNumber> {
  return (step, arena) => {
    const kernel = exportsOf(arena.values)[name];
    const { inputs, output } = addressesOf(step, arena);
    const [x] = inputs as [number];
    const size = sizeOf(step.shape);
    const { by } = step.attributes;
    return () => kernel(x, output, size, by);
  };
}

function binary<K extends ComputedOp>(name: Binary, exportsOf: ExportsOf): Bind<K> {
  return (step, arena) => {
    const kernel = exportsOf(arena.values)[name];
    const { inputs, output } = addressesOf(step, arena);
    const [a, b] = inputs as [number, number];
    const size = sizeOf(step.shape);
    return () => kernel(a, b, output, size);
  };
}

function rowwise<K extends ComputedOp>(name: Rowwise, exportsOf: ExportsOf): Bind<K> {
  return (step, arena) => {
    const kernel = exportsOf(arena.values)[name];
    const { inputs, output } = addressesOf(step, arena);
    const [x] = inputs as [number];
    const shape = step.inputShapes[0]!;
    const length = shape.at(-1)!;
    const rows = sizeOf(shape) / length;
    return () => kernel(x, output, rows, length);
  };
}

/** Bias and activation in one pass. */
export function wasmPair(exportsOf: ExportsOf): BindPair {
  return (first, second, arena) => {
    if (first.op !== "addBias" || second.op !== "relu") return null;
    const { addBias } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(first, arena);
    const [x, bias] = inputs as [number, number];
    const [rows, units] = first.shape as readonly [number, number];
    return () => addBias(x, bias, output, rows, units, 1);
  };
}

/**
 * Kernels that work on the memory in which their arena lies.
 *
 * @param block the register block of products, asked for at every binding
 */
export function wasmTable(exportsOf: ExportsOf, block: () => Block): KernelTable {
  const select: Bind<"select"> = (step, arena) => {
    const { select: kernel } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(step, arena);
    const [condition, a, b] = inputs as [number, number, number];
    const size = sizeOf(step.shape);
    return () => kernel(condition, a, b, output, size);
  };

  const addBias: Bind<"addBias"> = (step, arena) => {
    const { addBias: kernel } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(step, arena);
    const [x, bias] = inputs as [number, number];
    const [rows, units] = step.shape as readonly [number, number];
    return () => kernel(x, bias, output, rows, units, 0);
  };

  const sum: Bind<"sum"> = (step, arena) => {
    const { sum: kernel } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(step, arena);
    const [x] = inputs as [number];
    const { axis } = step.attributes;
    const shape = step.inputShapes[0]!;
    const { outer, length, inner } =
      axis === "all" ? { outer: 1, length: sizeOf(shape), inner: 1 } : axisLayout(shape, axis);
    return () => kernel(x, output, outer, length, inner);
  };

  const broadcast: Bind<"broadcast"> = (step, arena) => {
    const { broadcast: kernel } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(step, arena);
    const [x] = inputs as [number];
    const { axis } = step.attributes;
    const { outer, length, inner } =
      axis === "all"
        ? { outer: 1, length: sizeOf(step.shape), inner: 1 }
        : axisLayout(step.shape, axis);
    return () => kernel(x, output, outer, length, inner);
  };

  const dropout: Bind<"dropout"> = (step, arena) => {
    const { dropout: kernel } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(step, arena);
    const [x] = inputs as [number];
    const { rate, stream, shared, gaussian } = step.attributes;
    const size = sizeOf(step.shape);
    const row = shared ? step.shape.at(-1)! : size;
    const keep = 1 - rate;
    // Words are whole numbers: below a threshold is at most the last one below it.
    const last = Math.ceil(keep * 2 ** 32) - 1;
    if (last < 0 || gaussian) return JS_KERNELS.float32.table.dropout(step, arena);
    const [low, high] = hashName("dropout");
    const mask = new Uint32Array(4);
    const by = 1 / keep;
    return () => {
      // As signed numbers, which engines pass without making an object of them.
      foldInto(mask, arena.key[0]! | 0, arena.key[1]! | 0, low, high, stream);
      kernel(x, output, size, row, last | 0, by, mask[0]! | 0, mask[1]! | 0);
    };
  };

  return {
    // What only moves numbers about and is rare stays in JavaScript, on the same memory.
    ...JS_KERNELS.float32.table,
    negate: unary("negate", exportsOf),
    abs: unary("abs", exportsOf),
    sign: unary("sign", exportsOf),
    square: unary("square", exportsOf),
    sqrt: unary("sqrt", exportsOf),
    reciprocal: unary("reciprocal", exportsOf),
    exp: unary("exp", exportsOf),
    expm1: unary("expm1", exportsOf),
    log: unary("log", exportsOf),
    log1p: unary("log1p", exportsOf),
    sigmoid: unary("sigmoid", exportsOf),
    tanh: unary("tanh", exportsOf),
    softplus: unary("softplus", exportsOf),
    relu: unary("relu", exportsOf),
    scale: withNumber("scale", exportsOf),
    shift: withNumber("shift", exportsOf),
    add: binary("add", exportsOf),
    subtract: binary("subtract", exportsOf),
    multiply: binary("multiply", exportsOf),
    divide: binary("divide", exportsOf),
    maximum: binary("maximum", exportsOf),
    minimum: binary("minimum", exportsOf),
    greater: binary("greater", exportsOf),
    gate: binary("gate", exportsOf),
    logSumExp: rowwise("logSumExp", exportsOf),
    softmax: rowwise("softmax", exportsOf),
    logSoftmax: rowwise("logSoftmax", exportsOf),
    select,
    addBias,
    sum,
    broadcast,
    dropout,
    matmul: bindMatmul(exportsOf, block),
  };
}
