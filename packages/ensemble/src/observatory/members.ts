import { elementary } from "@manyfold/core";
import type { Observatory } from "@manyfold/protocol";
import { combine } from "../combiners.ts";
import { divisorOf, dot, errorsOf, idealPrediction } from "../errors.ts";
import type { Members, Truth } from "../members.ts";
import { type GaussianSpread, metrics } from "../metrics.ts";
import { pairProducts } from "../pairs.ts";
import { logProbability } from "../probability.ts";

/** Bias, variance and covariance over rows; see {@link Observatory}. */
export function centredLaw(members: Members, truth: Truth): Observatory["centred"] {
  const errors = errorsOf(members, truth);
  const { outputs, rows, divisor } = errors;
  const k = errors.members.length;
  const shared = new Float64Array(outputs);
  const centred = errors.members.map((own) => {
    const centre = new Float64Array(outputs);
    for (let at = 0; at < own.length; at++) centre[at % outputs]! += own[at]! / rows;
    for (let output = 0; output < outputs; output++) shared[output]! += centre[output]! / k;
    return own.map((error, at) => error - centre[at % outputs]!);
  });
  const bias2 = dot(shared, shared) * (rows / divisor);
  const variance = centred.reduce((sum, own) => sum + dot(own, own) / divisor, 0) / k;
  const covariance = pairProducts({ ...errors, members: centred }).c;
  const error = bias2 + variance / k + (1 - 1 / k) * (covariance ?? 0);
  return { bias2, variance, covariance, error };
}

/**
 * How unsure the ensemble is, and why (means over rows). Classification: entropy of the mean
 * probabilities = mean entropy of the members + their mutual information with the class
 * (Depeweg 2018). Regression: variance = residual variance (or the mean of the variances that members
 * predict) + variance of the members' predictions.
 *
 * @param gaussian given for regression, and for it alone
 */
export function uncertaintyOf(
  members: Members,
  gaussian: GaussianSpread | undefined,
): Observatory["uncertainty"] {
  const { rows } = members;
  if (gaussian !== undefined) {
    const { spread, residualVariance, moments } = gaussian;
    if (moments !== undefined) {
      const mean = (values: Float64Array) =>
        values.reduce((sum, value) => sum + value, 0) / values.length;
      const [aleatoric, epistemic] = [mean(moments.aleatoric), mean(moments.epistemic)];
      return { total: aleatoric + epistemic, aleatoric, epistemic };
    }
    const epistemic = dot(spread, spread) / spread.length;
    const aleatoric = residualVariance.reduce((sum, own) => sum + own, 0) / residualVariance.length;
    return { total: aleatoric + epistemic, aleatoric, epistemic };
  }
  const total = entropyOf(combine({ mean: {} }, members)) / rows;
  const each = members.members.map(({ values }) => entropyOf(values) / rows);
  const aleatoric = each.reduce((sum, own) => sum + own, 0) / each.length;
  return { total, aleatoric, epistemic: total - aleatoric };
}

/** Sum over rows of the entropy, nats. */
function entropyOf(probabilities: Float64Array): number {
  let sum = 0;
  for (const p of probabilities) if (p > 0) sum -= p * elementary.log(p);
  return sum;
}

/** What averaging gains in log loss, by arithmetic and by geometric mean; null for a regression. */
export function logLossOf(members: Members, truth: Truth): Observatory["logLoss"] {
  if (truth.task === "regression") return null;
  const surprise = (values: Float64Array) => metrics(truth, values).nll;
  const each = members.members.map(({ values }) => surprise(values));
  const alone = each.reduce((sum, own) => sum + own, 0) / each.length;
  const mean = surprise(combine({ mean: {} }, members));
  const pool = combine({ geometric: {} }, members);
  let divergence = 0;
  for (const { values } of members.members) {
    for (let at = 0; at < pool.length; at++) {
      if (pool[at]! > 0)
        divergence += pool[at]! * (elementary.log(pool[at]!) - logProbability(values[at]!));
    }
  }
  return {
    members: alone,
    mean,
    geometric: surprise(pool),
    jensenGap: alone - mean,
    divergence: divergence / members.rows / each.length,
  };
}

/** Bins of the margin, from -1 to 1. */
const MARGINS = 20;

/** Histogram of the margin of a prediction; null for a regression. */
export function marginsOf(truth: Truth, prediction: Float64Array): Observatory["margins"] {
  if (truth.task === "regression") return null;
  const { classes, labels, rows } = truth;
  const counts = new Uint32Array(MARGINS);
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    let other = 0;
    for (let cls = 0; cls < classes; cls++) {
      if (cls !== label) other = Math.max(other, prediction[row * classes + cls]!);
    }
    const margin = prediction[row * classes + label]! - other;
    const bin = Math.floor(((margin + 1) / 2) * MARGINS);
    counts[Math.min(MARGINS - 1, Math.max(0, bin))]! += 1;
  }
  return Array.from(counts, (count, bin) => ({
    low: (2 * bin - MARGINS) / MARGINS,
    high: (2 * bin + 2 - MARGINS) / MARGINS,
    rows: count,
  }));
}

/** Rows that are named as the hardest. */
const HARDEST = 10;

/** The rows on which a prediction errs most: worst first, the lower number among equals. */
export function hardestRows(
  members: Members,
  truth: Truth,
  prediction: Float64Array,
  rowNumbers: ArrayLike<number>,
): Observatory["hardest"] {
  const ideal = idealPrediction(truth);
  const { outputs, rows } = members;
  const perRow = rows / divisorOf(truth);
  const errorOf = (values: Float64Array, row: number): number => {
    let sum = 0;
    for (let at = row * outputs; at < (row + 1) * outputs; at++) {
      const error = values[at]! - ideal[at]!;
      sum += error * error;
    }
    return sum * perRow;
  };
  const errors = Float64Array.from({ length: rows }, (_, row) => errorOf(prediction, row));
  return Array.from(errors.keys())
    .sort((a, b) => errors[b]! - errors[a]! || a - b)
    .slice(0, HARDEST)
    .map((row) => ({
      row: rowNumbers[row]!,
      error: errors[row]!,
      memberError:
        members.members.reduce((sum, { values }) => sum + errorOf(values, row), 0) /
        members.members.length,
    }));
}
