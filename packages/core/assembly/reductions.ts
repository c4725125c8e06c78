// Sums and what is built on them, in the order of src/kernels/js/reductions.ts: one accumulator a
// result, from 0, ascending.
import { expOf, logOf } from "./elementary";
import { all, loadRest, storeRest, wholeEnd } from "./lanes";

/** y = Σ over the middle axis of x `[outer, length, inner]`. */
export function sum(x: usize, y: usize, outer: i32, length: i32, inner: i32): void {
  const stride = (<usize>inner) << 2;
  for (; outer > 0; outer--) {
    if (inner == 1) {
      let total: f32 = 0;
      for (let l = 0; l < length; l++) {
        total += load<f32>(x);
        x += 4;
      }
      store<f32>(y, total);
      y += 4;
      continue;
    }
    let i = 0;
    // A cache line at a time.
    for (; i + 16 <= inner; i += 16) {
      let at = x + ((<usize>i) << 2);
      let s0 = all(0);
      let s1 = all(0);
      let s2 = all(0);
      let s3 = all(0);
      for (let l = 0; l < length; l++) {
        s0 = f32x4.add(s0, v128.load(at));
        s1 = f32x4.add(s1, v128.load(at, 16));
        s2 = f32x4.add(s2, v128.load(at, 32));
        s3 = f32x4.add(s3, v128.load(at, 48));
        at += stride;
      }
      v128.store(y, s0);
      v128.store(y, s1, 16);
      v128.store(y, s2, 32);
      v128.store(y, s3, 48);
      y += 64;
    }
    for (; i + 4 <= inner; i += 4) {
      let at = x + ((<usize>i) << 2);
      let s = all(0);
      for (let l = 0; l < length; l++) {
        s = f32x4.add(s, v128.load(at));
        at += stride;
      }
      v128.store(y, s);
      y += 16;
    }
    const rest = inner - i;
    if (rest) {
      let at = x + ((<usize>i) << 2);
      let s = all(0);
      for (let l = 0; l < length; l++) {
        s = f32x4.add(s, loadRest(at, rest));
        at += stride;
      }
      storeRest(y, s, rest);
      y += (<usize>rest) << 2;
    }
    x += stride * <usize>length;
  }
}

/**
 * The largest of a run, what exponents are shifted by; 0 where it is not finite. pmax(a, b) is
 * b where a < b and else a, so that the first number alone can bring in NaN, in all lanes at once.
 */
// @ts-ignore: decorator
@inline
function shiftOf(x: usize, length: i32): f32 {
  let lanes = v128.load_splat<f32>(x);
  const end = wholeEnd(x, length);
  while (x < end) {
    lanes = f32x4.pmax(lanes, v128.load(x));
    x += 16;
  }
  for (let rest = length & 3; rest > 0; rest--) {
    lanes = f32x4.pmax(lanes, v128.load_splat<f32>(x));
    x += 4;
  }
  lanes = f32x4.pmax(lanes, v128.shuffle<f32>(lanes, lanes, 2, 3, 0, 1));
  lanes = f32x4.pmax(lanes, v128.shuffle<f32>(lanes, lanes, 1, 0, 3, 2));
  const largest = f32x4.extract_lane(lanes, 0);
  return abs(largest) < Infinity ? largest : 0;
}

/** total + the first lanes, one after the other. */
// @ts-ignore: decorator
@inline
function addLanes(total: f32, lanes: v128, count: i32): f32 {
  total += f32x4.extract_lane(lanes, 0);
  if (count > 1) total += f32x4.extract_lane(lanes, 1);
  if (count > 2) total += f32x4.extract_lane(lanes, 2);
  if (count > 3) total += f32x4.extract_lane(lanes, 3);
  return total;
}

// @ts-ignore: decorator
@inline
function logOfOne(x: f32): f32 {
  return f32x4.extract_lane(logOf(all(x)), 0);
}

/** m + log Σ e^(x - m) of each row, m the largest. */
export function logSumExp(x: usize, y: usize, rows: i32, length: i32): void {
  for (; rows > 0; rows--) {
    const m = shiftOf(x, length);
    let total: f32 = 0;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      total = addLanes(total, expOf(f32x4.sub(v128.load(x), all(m))), 4);
      x += 16;
    }
    const rest = length - i;
    if (rest) {
      total = addLanes(total, expOf(f32x4.sub(loadRest(x, rest), all(m))), rest);
      x += (<usize>rest) << 2;
    }
    store<f32>(y, m + logOfOne(total));
    y += 4;
  }
}

/** e^(x - m) / Σ e^(x - m) of each row. */
export function softmax(x: usize, y: usize, rows: i32, length: i32): void {
  const whole = length & ~3;
  const rest = length & 3;
  for (; rows > 0; rows--) {
    const m = shiftOf(x, length);
    const start = y;
    let total: f32 = 0;
    for (let i = 0; i < whole; i += 4) {
      const e = expOf(f32x4.sub(v128.load(x), all(m)));
      v128.store(y, e);
      total = addLanes(total, e, 4);
      x += 16;
      y += 16;
    }
    if (rest) {
      const e = expOf(f32x4.sub(loadRest(x, rest), all(m)));
      storeRest(y, e, rest);
      total = addLanes(total, e, rest);
    }
    y = start;
    for (let i = 0; i < whole; i += 4) {
      v128.store(y, f32x4.div(v128.load(y), all(total)));
      y += 16;
    }
    if (rest) {
      storeRest(y, f32x4.div(loadRest(y, rest), all(total)), rest);
      x += (<usize>rest) << 2;
      y += (<usize>rest) << 2;
    }
  }
}

/** x - m - log Σ e^(x - m) of each row. */
export function logSoftmax(x: usize, y: usize, rows: i32, length: i32): void {
  const whole = length & ~3;
  const rest = length & 3;
  for (; rows > 0; rows--) {
    const m = shiftOf(x, length);
    const start = y;
    let total: f32 = 0;
    for (let i = 0; i < whole; i += 4) {
      const z = f32x4.sub(v128.load(x), all(m));
      v128.store(y, z);
      total = addLanes(total, expOf(z), 4);
      x += 16;
      y += 16;
    }
    if (rest) {
      const z = f32x4.sub(loadRest(x, rest), all(m));
      storeRest(y, z, rest);
      total = addLanes(total, expOf(z), rest);
    }
    const by = all(logOfOne(total));
    y = start;
    for (let i = 0; i < whole; i += 4) {
      v128.store(y, f32x4.sub(v128.load(y), by));
      y += 16;
    }
    if (rest) {
      storeRest(y, f32x4.sub(loadRest(y, rest), by), rest);
      x += (<usize>rest) << 2;
      y += (<usize>rest) << 2;
    }
  }
}

/** y `[outer, length, inner]` from x `[outer, inner]`. */
export function broadcast(x: usize, y: usize, outer: i32, length: i32, inner: i32): void {
  const bytes = (<usize>inner) << 2;
  for (; outer > 0; outer--) {
    if (inner == 1) {
      const value = all(load<f32>(x));
      let l = 0;
      for (; l + 4 <= length; l += 4) {
        v128.store(y, value);
        y += 16;
      }
      const rest = length - l;
      if (rest) storeRest(y, value, rest);
      y += (<usize>rest) << 2;
    } else {
      for (let l = 0; l < length; l++) {
        memory.copy(y, x, bytes);
        y += bytes;
      }
    }
    x += bytes;
  }
}
