import { describe, expect, test } from "vitest";
import * as single from "./float32.ts";
import * as double from "./float64.ts";
import { normalQuantile } from "./normal.ts";

const cast = new DataView(new ArrayBuffer(8));

/** Distance between two doubles in units of the last place. */
function ulps64(a: number, b: number): number {
  if (Object.is(a, b) || (a === 0 && b === 0)) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
  return Number(abs(order64(a) - order64(b)));
}
function order64(x: number): bigint {
  cast.setFloat64(0, x);
  const bits = cast.getBigInt64(0);
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits;
}
function abs(x: bigint): bigint {
  return x < 0n ? -x : x;
}
function ulps32(a: number, b: number): number {
  if (Object.is(a, b) || (a === 0 && b === 0)) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
  return Math.abs(order32(a) - order32(b));
}
function order32(x: number): number {
  cast.setFloat32(0, x);
  const bits = cast.getInt32(0);
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

/** Points on all scales, both signs, by a fixed recurrence. */
function points(from: number, to: number, count: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    const u = ((i * 0.6180339887498949) % 1) + 0;
    out.push(from + (to - from) * u);
    const size = 2 ** (-60 + 60 * u) * Math.max(Math.abs(from), Math.abs(to));
    if (to > 0) out.push(Math.min(size, to));
    if (from < 0) out.push(Math.max(-size, from));
  }
  return out;
}

// The engine's own functions are no truth, but an independent implementation.
const cases = [
  { name: "exp", ours: double.exp, theirs: Math.exp, from: -745, to: 709.7 },
  { name: "expm1", ours: double.expm1, theirs: Math.expm1, from: -50, to: 709.7 },
  { name: "log", ours: double.log, theirs: Math.log, from: 0, to: 1e300 },
  { name: "log1p", ours: double.log1p, theirs: Math.log1p, from: -0.999999, to: 1e6 },
  { name: "tanh", ours: double.tanh, theirs: Math.tanh, from: -25, to: 25 },
];

describe("double precision", () => {
  test.each(cases)("$name is within 3 ulp of the engine's", ({ ours, theirs, from, to }) => {
    let worst = 0;
    for (const x of points(from, to, 20_000)) worst = Math.max(worst, ulps64(ours(x), theirs(x)));
    // Two for ours, one for theirs.
    expect(worst).toBeLessThanOrEqual(3);
  });

  test("exp and log agree with exact rational series to 1 ulp", () => {
    for (const [top, bottom] of [
      [1n, 3n],
      [-7n, 2n],
      [41n, 4n],
      [-1n, 1024n],
      [300n, 1n],
      [-650n, 1n],
    ] as const) {
      const x = Number(top) / Number(bottom);
      // The rational must be the double itself, or the argument's rounding would count.
      const exact = rationalExp(...exactRatio(x));
      expect(ulps64(double.exp(x), exact)).toBeLessThanOrEqual(1);
    }
    // log is checked through exp: e^log(x) = x with the derivative's factor.
    for (const x of [0.1, 0.7, 1.3, 2, 10, 12345.678, 1e-300, 5e-324]) {
      const y = double.log(x);
      const [top, bottom] = exactRatio(y);
      const back = rationalExp(top, bottom);
      expect(Math.abs(back - x) / x).toBeLessThanOrEqual(
        Math.abs(y) * 2.3e-16 + 2.3e-16 + (x < 1e-307 ? 1 : 0),
      );
    }
  });

  test("ends, signed zeros and NaN", () => {
    expect(double.exp(-Infinity)).toBe(0);
    expect(double.exp(Infinity)).toBe(Infinity);
    expect(double.exp(0)).toBe(1);
    expect(double.log(0)).toBe(-Infinity);
    expect(double.log(-1)).toBeNaN();
    expect(double.log(1)).toBe(0);
    expect(double.log(Infinity)).toBe(Infinity);
    expect(double.log1p(-1)).toBe(-Infinity);
    expect(double.expm1(-Infinity)).toBe(-1);
    expect(Object.is(double.expm1(-0), -0)).toBe(true);
    expect(double.tanh(Infinity)).toBe(1);
    expect(double.softplus(800)).toBe(800);
    expect(double.softplus(-800)).toBe(0);
    expect(double.sigmoid(-800)).toBe(0);
    for (const f of [
      double.exp,
      double.expm1,
      double.log,
      double.log1p,
      double.tanh,
      double.sigmoid,
      double.softplus,
    ]) {
      expect(f(NaN)).toBeNaN();
    }
  });

  test("sigmoid and tanh obey tanh(z) = 2 sigmoid(2z) - 1", () => {
    for (const z of points(-20, 20, 2_000)) {
      expect(Math.abs(double.tanh(z) - (2 * double.sigmoid(2 * z) - 1))).toBeLessThanOrEqual(1e-15);
    }
  });

  test("cosPi is exact where schedules look", () => {
    expect(double.cosPi(0)).toBe(1);
    expect(double.cosPi(0.5)).toBe(0);
    expect(double.cosPi(1)).toBe(-1);
    for (let i = 0; i <= 1000; i++) {
      expect(Math.abs(double.cosPi(i / 1000) - Math.cos((Math.PI * i) / 1000))).toBeLessThan(6e-16);
    }
  });

  test("the normal quantile at published points", () => {
    // Abramowitz and Stegun, table 26.1 and Wichura 1988.
    expect(normalQuantile(0.5)).toBe(0);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect(normalQuantile(0.25)).toBeCloseTo(-0.6744897501960817, 15);
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306167813, 14);
    expect(normalQuantile(1e-20)).toBeCloseTo(-9.26234008979841, 12);
  });
});

