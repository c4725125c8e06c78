import { fold, key, words } from "@manyfold/core";
import type { Interval } from "@manyfold/protocol";
import { quantileSorted } from "simple-statistics";
import type { Errors } from "./errors.ts";

/** Coverage that every interval names. */
export const LEVEL = 0.95;

/** Resamples of the rows. */
const RESAMPLES = 1000;

/** v, c and the ensemble's error on one resample of the rows. */
export interface Resample {
  readonly v: number;
  /** Null for one member. */
  readonly c: number | null;
  readonly ensembleError: number;
}

/**
 * v, c and the ensemble's error on 1,000 bootstrap resamples of the rows, members kept: what they
 * would be on other rows of the same kind.
 *
 * Two numbers per row are enough: q = sum over members of e^2 and s = (sum over members of e)^2,
 * summed over outputs. Over the resampled rows v = mean q / k, the ensemble's error = mean s / k^2
 * and c = (mean s - mean q) / (k (k-1)), all exactly. The rows drawn follow from a fixed key.
 */
export function resampleRows(errors: Errors): Resample[] {
  const { rows, outputs, members, divisor } = errors;
  const k = members.length;
  const squares = new Float64Array(rows);
  const squaredSums = new Float64Array(rows);
  const perRow = rows / divisor;
  for (let row = 0; row < rows; row++) {
    for (let at = row * outputs; at < (row + 1) * outputs; at++) {
      let sum = 0;
      for (let i = 0; i < k; i++) {
        const error = members[i]![at]!;
        sum += error;
        squares[row]! += error * error * perRow;
      }
      squaredSums[row]! += sum * sum * perRow;
    }
  }
  return Array.from({ length: RESAMPLES }, (_, index) => {
    const drawn = words(fold(key(0), "rows", index), rows);
    let q = 0;
    let s = 0;
    for (let i = 0; i < rows; i++) {
      // The word's upper bits as a row: uneven by at most rows / 2^32.
      const row = Math.floor((drawn[i]! / 4_294_967_296) * rows);
      q += squares[row]!;
      s += squaredSums[row]!;
    }
    return {
      v: q / rows / k,
      c: k === 1 ? null : (s - q) / rows / (k * (k - 1)),
      ensembleError: s / rows / (k * k),
    };
  });
}

/** The central 95 % of values. */
export function centralInterval(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    low: quantileSorted(sorted, (1 - LEVEL) / 2),
    high: quantileSorted(sorted, (1 + LEVEL) / 2),
    level: LEVEL,
  };
}

/**
 * The central 95 % of values of which some may be undefined (null) or infinite. Null where any is
 * undefined, or an end of the interval is not finite.
 */
export function finiteInterval(values: readonly (number | null)[]): Interval | null {
  const defined = values.filter((value) => value !== null);
  if (defined.length < values.length) return null;
  const interval = centralInterval(defined);
  return Number.isFinite(interval.low) && Number.isFinite(interval.high) ? interval : null;
}
