/**
 * Elementary functions in double precision from + - * /, square root and bit casts alone, so that
 * every engine gives the same bits (ECMAScript leaves Math.exp and its like to the engine). Each
 * is within 2 units in the last place. Method: reduce the argument, then a power series that is cut
 * where its rest is far below half a unit.
 */

/** ln 2 in two parts; the first ends in 21 zero bits, so that its product with n is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const LOG2_E = 1.4426950408889634;

/** Σ r^k / (k + 2)!: what e^r has beyond 1 + r, over r². For |r| <= ln 2 / 2. */
const EXP_SERIES = factorials(2, 14);
/** Σ 2 z^k / (2k + 3): what log((1 + s) / (1 - s)) = 2s + s z (...) has, z = s². */
const LOG_SERIES = Array.from({ length: 11 }, (_, k) => 2 / (2 * k + 3));

function factorials(from: number, to: number): number[] {
  const terms: number[] = [];
  let factorial = 1;
  for (let k = 2; k <= to; k++) {
    factorial *= k;
    if (k >= from) terms.push(1 / factorial);
  }
  return terms;
}

function series(terms: readonly number[], x: number): number {
  let value = 0;
  for (let k = terms.length - 1; k >= 0; k--) value = value * x + (terms[k] as number);
  return value;
}

const cast = new Float64Array(1);
const castWords = new Uint32Array(cast.buffer);
/** Which of the two words holds sign and exponent: 1 on little-endian machines. */
const HIGH = new Uint32Array(new Float64Array([1]).buffer)[1] === 0 ? 0 : 1;

/** 2^n for -1022 <= n <= 1023. */
function powerOfTwo(n: number): number {
  castWords[1 - HIGH] = 0;
  castWords[HIGH] = (n + 1023) << 20;
  return cast[0] as number;
}

/** x 2^n, rounded once. */
function scaleByPower(x: number, n: number): number {
  const half = n >> 1;
  return x * powerOfTwo(half) * powerOfTwo(n - half);
}

/** e^x. */
export function exp(x: number): number {
  if (x !== x) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019412) return 0;
  const n = Math.floor(x * LOG2_E + 0.5);
  const high = x - n * LN2_HIGH;
  const low = n * LN2_LOW;
  const r = high - low;
  const lost = high - r - low;
  return scaleByPower(1 + (r + (r * r * series(EXP_SERIES, r) + lost)), n);
}

/** e^x - 1, exact near 0. */
export function expm1(x: number): number {
  if (x !== x || x === 0) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -40) return -1;
  const n = Math.floor(x * LOG2_E + 0.5);
  const high = x - n * LN2_HIGH;
  const low = n * LN2_LOW;
  const r = high - low;
  const lost = high - r - low;
  const rest = r * r * series(EXP_SERIES, r) + lost;
  if (n === 0) return r + rest;
  // 2^n (e^r - 1 + (1 - 2^-n)), the larger terms first; 2^n alone may be too large.
  const scaled = n > 60 ? 1 + (r + rest) : 1 - powerOfTwo(-n) + r + rest;
  return scaleByPower(scaled, n);
}

/** x = m 2^k with m between √½ and √2, for finite x > 0; the result is in `mantissa`. */
let mantissa = 1;
function splitPower(x: number): number {
  let k = -1023;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984;
    k -= 54;
  }
  cast[0] = x;
  const word = castWords[HIGH] as number;
  k += word >>> 20;
  castWords[HIGH] = (word & 0xfffff) | 0x3ff00000;
  mantissa = cast[0] as number;
  if (mantissa > Math.SQRT2) {
    mantissa *= 0.5;
    k += 1;
  }
  return k;
}

/** k ln 2 + log(1 + f + lost), with log(1 + f) = f - (f²/2 - s (f²/2 + R)), s = f / (2 + f). */
function logOfSplit(k: number, f: number, lost: number): number {
  const s = f / (2 + f);
  const z = s * s;
  const rest = z * series(LOG_SERIES, z);
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + rest) + (k * LN2_LOW + lost)) - f);
}

/** Natural logarithm; -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  const k = splitPower(x);
  return logOfSplit(k, mantissa - 1, 0);
}

/** log(1 + x), exact near 0. */
export function log1p(x: number): number {
  if (!(x > -1)) return x === -1 ? -Infinity : NaN;
  if (x === Infinity || x === 0) return x;
  if (x > -0.2928 && x < 0.4142) return logOfSplit(0, x, 0);
  const u = 1 + x;
  // What the sum lost, relative to it.
  const lost = (x > 1 ? 1 - (u - x) : x - (u - 1)) / u;
  const k = splitPower(u);
  return logOfSplit(k, mantissa - 1, lost);
}

/** Hyperbolic tangent. */
export function tanh(x: number): number {
  if (x !== x || x === 0) return x;
  const size = Math.abs(x);
  let value: number;
  if (size >= 22) value = 1;
  else if (size >= 1) value = 1 - 2 / (expm1(2 * size) + 2);
  else {
    const t = expm1(-2 * size);
    value = -t / (t + 2);
  }
  return x < 0 ? -value : value;
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/** log(1 + e^x), finite for finite x. */
export function softplus(x: number): number {
  return (x > 0 ? x : 0) + log1p(exp(-Math.abs(x)));
}

/** 2/√π. */
const TWO_OVER_ROOT_PI = 1.1283791670955126;

/**
 * The error function 2/√π ∫ e^(-t²) from 0 to x: below 2.5 its series 2/√π e^(-x²) (x + 2x³/3 +
 * 4x⁵/15 + ...), of which no term is negative; beyond, 1 less the tail's continued fraction.
 */
export function erf(x: number): number {
  if (x !== x || x === 0) return x;
  const size = Math.abs(x);
  let value: number;
  if (size >= 6) value = 1;
  else if (size > 2.5) {
    let fraction = size;
    for (let i = 60; i >= 1; i--) fraction = size + (0.5 * i) / fraction;
    value = 1 - (0.5 * TWO_OVER_ROOT_PI * exp(-size * size)) / fraction;
  } else {
    let term = size;
    let sum = size;
    for (let odd = 3; term > 1e-17 * sum; odd += 2) {
      term *= (2 * size * size) / odd;
      sum += term;
    }
    value = TWO_OVER_ROOT_PI * exp(-size * size) * sum;
  }
  return x < 0 ? -value : value;
}

/** cos(π t) for 0 <= t <= 1: exact at 0, ½ and 1, as schedules need it. */
export function cosPi(t: number): number {
  if (t > 0.5) return -cosPi(1 - t);
  // Near ½ the sine of the rest is the accurate form.
  const [angle, odd] = t > 0.25 ? [Math.PI * (0.5 - t), 1] : [Math.PI * t, 0];
  let term = odd === 1 ? angle : 1;
  let value = term;
  for (let k = 1; k <= 10; k++) {
    term *= (-angle * angle) / ((2 * k - 1 + odd) * (2 * k + odd));
    value += term;
  }
  return value;
}