const singles: {
  name: string;
  ours: (x: number) => number;
  truth: (x: number) => number;
  from: number;
  to: number;
}[] = [
  { name: "exp32", ours: single.exp32, truth: double.exp, from: -104, to: 88.7 },
  { name: "expm132", ours: single.expm132, truth: double.expm1, from: -45, to: 88.7 },
  { name: "log32", ours: single.log32, truth: double.log, from: 0, to: 3e38 },
  { name: "log1p32", ours: single.log1p32, truth: double.log1p, from: -0.9999, to: 1e9 },
  { name: "tanh32", ours: single.tanh32, truth: double.tanh, from: -12, to: 12 },
  { name: "sigmoid32", ours: single.sigmoid32, truth: double.sigmoid, from: -100, to: 100 },
  { name: "softplus32", ours: single.softplus32, truth: double.softplus, from: -100, to: 100 },
];

describe("single precision", () => {
  test.each(singles)(
    "$name is within 3 ulp and rounds every result",
    ({ ours, truth, from, to }) => {
      let worst = 0;
      const unrounded: number[] = [];
      for (const point of points(from, to, 30_000)) {
        const x = Math.fround(point);
        const y = ours(x);
        if (!Object.is(Math.fround(y), y)) unrounded.push(x);
        worst = Math.max(worst, ulps32(y, Math.fround(truth(x))));
      }
      expect(unrounded).toEqual([]);
      expect(worst).toBeLessThanOrEqual(3);
    },
  );

  test("ends, NaN and denormals", () => {
    expect(single.exp32(Infinity)).toBe(Infinity);
    expect(single.exp32(89)).toBe(Infinity);
    expect(single.exp32(-Infinity)).toBe(0);
    expect(single.exp32(-103)).toBe(Math.fround(Math.exp(-103)));
    expect(single.log32(0)).toBe(-Infinity);
    expect(single.log32(-0)).toBe(-Infinity);
    expect(single.log32(-1)).toBeNaN();
    expect(single.log32(Infinity)).toBe(Infinity);
    expect(single.log32(2 ** -149)).toBe(Math.fround(Math.log(2 ** -149)));
    expect(single.log1p32(-1)).toBe(-Infinity);
    expect(single.log1p32(Infinity)).toBe(Infinity);
    expect(single.tanh32(Infinity)).toBe(1);
    expect(single.tanh32(-Infinity)).toBe(-1);
    expect(single.tanh32(2 ** -140)).toBe(2 ** -140);
    expect(single.softplus32(800)).toBe(800);
    expect(single.softplus32(-800)).toBe(0);
    for (const { ours } of singles) expect(ours(NaN)).toBeNaN();
  });
});

/** A double as the ratio of two whole numbers. */
function exactRatio(x: number): [bigint, bigint] {
  let bottom = 1n;
  while (!Number.isInteger(x)) {
    x *= 2;
    bottom *= 2n;
  }
  return [BigInt(x), bottom];
}

/** e^(top / bottom) from its power series in 1400-bit fixed point, rounded to a double. */
function rationalExp(top: bigint, bottom: bigint): number {
  const bits = 1400n;
  const one = 1n << bits;
  const negative = top < 0n;
  const size = negative ? -top : top;
  let term = one;
  let total = one;
  for (let k = 1n; term > 0n; k++) {
    term = (term * size) / (bottom * k);
    total += term;
  }
  const value = negative ? (one * one) / total : total;
  return fixedToDouble(value, bits);
}

function fixedToDouble(value: bigint, bits: bigint): number {
  const length = BigInt(value.toString(2).length);
  const drop = length - 64n;
  const head = drop > 0n ? value >> drop : value;
  return Number(head) * 2 ** Number((drop > 0n ? drop : 0n) - bits);
}
