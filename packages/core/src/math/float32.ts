/**
 * Elementary functions in single precision, each operation rounded (`f` is one float32 operation),
 * in one fixed order, without branches that a SIMD lane could not take: where this code chooses, a
 * lane compares and selects. `wasm-plain` repeats it operation by operation and gives the same
 * bits; this file is their definition. Within 3 units in the last place.
 */
const f = Math.fround;

const LOG2_E = f(1.4426950408889634);
/** ln 2 in two parts; the first has 9 bits, so that its product with n is exact. */
const LN2_HIGH = f(0.693359375);
const LN2_LOW = f(-2.1219444005469057e-4);
/** Adding and subtracting it rounds to the nearest whole number, ties to even, for |x| < 2^22. */
const ROUNDER = f(12582912);

const E2 = f(1 / 2);
const E3 = f(1 / 6);
const E4 = f(1 / 24);
const E5 = f(1 / 120);
const E6 = f(1 / 720);
const E7 = f(1 / 5040);

const L1 = f(2 / 3);
const L2 = f(2 / 5);
const L3 = f(2 / 7);
const L4 = f(2 / 9);

const SQRT_2 = f(Math.SQRT2);
const SMALLEST_NORMAL = f(1.1754943508222875e-38);

/** 2^(n - 127) at n = 1..254: in a lane `n << 23` as bits. */
const POWERS = new Float32Array(256);
for (let n = 1, power = 2 ** -126; n < 255; n++, power *= 2) POWERS[n] = power;

const cast = new Float32Array(1);
const castBits = new Int32Array(cast.buffer);

/** e^r - 1 - r for |r| <= ln 2 / 2, over 1: r² (1/2 + r/6 + ...). */
function expRest(r: number): number {
  let p = f(f(E7 * r) + E6);
  p = f(f(p * r) + E5);
  p = f(f(p * r) + E4);
  p = f(f(p * r) + E3);
  p = f(f(p * r) + E2);
  return f(f(r * r) * p);
}

/** e^x; 0 below -104, Infinity above 88.73. */
export function exp32(x: number): number {
  let c = x > 89 ? 89 : x;
  c = c < -104 ? -104 : c;
  const n = f(f(f(c * LOG2_E) + ROUNDER) - ROUNDER);
  const r = f(f(c - f(n * LN2_HIGH)) - f(n * LN2_LOW));
  const value = f(1 + f(r + expRest(r)));
  // In two steps, since 2^n may be too small or too large for a normal number. NaN becomes n = 0.
  const whole = n | 0;
  const half = whole >> 1;
  const scaled = f(value * (POWERS[half + 127] as number));
  return f(scaled * (POWERS[whole - half + 127] as number));
}

/** e^x - 1, exact near 0. */
export function expm132(x: number): number {
  let c = x > 89 ? 89 : x;
  c = c < -40 ? -40 : c;
  const n = f(f(f(c * LOG2_E) + ROUNDER) - ROUNDER);
  const r = f(f(c - f(n * LN2_HIGH)) - f(n * LN2_LOW));
  const q = f(r + expRest(r));
  const whole = n | 0;
  const half = POWERS[whole + 126] as number;
  const scaled = f(2 * f(f(half * q) + f(half - 0.5)));
  return whole === 0 ? q : scaled;
}

/** k ln 2 + log(1 + g + lost); see float64.ts. */
function logOfSplit(k: number, g: number, lost: number): number {
  const s = f(g / f(2 + g));
  const z = f(s * s);
  let p = f(f(L4 * z) + L3);
  p = f(f(p * z) + L2);
  p = f(f(p * z) + L1);
  const rest = f(z * p);
  const half = f(f(0.5 * g) * g);
  const inner = f(f(s * f(half + rest)) + f(f(k * LN2_LOW) + lost));
  return f(f(k * LN2_HIGH) - f(f(half - inner) - g));
}

let mantissa = 1;
/** x = mantissa 2^k with mantissa between √½ and √2, for finite x > 0. */
function splitPower(x: number): number {
  const tiny = x < SMALLEST_NORMAL;
  cast[0] = tiny ? f(x * 8388608) : x;
  const bits = castBits[0] as number;
  let k = (bits >> 23) - (tiny ? 150 : 127);
  castBits[0] = (bits & 0x7fffff) | 0x3f800000;
  const m = cast[0];
  const large = m > SQRT_2;
  mantissa = large ? f(m * 0.5) : m;
  k = large ? k + 1 : k;
  return k;
}

/** Natural logarithm; -Infinity at 0, NaN below. */
export function log32(x: number): number {
  const k = splitPower(x);
  const value = logOfSplit(k, f(mantissa - 1), 0);
  if (x === 0) return -Infinity;
  if (x === Infinity) return Infinity;
  return x > 0 ? value : NaN;
}

/** log(1 + x), exact near 0. */
export function log1p32(x: number): number {
  const u = f(1 + x);
  const lost = f((x > 1 ? f(1 - f(u - x)) : f(x - f(u - 1))) / u);
  const k = splitPower(u);
  // Where 1 + x needs no power of two, x itself is the exact rest.
  const near = k === 0;
  const value = logOfSplit(k, near ? x : f(mantissa - 1), near ? 0 : lost);
  if (x === -1) return -Infinity;
  if (x === Infinity) return Infinity;
  return x > -1 ? value : NaN;
}

/** Hyperbolic tangent. */
export function tanh32(x: number): number {
  const t = expm132(f(-2 * Math.abs(x)));
  const value = f(f(0 - t) / f(t + 2));
  return x < 0 ? -value : value;
}

/** 1 / (1 + e^-x). */
export function sigmoid32(x: number): number {
  const e = exp32(-Math.abs(x));
  return f((x < 0 ? e : 1) / f(1 + e));
}

/** log(1 + e^x), finite for finite x. */
export function softplus32(x: number): number {
  return f((x > 0 ? x : 0) + log1p32(exp32(-Math.abs(x))));
}
