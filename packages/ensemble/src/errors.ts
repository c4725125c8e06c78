import { type Members, requireSameRows, type Truth } from "./members.ts";

/**
 * Members' errors on the same rows: prediction minus truth, in original units, or probability minus
 * 1 (true class) or 0.
 */
export interface Errors {
  readonly rows: number;
  readonly outputs: number;
  /** One `[rows, outputs]` per member. */
  readonly members: readonly Float64Array[];
  /**
   * What a sum of squares over rows and outputs is divided by: rows for classes (the Brier score
   * sums over classes), rows times targets for regression (targets are averaged).
   */
  readonly divisor: number;
}

/** The truth as a prediction would have it, `[rows, outputs]`: values, or 1 for the true class. */
export function idealPrediction(truth: Truth): Float64Array {
  if (truth.task === "regression") return truth.values;
  const ideal = new Float64Array(truth.rows * truth.classes);
  truth.labels.forEach((label, row) => (ideal[row * truth.classes + label] = 1));
  return ideal;
}

/** What sums of squares over rows and outputs are divided by; see {@link Errors}. */
export function divisorOf(truth: Truth): number {
  return truth.task === "classification" ? truth.rows : truth.rows * truth.targets;
}

/** The errors of members that predict every row. */
export function errorsOf(members: Members, truth: Truth): Errors {
  requireSameRows(members, truth);
  const ideal = idealPrediction(truth);
  return {
    rows: members.rows,
    outputs: members.outputs,
    members: members.members.map(({ values }) => values.map((value, at) => value - ideal[at]!)),
    divisor: divisorOf(truth),
  };
}

/**
 * Each member's own error (mean squared error, or Brier score summed over classes) on the rows it
 * predicts; null where it predicts none.
 */
export function memberErrors(members: Members, truth: Truth): (number | null)[] {
  requireSameRows(members, truth);
  const ideal = idealPrediction(truth);
  const { outputs } = members;
  return members.members.map(({ values, present }) => {
    let sum = 0;
    let count = 0;
    for (let row = 0; row < members.rows; row++) {
      if (present !== undefined && present[row] === 0) continue;
      count++;
      sum += squaresBetween(values, ideal, row * outputs, (row + 1) * outputs);
    }
    return count === 0 ? null : sum / ((count * divisorOf(truth)) / truth.rows);
  });
}

/** Sum of squared differences of two arrays from `start` to `end`. */
function squaresBetween(a: Float64Array, b: Float64Array, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at++) {
    const difference = a[at]! - b[at]!;
    // Not ** 2: engines may round powers as they like.
    sum += difference * difference;
  }
  return sum;
}

/** Elements summed on their own before they join the total: keeps rounding small and order fixed. */
export const BLOCK = 512;

/** Sum of products of two arrays of equal length, block by block. */
export function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let start = 0; start < a.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, a.length);
    let sum = 0;
    for (let at = start; at < end; at++) sum += a[at]! * b[at]!;
    total += sum;
  }
  return total;
}
