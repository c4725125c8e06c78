// Every elementwise op, in the words of src/kernels/js/elementwise.ts. One loop serves them all: it is
// inlined with the op as a constant, so that nothing is chosen within it.
import {
  expm1Of,
  expOf,
  log1pOf,
  logOf,
  sigmoidOf,
  softplusOf,
  tanhOf,
} from "./elementary";
import { all, choose, loadRest, storeRest, wholeEnd } from "./lanes";

const NEGATE: i32 = 0;
const ABS: i32 = 1;
const SIGN: i32 = 2;
const SQUARE: i32 = 3;
const SQRT: i32 = 4;
const RECIPROCAL: i32 = 5;
const EXP: i32 = 6;
const EXPM1: i32 = 7;
const LOG: i32 = 8;
const LOG1P: i32 = 9;
const SIGMOID: i32 = 10;
const TANH: i32 = 11;
const SOFTPLUS: i32 = 12;
const RELU: i32 = 13;
const SCALE: i32 = 14;
const SHIFT: i32 = 15;

// @ts-ignore: decorator
@inline
function one(op: i32, x: v128, by: f32): v128 {
  if (op == NEGATE) return f32x4.neg(x);
  if (op == ABS) return f32x4.abs(x);
  if (op == SIGN) return choose(f32x4.gt(x, all(0)), all(1), choose(f32x4.lt(x, all(0)), all(-1), x));
  if (op == SQUARE) return f32x4.mul(x, x);
  if (op == SQRT) return f32x4.sqrt(x);
  if (op == RECIPROCAL) return f32x4.div(all(1), x);
  if (op == EXP) return expOf(x);
  if (op == EXPM1) return expm1Of(x);
  if (op == LOG) return logOf(x);
  if (op == LOG1P) return log1pOf(x);
  if (op == SIGMOID) return sigmoidOf(x);
  if (op == TANH) return tanhOf(x);
  if (op == SOFTPLUS) return softplusOf(x);
  if (op == RELU) return v128.andnot(x, f32x4.lt(x, all(0)));
  if (op == SCALE) return f32x4.mul(x, all(by));
  if (op == SHIFT) return f32x4.add(x, all(by));
  return unreachable();
}

// @ts-ignore: decorator
@inline
function unary(op: i32, x: usize, y: usize, n: i32, by: f32): void {
  const end = wholeEnd(x, n);
  while (x < end) {
    v128.store(y, one(op, v128.load(x), by));
    x += 16;
    y += 16;
  }
  const rest = n & 3;
  if (rest) storeRest(y, one(op, loadRest(x, rest), by), rest);
}

export function negate(x: usize, y: usize, n: i32): void {
  unary(NEGATE, x, y, n, 0);
}

export function abs(x: usize, y: usize, n: i32): void {
  unary(ABS, x, y, n, 0);
}

export function sign(x: usize, y: usize, n: i32): void {
  unary(SIGN, x, y, n, 0);
}

export function square(x: usize, y: usize, n: i32): void {
  unary(SQUARE, x, y, n, 0);
}

export function sqrt(x: usize, y: usize, n: i32): void {
  unary(SQRT, x, y, n, 0);
}

export function reciprocal(x: usize, y: usize, n: i32): void {
  unary(RECIPROCAL, x, y, n, 0);
}

export function exp(x: usize, y: usize, n: i32): void {
  unary(EXP, x, y, n, 0);
}

export function expm1(x: usize, y: usize, n: i32): void {
  unary(EXPM1, x, y, n, 0);
}

export function log(x: usize, y: usize, n: i32): void {
  unary(LOG, x, y, n, 0);
}

export function log1p(x: usize, y: usize, n: i32): void {
  unary(LOG1P, x, y, n, 0);
}

export function sigmoid(x: usize, y: usize, n: i32): void {
  unary(SIGMOID, x, y, n, 0);
}

export function tanh(x: usize, y: usize, n: i32): void {
  unary(TANH, x, y, n, 0);
}

export function softplus(x: usize, y: usize, n: i32): void {
  unary(SOFTPLUS, x, y, n, 0);
}

export function relu(x: usize, y: usize, n: i32): void {
  unary(RELU, x, y, n, 0);
}

export function scale(x: usize, y: usize, n: i32, by: f32): void {
  unary(SCALE, x, y, n, by);
}

