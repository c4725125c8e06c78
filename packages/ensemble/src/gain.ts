import { normalQuantile } from "@manyfold/core";
import { idealPrediction, divisorOf } from "./errors.ts";
import { studentExpansion } from "./forecast.ts";
import { type Members, requireSameRows, type Truth } from "./members.ts";

/** What more members of an ensemble would still gain. */
export interface Gain {
  /** Members that it was estimated from, and that the gain is behind. */
  readonly k: number;
  /** Mean squared error of a member, and mean product of two members' errors. */
  readonly v: number;
  readonly c: number;
  /** (v - c) / k: the error of k members less that of infinitely many. */
  readonly gain: number;
  /** `tolerance` times c. */
  readonly allowed: number;
  /** The gain is below this with the stated confidence, against `allowed` as it is estimated. */
  readonly upper: number;
  /** Whether `upper` is no more than `allowed`. */
  readonly enough: boolean;
}

/**
 * Whether an ensemble has members enough: the gain still to be had from more of them, by the law
 * (v - c) / k, against a share of the floor c that it falls towards.
 *
 * **Estimates.** With m members at a row, errors e and their sum s, D = (Σe² - s²/m) / (m - 1)
 * estimates v - c of the row without bias, and C = (s² - Σe²) / (m (m - 1)) estimates c. Rows count by
 * m - 1, the pairs that D has. Rows with fewer than two members say nothing. v - c does not depend on
 * the truth at all: it is how far members differ.
 *
 * **Confidence.** It is about other members on these rows: how far v and c may be off for having been
 * estimated from the members there are. More members make that certain; what other rows would say of
 * the floor no number of members tells (see the intervals of `analyse`). What is tested is the mean of
 * D/k - tolerance C; its variance is the jackknife's over members (Efron and Stein 1981, on average
 * not too small), its quantile Student's with one degree of freedom less than there are members. Each
 * look has the stated confidence; an ensemble that is looked at often has that many chances to be
 * thought enough too early.
 *
 * @param members each predicting the rows that it did not train on
 * @param tolerance share of the floor
 * @param confidence from 0.5 on, below 1
 * @returns null where fewer than three members or no row say anything
 *
 * @example
 * const oob = outOfBag(target, members, trainRows);
 * gainOf(oob.members, truthOf(target, y, oob.rows), { tolerance: 0.05, confidence: 0.9 })?.enough;
 */
export function gainOf(
  members: Members,
  truth: Truth,
  { tolerance, confidence }: { readonly tolerance: number; readonly confidence: number },
): Gain | null {
  requireSameRows(members, truth);
  const { rows, outputs } = members;
  const k = members.members.length;
  if (k < 3) return null;
  const ideal = idealPrediction(truth);
  const perRow = truth.rows / divisorOf(truth);

  const sums = new Float64Array(rows * outputs);
  const squares = new Float64Array(rows);
  const counts = new Float64Array(rows);
  const errors = members.members.map(({ values, present }) => {
    const own = new Float64Array(rows * outputs);
    for (let row = 0; row < rows; row++) {
      if (present !== undefined && present[row] === 0) continue;
      counts[row]! += 1;
      for (let at = row * outputs; at < (row + 1) * outputs; at++) {
        const error = values[at]! - ideal[at]!;
        own[at] = error;
        sums[at]! += error;
        squares[row]! += error * error;
      }
    }
    return { own, present };
  });

  /** Of a row: (m - 1) D and (m - 1) C. Without one of its members where errors are given. */
  const row = (
    at: number,
    own?: Float64Array,
  ): { apart: number; shared: number; pairs: number } => {
    const m = counts[at]! - (own === undefined ? 0 : 1);
    if (m < 2) return { apart: 0, shared: 0, pairs: 0 };
    let square = squares[at]!;
    let squaredSum = 0;
    for (let i = at * outputs; i < (at + 1) * outputs; i++) {
      const error = own === undefined ? 0 : own[i]!;
      const sum = sums[i]! - error;
      squaredSum += sum * sum;
      square -= error * error;
    }
    const mean = squaredSum / m;
    return { apart: (square - mean) * perRow, shared: (mean - square / m) * perRow, pairs: m - 1 };
  };

  const total = { apart: 0, shared: 0, pairs: 0 };
  const each = Array.from({ length: rows }, (_, at) => row(at));
  for (const { apart, shared, pairs } of each) {
    total.apart += apart;
    total.shared += shared;
    total.pairs += pairs;
  }
  if (total.pairs === 0) return null;
  const margin = ({ apart, shared, pairs }: typeof total): number =>
    pairs === 0 ? 0 : (apart / k - tolerance * shared) / pairs;

  const without = errors.map(({ own, present }) => {
    const rest = { ...total };
    for (let at = 0; at < rows; at++) {
      if (present !== undefined && present[at] === 0) continue;
      const [before, after] = [each[at]!, row(at, own)];
      rest.apart += after.apart - before.apart;
      rest.shared += after.shared - before.shared;
      rest.pairs += after.pairs - before.pairs;
    }
    return margin(rest);
  });
  const middle = without.reduce((sum, one) => sum + one, 0) / k;
  let variance = 0;
  for (const one of without) variance += (one - middle) * (one - middle);
  variance *= (k - 1) / k;

  const quantile = studentExpansion(normalQuantile(confidence), k - 1);
  const c = total.shared / total.pairs;
  const apart = total.apart / total.pairs;
  const allowed = tolerance * c;
  const upper = apart / k + quantile * Math.sqrt(variance);
  return { k, v: c + apart, c, gain: apart / k, allowed, upper, enough: upper <= allowed };
}
