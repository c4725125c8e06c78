import type { OpName } from "../../ops.ts";
import { sizeOf } from "../../shape.ts";
import type { Arena, Bind, ComputedOp, KernelTable, Step, Values } from "../kernels.ts";
import { ELEMENTARY, type Elementary } from "./elementary.ts";

// One arithmetic operation in double precision, stored as float32, is that operation rounded to
// float32 (53 >= 2 * 24 + 2 bits), so one source serves both number formats.

/** The values of a step's operand. */
export function operand(step: Step, index: number, arena: Arena): Values {
  const offset = step.inputs[index]!;
  return arena.values.subarray(offset, offset + sizeOf(step.inputShapes[index]!));
}

/** The values of a step's result. */
export function result(step: Step, arena: Arena): Values {
  return arena.values.subarray(step.output, step.output + sizeOf(step.shape));
}

type Unary = "negate" | "abs" | "sign" | "square" | "sqrt" | "reciprocal" | "detach";
type UnaryElementary = Exclude<keyof Elementary, "round">;
type Binary = "subtract" | "divide" | "maximum" | "minimum" | "greater";

function unary<K extends ComputedOp>(compute: (x: number) => number): Bind<K> {
  return (step, arena) => {
    const x = operand(step, 0, arena);
    const y = result(step, arena);
    return () => {
      for (let i = 0; i < y.length; i++) y[i] = compute(x[i]!);
    };
  };
}

function elementary(name: UnaryElementary): Bind<UnaryElementary> {
  return (step, arena) => unary<UnaryElementary>(ELEMENTARY[arena.dtype][name])(step, arena);
}

function binary<K extends ComputedOp>(compute: (a: number, b: number) => number): Bind<K> {
  return (step, arena) => {
    const a = operand(step, 0, arena);
    const b = operand(step, 1, arena);
    const y = result(step, arena);
    return () => {
      for (let i = 0; i < y.length; i++) y[i] = compute(a[i]!, b[i]!);
    };
  };
}

// The hot ones have loops of their own, which the engine compiles without a call an element.

/** x where it is not below 0 (so NaN stays), else 0. */
const relu: Bind<"relu"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  if (x instanceof Float32Array) {
    const from = bits(x);
    const to = bits(y);
    return () => {
      for (let i = 0; i < to.length; i++) to[i] = from[i]! & (Number(x[i]! < 0) - 1);
    };
  }
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! < 0 ? 0 : x[i]!;
  };
};

/** x where the condition is above 0, else 0. */
const gate: Bind<"gate"> = (step, arena) => {
  const condition = operand(step, 0, arena);
  const x = operand(step, 1, arena);
  const y = result(step, arena);
  if (condition instanceof Float32Array) {
    const from = bits(x);
    const to = bits(y);
    return () => {
      for (let i = 0; i < to.length; i++) to[i] = from[i]! & -Number(condition[i]! > 0);
    };
  }
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = condition[i]! > 0 ? x[i]! : 0;
  };
};

/**
 * The same memory as whole numbers: signs of activations are as good as random, so a mask is
 * several times faster than a branch that the processor mispredicts.
 */
function bits(values: Values): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

const select: Bind<"select"> = (step, arena) => {
  const condition = operand(step, 0, arena);
  const a = operand(step, 1, arena);
  const b = operand(step, 2, arena);
  const y = result(step, arena);
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = condition[i]! > 0 ? a[i]! : b[i]!;
  };
};

const add: Bind<"add"> = (step, arena) => {
  const a = operand(step, 0, arena);
  const b = operand(step, 1, arena);
  const y = result(step, arena);
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = a[i]! + b[i]!;
  };
};

const multiply: Bind<"multiply"> = (step, arena) => {
  const a = operand(step, 0, arena);
  const b = operand(step, 1, arena);
  const y = result(step, arena);
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = a[i]! * b[i]!;
  };
};

const scale: Bind<"scale"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const by = ELEMENTARY[arena.dtype].round(step.attributes.by);
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! * by;
  };
};

const shift: Bind<"shift"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const by = ELEMENTARY[arena.dtype].round(step.attributes.by);
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! + by;
  };
};

const addBias: Bind<"addBias"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const bias = operand(step, 1, arena);
  const y = result(step, arena);
  return () => {
    const units = bias.length;
    for (let row = 0; row < y.length; row += units) {
      for (let j = 0; j < units; j++) y[row + j] = x[row + j]! + bias[j]!;
    }
  };
};

type Elementwise =
  | Unary
  | UnaryElementary
  | Binary
  | Extract<
      OpName,
      "relu" | "gate" | "select" | "add" | "multiply" | "scale" | "shift" | "addBias"
    >;

export const ELEMENTWISE: Pick<KernelTable, Elementwise> = {
  negate: unary((x) => -x),
  abs: unary(Math.abs),
  sign: unary((x) => (x > 0 ? 1 : x < 0 ? -1 : x)),
  square: unary((x) => x * x),
  sqrt: unary(Math.sqrt),
  reciprocal: unary((x) => 1 / x),
  exp: elementary("exp"),
  expm1: elementary("expm1"),
  log: elementary("log"),
  log1p: elementary("log1p"),
  sigmoid: elementary("sigmoid"),
  tanh: elementary("tanh"),
  softplus: elementary("softplus"),
  erf: elementary("erf"),
  detach: unary((x) => x),
  relu,
  scale,
  shift,
  add,
  subtract: binary((a, b) => a - b),
  multiply,
  divide: binary((a, b) => a / b),
  // A NaN on either side stays visible.
  maximum: binary((a, b) => (a > b || a !== a ? a : b)),
  minimum: binary((a, b) => (a < b || a !== a ? a : b)),
  greater: binary((a, b) => (a > b ? 1 : 0)),
  gate,
  select,
  addBias,
};