export function shift(x: usize, y: usize, n: i32, by: f32): void {
  unary(SHIFT, x, y, n, by);
}

const ADD: i32 = 0;
const SUBTRACT: i32 = 1;
const MULTIPLY: i32 = 2;
const DIVIDE: i32 = 3;
const MAXIMUM: i32 = 4;
const MINIMUM: i32 = 5;
const GREATER: i32 = 6;
const GATE: i32 = 7;

// @ts-ignore: decorator
@inline
function two(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b);
  if (op == SUBTRACT) return f32x4.sub(a, b);
  if (op == MULTIPLY) return f32x4.mul(a, b);
  if (op == DIVIDE) return f32x4.div(a, b);
  if (op == MAXIMUM) return choose(v128.or(f32x4.gt(a, b), f32x4.ne(a, a)), a, b);
  if (op == MINIMUM) return choose(v128.or(f32x4.lt(a, b), f32x4.ne(a, a)), a, b);
  if (op == GREATER) return v128.and(f32x4.gt(a, b), all(1));
  if (op == GATE) return v128.and(f32x4.gt(a, all(0)), b);
  return unreachable();
}

// @ts-ignore: decorator
@inline
function binary(op: i32, a: usize, b: usize, y: usize, n: i32): void {
  const end = wholeEnd(a, n);
  while (a < end) {
    v128.store(y, two(op, v128.load(a), v128.load(b)));
    a += 16;
    b += 16;
    y += 16;
  }
  const rest = n & 3;
  if (rest) storeRest(y, two(op, loadRest(a, rest), loadRest(b, rest)), rest);
}

export function add(a: usize, b: usize, y: usize, n: i32): void {
  binary(ADD, a, b, y, n);
}

export function subtract(a: usize, b: usize, y: usize, n: i32): void {
  binary(SUBTRACT, a, b, y, n);
}

export function multiply(a: usize, b: usize, y: usize, n: i32): void {
  binary(MULTIPLY, a, b, y, n);
}

export function divide(a: usize, b: usize, y: usize, n: i32): void {
  binary(DIVIDE, a, b, y, n);
}

export function maximum(a: usize, b: usize, y: usize, n: i32): void {
  binary(MAXIMUM, a, b, y, n);
}

export function minimum(a: usize, b: usize, y: usize, n: i32): void {
  binary(MINIMUM, a, b, y, n);
}

export function greater(a: usize, b: usize, y: usize, n: i32): void {
  binary(GREATER, a, b, y, n);
}

export function gate(a: usize, b: usize, y: usize, n: i32): void {
  binary(GATE, a, b, y, n);
}

/** a where the condition is above 0, else b. */
export function select(condition: usize, a: usize, b: usize, y: usize, n: i32): void {
  const end = wholeEnd(a, n);
  while (a < end) {
    v128.store(y, choose(f32x4.gt(v128.load(condition), all(0)), v128.load(a), v128.load(b)));
    condition += 16;
    a += 16;
    b += 16;
    y += 16;
  }
  const rest = n & 3;
  if (rest) {
    const mask = f32x4.gt(loadRest(condition, rest), all(0));
    storeRest(y, choose(mask, loadRest(a, rest), loadRest(b, rest)), rest);
  }
}

/** y = x + bias in each row; with `relu`, negative results become 0. */
export function addBias(
  x: usize,
  bias: usize,
  y: usize,
  rows: i32,
  units: i32,
  relu: i32,
): void {
  // All bits where negative numbers go.
  const cut = i32x4.splat(-relu);
  const end = wholeEnd(bias, units);
  const rest = units & 3;
  for (; rows > 0; rows--) {
    let at = bias;
    while (at < end) {
      const sum = f32x4.add(v128.load(x), v128.load(at));
      v128.store(y, v128.andnot(sum, v128.and(f32x4.lt(sum, all(0)), cut)));
      at += 16;
      x += 16;
      y += 16;
    }
    if (rest) {
      const sum = f32x4.add(loadRest(x, rest), loadRest(at, rest));
      storeRest(y, v128.andnot(sum, v128.and(f32x4.lt(sum, all(0)), cut)), rest);
      x += (<usize>rest) << 2;
      y += (<usize>rest) << 2;
    }
  }
}
