// The functions of src/math/float32.ts, operation by operation in four lanes: equal bits.
import { all, choose } from "./lanes";

const LOG2_E: f32 = 1.4426950408889634;
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444005469057e-4;
const ROUNDER: f32 = 12582912;

const E2: f32 = 0.5;
const E3: f32 = <f32>(1.0 / 6.0);
const E4: f32 = <f32>(1.0 / 24.0);
const E5: f32 = <f32>(1.0 / 120.0);
const E6: f32 = <f32>(1.0 / 720.0);
const E7: f32 = <f32>(1.0 / 5040.0);

const L1: f32 = <f32>(2.0 / 3.0);
const L2: f32 = <f32>(2.0 / 5.0);
const L3: f32 = <f32>(2.0 / 7.0);
const L4: f32 = <f32>(2.0 / 9.0);

const SQRT_2: f32 = <f32>1.4142135623730951;
const SMALLEST_NORMAL: f32 = <f32>1.1754943508222875e-38;

// @ts-ignore: decorator
@inline
function expRest(r: v128): v128 {
  let p = f32x4.add(f32x4.mul(all(E7), r), all(E6));
  p = f32x4.add(f32x4.mul(p, r), all(E5));
  p = f32x4.add(f32x4.mul(p, r), all(E4));
  p = f32x4.add(f32x4.mul(p, r), all(E3));
  p = f32x4.add(f32x4.mul(p, r), all(E2));
  return f32x4.mul(f32x4.mul(r, r), p);
}

// @ts-ignore: decorator
@inline
function roundedPower(c: v128): v128 {
  return f32x4.sub(f32x4.add(f32x4.mul(c, all(LOG2_E)), all(ROUNDER)), all(ROUNDER));
}

// @ts-ignore: decorator
@inline
function reduced(c: v128, n: v128): v128 {
  return f32x4.sub(f32x4.sub(c, f32x4.mul(n, all(LN2_HIGH))), f32x4.mul(n, all(LN2_LOW)));
}

/** 2^(n - 127) for n from 1 to 254. */
// @ts-ignore: decorator
@inline
function powerOf(n: v128): v128 {
  return i32x4.shl(n, 23);
}

// @ts-ignore: decorator
@inline
export function expOf(x: v128): v128 {
  let c = choose(f32x4.gt(x, all(89)), all(89), x);
  c = choose(f32x4.lt(c, all(-104)), all(-104), c);
  const n = roundedPower(c);
  const r = reduced(c, n);
  const value = f32x4.add(all(1), f32x4.add(r, expRest(r)));
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  const scaled = f32x4.mul(value, powerOf(i32x4.add(half, i32x4.splat(127))));
  return f32x4.mul(scaled, powerOf(i32x4.add(i32x4.sub(whole, half), i32x4.splat(127))));
}

// @ts-ignore: decorator
@inline
export function expm1Of(x: v128): v128 {
  let c = choose(f32x4.gt(x, all(89)), all(89), x);
  c = choose(f32x4.lt(c, all(-40)), all(-40), c);
  const n = roundedPower(c);
  const r = reduced(c, n);
  const q = f32x4.add(r, expRest(r));
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = powerOf(i32x4.add(whole, i32x4.splat(126)));
  const scaled = f32x4.mul(
    all(2),
    f32x4.add(f32x4.mul(half, q), f32x4.sub(half, all(0.5))),
  );
  return choose(i32x4.eq(whole, i32x4.splat(0)), q, scaled);
}

// @ts-ignore: decorator
@inline
function logOfSplit(k: v128, g: v128, lost: v128): v128 {
  const s = f32x4.div(g, f32x4.add(all(2), g));
  const z = f32x4.mul(s, s);
  let p = f32x4.add(f32x4.mul(all(L4), z), all(L3));
  p = f32x4.add(f32x4.mul(p, z), all(L2));
  p = f32x4.add(f32x4.mul(p, z), all(L1));
  const rest = f32x4.mul(z, p);
  const half = f32x4.mul(f32x4.mul(all(0.5), g), g);
  const inner = f32x4.add(
    f32x4.mul(s, f32x4.add(half, rest)),
    f32x4.add(f32x4.mul(k, all(LN2_LOW)), lost),
  );
  return f32x4.sub(f32x4.mul(k, all(LN2_HIGH)), f32x4.sub(f32x4.sub(half, inner), g));
}

