import { say, type Text } from "./text.ts";

/** One row of the lecture's table: a claim, and the program that puts it to the test. */
export interface Row {
  /** As in the table: A1 to F18. */
  readonly id: string;
  readonly title: Text;
  readonly formula: string;
  /** What has to be seen, said before anything is measured. */
  readonly expected: Text;
  /** Where the claim stands: equations and sections of Goodfellow, Bengio, Courville (2016). */
  readonly source: string;
  /** Measures; equal materials give equal findings, to the bit. */
  readonly run: (materials: Materials) => Finding;
}

/** Real data that some rows measure on, read by whoever asks. */
export interface Materials {
  /** Handwritten digits: `x` `[rows, 64]` from 0 to 16, `y` `[rows]` the digit. */
  readonly digits: { readonly x: Float32Array; readonly y: Float32Array };
}

/** What a row measured. */
export interface Finding {
  readonly checks: readonly Check[];
  readonly plots?: readonly Plot[];
}

/** One measurement against what it must be. */
export interface Check {
  readonly what: Text;
  readonly measured: string;
  readonly wanted: string;
  readonly holds: boolean;
}

/** A picture of a finding. */
export interface Plot {
  readonly title: Text;
  readonly x: Text;
  readonly y: Text;
  readonly log?: "x" | "y" | "both";
  readonly series: readonly Series[];
}

export interface Series {
  readonly name: Text;
  readonly mark: "line" | "dots";
  readonly points: readonly (readonly [number, number])[];
}

/** `within tolerance of wanted`. */
export function near(what: Text, measured: number, wanted: number, tolerance: number): Check {
  const condition = tolerance === 0 ? `= ${short(wanted)}` : `${short(wanted)} ± ${tolerance}`;
  return check(what, measured, condition, Math.abs(measured - wanted) <= tolerance);
}

export function atMost(what: Text, measured: number, bound: number): Check {
  return check(what, measured, `≤ ${short(bound)}`, measured <= bound);
}

export function atLeast(what: Text, measured: number, bound: number): Check {
  return check(what, measured, `≥ ${short(bound)}`, measured >= bound);
}

export function below(what: Text, measured: number, bound: number): Check {
  return check(what, measured, `< ${short(bound)}`, measured < bound);
}

export function above(what: Text, measured: number, bound: number): Check {
  return check(what, measured, `> ${short(bound)}`, measured > bound);
}

/** Several numbers against as many, by the largest difference. */
export function alike(
  what: Text,
  measured: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
): Check {
  const largest = distance(measured, wanted);
  const condition = `${list(wanted)}${tolerance === 0 ? "" : ` ± ${tolerance}`}`;
  return {
    what,
    measured: `${list(measured)} (${DIFFERENCE} ${short(largest)})`,
    wanted: condition,
    holds: largest <= tolerance,
  };
}

/** Something that is so or not. */
export function isTrue(what: Text, measured: boolean): Check {
  return { what, measured: measured ? "✓" : "✗", wanted: "✓", holds: measured };
}

/** A picture with lines or dots. */
export function plot(
  title: Text,
  [x, y]: readonly [Text, Text],
  series: readonly Series[],
  log?: Plot["log"],
): Plot {
  return { title, x, y, series, ...(log === undefined ? {} : { log }) };
}

export function line(name: Text, points: Series["points"]): Series {
  return { name, mark: "line", points };
}

export function dots(name: Text, points: Series["points"]): Series {
  return { name, mark: "dots", points };
}

/** A curve over 0, 1, 2, ... */
export function curve(name: Text, values: ArrayLike<number>, from = 0): Series {
  return line(
    name,
    Array.from(values, (value, i) => [i + from, value] as const),
  );
}

/** The largest absolute difference; infinite where the lengths differ or a number is none. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const apart = Math.abs(a[i]! - b[i]!);
    if (!(apart <= largest)) largest = Number.isNaN(apart) ? Infinity : apart;
  }
  return largest;
}

/** A number as findings print it. */
export function short(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(7))) : value.toExponential(2);
}

/** Symbols of axes that need no translation. */
export const EPOCH = say("epoch", "轮次");
export const STEP = say("step", "步");
export const LOSS = say("loss", "损失");

const DIFFERENCE = "max|Δ|";

function check(what: Text, measured: number, wanted: string, holds: boolean): Check {
  return { what, measured: short(measured), wanted, holds };
}

function list(values: ArrayLike<number>): string {
  const most = 8;
  const shown = Array.from(values).slice(0, most).map(short).join(", ");
  return `(${shown}${values.length > most ? ", …" : ""})`;
}
