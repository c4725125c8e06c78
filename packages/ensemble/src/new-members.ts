import { elementary } from "@manyfold/core";
import type { ErrorAnalysis, Interval } from "@manyfold/protocol";
import type { Errors } from "./errors.ts";
import { studentQuantile } from "./forecast.ts";
import { LEVEL } from "./intervals.ts";
import { lawError } from "./law.ts";

type Figures = NonNullable<ErrorAnalysis["newMembers"]>;

/** A figure as a v + b c, to first order. */
interface Combination {
  readonly value: number;
  readonly a: number;
  readonly b: number;
  /** On which scale the interval is symmetric. */
  readonly on: keyof typeof SCALES;
}

/**
 * The ends of an interval from a figure and half its width. Means of squares are skewed when members
 * are few, and their logarithm is much less so; rho is a share of v that is not above 1.
 */
const SCALES = {
  plain: (value: number, half: number): Ends => [value - half, value + half],
  logarithm: aroundPositive,
  rest: (value: number, half: number): Ends => {
    const [low, high] = aroundPositive(1 - value, half);
    return [1 - high, 1 - low];
  },
};

type Ends = readonly [low: number, high: number];

function aroundPositive(value: number, half: number): Ends {
  if (!(value > 0)) return [0, value + half];
  const factor = elementary.exp(half / value);
  return [value / factor, value * factor];
}

/** Fewest members that say how members vary. */
const FEWEST = 3;

/**
 * Intervals about members like these on rows like these: where v, c and what follows from them lie
 * as means over all members that could be made this way (from the same training rows) and all rows
 * of this kind. Wider than intervals over rows alone, since other members would err otherwise.
 *
 * Every figure is, to first order, a v + b c: a mean over rows x and over members i or pairs of them.
 * Rows and members are crossed, so that (Hoeffding 1948; Cornfield and Tukey 1956)
 *
 *     variance = rows, members kept + members, rows kept - members by rows,
 *
 * the last because chance that belongs to a row and a member is in both others. With e_i(x) the error
 * and w_i(x) = e_i(x) times the mean error of the others, the row's part is the variance of
 * a mean_i e_i(x)^2 + b mean_i w_i(x) over rows divided by their number, a member's score is
 * q_i(x) = a e_i(x)^2 + 2 b (k-1)/(k-2) w_i(x) (the jackknife's pseudo-value of a mean over pairs),
 * and the other two parts come from the analysis of variance of q. The interval takes Student's t
 * with Satterthwaite's degrees of freedom (1946), on the logarithm's scale but for c.
 *
 * @returns null for fewer than three members or two rows
 */
export function newMemberIntervals(errors: Errors, v: number, c: number | null): Figures | null {
  const { rows, members } = errors;
  const k = members.length;
  if (k < FEWEST || rows < 2 || c === null) return null;
  const moments = momentsOf(errors);
  const intervalOf = (of: Combination) => interval(of, moments, rows, k);
  const m = (k - 1) / k;
  const rho = v > 0 ? c / v : null;
  return {
    v: intervalOf({ value: v, a: 1, b: 0, on: "logarithm" }),
    c: intervalOf({ value: c, a: 0, b: 1, on: "plain" }),
    rho: rho === null ? null : intervalOf({ value: rho, a: -rho / v, b: 1 / v, on: "rest" }),
    ensembleError: intervalOf({ value: lawError(v, c, k), a: 1 / k, b: m, on: "logarithm" }),
    gain: intervalOf({ value: m * (v - c), a: m, b: -m, on: "logarithm" }),
    remaining: intervalOf({ value: (v - c) / k, a: 1 / k, b: -1 / k, on: "logarithm" }),
  };
}

/** Sums of two scores, of a member's own errors (0) and of its errors with the others' (1). */
interface Moments {
  /** Per member `[k]`, per row `[rows]`: means of each score. */
  readonly byMember: readonly [Float64Array, Float64Array];
  readonly byRow: readonly [Float64Array, Float64Array];
  /** Mean products over rows and members: 0 with 0, 0 with 1, 1 with 1. */
  readonly products: readonly [number, number, number];
}

function momentsOf({ rows, outputs, members, divisor }: Errors): Moments {
  const k = members.length;
  const byMember = [new Float64Array(k), new Float64Array(k)] as const;
  const byRow = [new Float64Array(rows), new Float64Array(rows)] as const;
  const scale = rows / divisor;
  let [own, mixed, shared] = [0, 0, 0];
  const sums = new Float64Array(outputs);
  for (let row = 0; row < rows; row++) {
    const start = row * outputs;
    sums.fill(0);
    for (let i = 0; i < k; i++) {
      for (let at = 0; at < outputs; at++) sums[at]! += members[i]![start + at]!;
    }
    for (let i = 0; i < k; i++) {
      let [square, product] = [0, 0];
      for (let at = 0; at < outputs; at++) {
        const error = members[i]![start + at]!;
        square += error * error * scale;
        product += (error * (sums[at]! - error) * scale) / (k - 1);
      }
      byMember[0][i]! += square / rows;
      byMember[1][i]! += product / rows;
      byRow[0][row]! += square / k;
      byRow[1][row]! += product / k;
      own += square * square;
      mixed += square * product;
      shared += product * product;
    }
  }
  const count = rows * k;
  return { byMember, byRow, products: [own / count, mixed / count, shared / count] };
}

function interval(
  { value, a, b, on }: Combination,
  { byMember, byRow, products }: Moments,
  rows: number,
  k: number,
): Interval {
  const both = (of: readonly [Float64Array, Float64Array], second: number) =>
    of[0].map((own, at) => a * own + second * of[1][at]!);
  const ofRows = variance(both(byRow, b)) / rows;
  const double = 2 * b * ((k - 1) / (k - 2));
  const memberScores = both(byMember, double);
  const ofMembers = variance(memberScores) / k;
  const rowScores = both(byRow, double);
  const [own, mixed, shared] = products;
  // Mean square of what is left of q without its row and member means.
  const square = a * a * own + 2 * a * double * mixed + double * double * shared;
  const centre = mean(memberScores);
  const left = square - meanSquare(memberScores) - meanSquare(rowScores) + centre * centre;
  const together = Math.max(0, left) / ((rows - 1) * (k - 1));
  const total = Math.max(ofRows, ofMembers, ofRows + ofMembers - together);
  const freedom =
    total > 0
      ? (total * total) / ((ofRows * ofRows) / (rows - 1) + (ofMembers * ofMembers) / (k - 1))
      : 1;
  const half = studentQuantile(Math.max(1, Math.floor(freedom))) * Math.sqrt(total);
  const [low, high] = SCALES[on](value, half);
  return { low, high, level: LEVEL };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function meanSquare(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0) / values.length;
}

function variance(values: Float64Array): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) * (value - centre), 0);
  return squares / (values.length - 1);
}
