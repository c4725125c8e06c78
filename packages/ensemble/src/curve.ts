import { fold, key, permutation } from "@manyfold/core";
import type { ErrorCurvePoint } from "@manyfold/protocol";
import { quantileSorted } from "simple-statistics";
import type { Errors } from "./errors.ts";
import { lawError } from "./law.ts";
import { type Members, requireSameRows, type Truth } from "./members.ts";
import { divisorOf, idealPrediction } from "./errors.ts";

/**
 * Error of the averaged prediction of the first 1, 2, ..., k members, in member order.
 *
 * The average is kept as the first member's prediction plus the mean difference from it, two
 * doubles that are not added before the truth is taken off: with targets far from 0 (a year, a
 * timestamp) one double would lose what the errors are made of.
 */
export function measuredCurve(members: Members, truth: Truth): Float64Array {
  requireSameRows(members, truth);
  const ideal = idealPrediction(truth);
  const divisor = divisorOf(truth);
  const first = members.members[0]!.values;
  const differences = new Float64Array(first.length);
  return Float64Array.from(members.members, ({ values }, index) => {
    let sum = 0;
    for (let at = 0; at < first.length; at++) {
      differences[at]! += values[at]! - first[at]!;
      const error = first[at]! - ideal[at]! + differences[at]! / (index + 1);
      sum += error * error;
    }
    return sum / divisor;
  });
}

/** Random orders behind the band of a curve. */
const ORDERS = 200;

/**
 * The 5 % and 95 % quantiles, for each k, of the error of the first k members over 200 random
 * orders of the members. The orders follow from a fixed key: the same members give the same band.
 * At the last k all orders agree, but for rounding.
 */
function band(errors: Errors): { low: number; high: number }[] {
  const { members, divisor } = errors;
  const k = members.length;
  const length = members[0]!.length;
  const found = Array.from({ length: k }, () => new Float64Array(ORDERS));
  const sum = new Float64Array(length);
  for (let order = 0; order < ORDERS; order++) {
    sum.fill(0);
    const permuted = permutation(fold(key(0), "orders", order), k);
    for (let count = 1; count <= k; count++) {
      const next = members[permuted[count - 1]!]!;
      let squares = 0;
      for (let at = 0; at < length; at++) {
        const value = sum[at]! + next[at]!;
        sum[at] = value;
        squares += value * value;
      }
      found[count - 1]![order] = squares / divisor / (count * count);
    }
  }
  return found.map((values) => {
    const sorted = [...values.sort()];
    return { low: quantileSorted(sorted, 0.05), high: quantileSorted(sorted, 0.95) };
  });
}

/** The measured curve with its band over orders and the law's line through v and c. */
export function errorCurve(
  measured: Float64Array,
  errors: Errors,
  v: number,
  c: number | null,
): ErrorCurvePoint[] {
  return band(errors).map(({ low, high }, index) => ({
    k: index + 1,
    measured: measured[index]!,
    law: lawError(v, c ?? v, index + 1),
    low,
    high,
  }));
}