// The two results of a split x = mantissa 2^k are two functions of its bits: only one value can be
// returned, and what both compute is merged by the optimizer.

// @ts-ignore: decorator
@inline
function splitBits(x: v128): v128 {
  const tiny = f32x4.lt(x, all(SMALLEST_NORMAL));
  return choose(tiny, f32x4.mul(x, all(8388608)), x);
}

// @ts-ignore: decorator
@inline
function fraction(bits: v128): v128 {
  return v128.or(v128.and(bits, i32x4.splat(0x7fffff)), i32x4.splat(0x3f800000));
}

// @ts-ignore: decorator
@inline
function mantissaOf(x: v128): v128 {
  const m = fraction(splitBits(x));
  return choose(f32x4.gt(m, all(SQRT_2)), f32x4.mul(m, all(0.5)), m);
}

// @ts-ignore: decorator
@inline
function exponentOf(x: v128): v128 {
  const tiny = f32x4.lt(x, all(SMALLEST_NORMAL));
  const bits = splitBits(x);
  const bias = choose(tiny, i32x4.splat(150), i32x4.splat(127));
  const k = i32x4.sub(i32x4.shr_s(bits, 23), bias);
  // A mask is -1 where it holds.
  return i32x4.sub(k, f32x4.gt(fraction(bits), all(SQRT_2)));
}

// @ts-ignore: decorator
@inline
export function logOf(x: v128): v128 {
  const k = f32x4.convert_i32x4_s(exponentOf(x));
  const value = logOfSplit(k, f32x4.sub(mantissaOf(x), all(1)), all(0));
  let y = choose(f32x4.gt(x, all(0)), value, all(NaN));
  y = choose(f32x4.eq(x, all(Infinity)), all(Infinity), y);
  return choose(f32x4.eq(x, all(0)), all(-Infinity), y);
}

// @ts-ignore: decorator
@inline
export function log1pOf(x: v128): v128 {
  const u = f32x4.add(all(1), x);
  const error = choose(
    f32x4.gt(x, all(1)),
    f32x4.sub(all(1), f32x4.sub(u, x)),
    f32x4.sub(x, f32x4.sub(u, all(1))),
  );
  const lost = f32x4.div(error, u);
  const k = exponentOf(u);
  const near = i32x4.eq(k, i32x4.splat(0));
  const value = logOfSplit(
    f32x4.convert_i32x4_s(k),
    choose(near, x, f32x4.sub(mantissaOf(u), all(1))),
    choose(near, all(0), lost),
  );
  let y = choose(f32x4.gt(x, all(-1)), value, all(NaN));
  y = choose(f32x4.eq(x, all(Infinity)), all(Infinity), y);
  return choose(f32x4.eq(x, all(-1)), all(-Infinity), y);
}

// @ts-ignore: decorator
@inline
export function tanhOf(x: v128): v128 {
  const t = expm1Of(f32x4.mul(all(-2), f32x4.abs(x)));
  const value = f32x4.div(f32x4.sub(all(0), t), f32x4.add(t, all(2)));
  return choose(f32x4.lt(x, all(0)), f32x4.neg(value), value);
}

// @ts-ignore: decorator
@inline
export function sigmoidOf(x: v128): v128 {
  const e = expOf(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(choose(f32x4.lt(x, all(0)), e, all(1)), f32x4.add(all(1), e));
}

// @ts-ignore: decorator
@inline
export function softplusOf(x: v128): v128 {
  const positive = choose(f32x4.gt(x, all(0)), x, all(0));
  return f32x4.add(positive, log1pOf(expOf(f32x4.neg(f32x4.abs(x)))));
}
