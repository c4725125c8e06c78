import { elementary } from "@manyfold/core";
import type { ClassificationMetrics, Metrics, RegressionMetrics } from "@manyfold/protocol";
import { ManyfoldError, show } from "@manyfold/protocol";
import type { Members, Truth } from "./members.ts";
import { isProbabilistic, mixtureNll, type Moments, momentsOf } from "./predictive.ts";
import { argmax, logProbability } from "./probability.ts";

/** Smallest deviation of a predictive Gaussian, as a share of the target's own scale. */
export const SMALLEST_DEVIATION = 1e-6;

const LOG_2_PI = 1.8378770664093456;

/** What the Gaussian of a regression needs besides its centre. */
export interface GaussianSpread {
  /** `[rows, targets]`: deviation of the members' predictions, see {@link spreadOf}. */
  readonly spread: Float64Array;
  /** Per target, see {@link residualVariance}; not read where the members say their noise. */
  readonly residualVariance: readonly number[];
  /** What members that predict distributions say: its sum is the Gaussian's variance. */
  readonly moments?: Moments;
  /** Those members: their exact mixture is scored beside the Gaussian. */
  readonly members?: Members;
}

/**
 * What a regression's score needs besides a centre.
 *
 * @param residual see {@link residualVariance}; null where members predict distributions
 */
export function gaussianOf(members: Members, residual: readonly number[] | null): GaussianSpread {
  const spread = spreadOf(members);
  const none = Array.from({ length: members.outputs }, () => 0);
  if (!isProbabilistic(members)) return { spread, residualVariance: residual ?? none };
  return { spread, residualVariance: none, moments: momentsOf(members), members };
}

/**
 * Scores a combined prediction `[rows, outputs]`.
 *
 * Classification: accuracy (most probable class, the lower among equals), Brier score summed over
 * classes, mean negative log probability of the true class with probabilities below 1e-15 taken as
 * 1e-15.
 *
 * Regression, in original units: root of the mean squared error over rows and targets, mean
 * absolute error, and the mean over rows and targets of the Gaussian negative log likelihood
 * `(log(2 pi s2) + (y - f)^2 / s2) / 2`, where s2 = spread^2 + residual variance is the variance of
 * the members' predictions of that row plus that of the target around them (deviations below 1e-6
 * of the target's scale are taken as that). One net has spread 0: its Gaussian is as wide as its
 * residuals. Where members predict distributions, s2 is the variance of their equal-weight mixture
 * (Lakshminarayanan 2017), and `mixtureNll` is the same score of that mixture itself.
 *
 * @param gaussian required for regression
 */
export function metrics(
  truth: Truth,
  prediction: Float64Array,
  gaussian?: GaussianSpread,
): Metrics {
  const width = truth.task === "classification" ? truth.classes : truth.targets;
  if (truth.rows === 0 || prediction.length !== truth.rows * width) {
    throw new ManyfoldError({
      code: "internal",
      path: "prediction",
      condition: `of at least one row, ${truth.rows} x ${width} numbers`,
      got: show(prediction.length),
    });
  }
  if (truth.task === "classification") return classificationMetrics(truth, prediction);
  if (gaussian === undefined || gaussian.residualVariance.length !== width) {
    throw new ManyfoldError({
      code: "internal",
      path: "gaussian",
      condition: "given with a residual variance per target for a regression",
      got: show(gaussian?.residualVariance),
    });
  }
  return regressionMetrics(truth, prediction, gaussian);
}

type Of<Task extends Truth["task"]> = Extract<Truth, { task: Task }>;

function classificationMetrics(
  { rows, classes, labels }: Of<"classification">,
  prediction: Float64Array,
): ClassificationMetrics {
  let right = 0;
  let squares = 0;
  let surprise = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * classes;
    const label = labels[row]!;
    if (argmax(prediction, at, classes) === label) right++;
    for (let cls = 0; cls < classes; cls++) {
      const error = prediction[at + cls]! - (cls === label ? 1 : 0);
      squares += error * error;
    }
    surprise -= logProbability(prediction[at + label]!);
  }
  return { accuracy: right / rows, brier: squares / rows, nll: surprise / rows };
}

function regressionMetrics(
  truth: Of<"regression">,
  prediction: Float64Array,
  gaussian: GaussianSpread,
): RegressionMetrics {
  const { values } = truth;
  const variances = variancesOf(truth, gaussian);
  let squares = 0;
  let absolute = 0;
  let surprise = 0;
  for (let at = 0; at < values.length; at++) {
    const error = values[at]! - prediction[at]!;
    const variance = variances[at]!;
    squares += error * error;
    absolute += Math.abs(error);
    surprise += (LOG_2_PI + elementary.log(variance) + (error * error) / variance) / 2;
  }
  const count = values.length;
  const { members } = gaussian;
  return {
    rmse: Math.sqrt(squares / count),
    mae: absolute / count,
    nll: surprise / count,
    ...(members && { mixtureNll: mixtureNll(members, truth) }),
  };
}

/** Variance of the predictive Gaussian `[rows, targets]`, see `metrics`. */
export function variancesOf(
  { scale, targets }: Pick<Of<"regression">, "scale" | "targets">,
  { spread, residualVariance: residual, moments }: GaussianSpread,
): Float64Array {
  return spread.map((own, at) => {
    const target = at % targets;
    const least = SMALLEST_DEVIATION * scale[target]!;
    const variance = moments
      ? moments.aleatoric[at]! + moments.epistemic[at]!
      : own * own + residual[target]!;
    return Math.max(variance, least * least);
  });
}

/**
 * Deviation of the members' predictions around their mean, `[rows, outputs]` (divided by members
 * minus 1; 0 where one member predicts the row): how much the members disagree, whatever combines
 * them. Members that do not predict a row take no part in it.
 */
export function spreadOf(members: Members): Float64Array {
  const { rows, outputs } = members;
  const count = new Uint32Array(rows);
  const centre = new Float64Array(rows * outputs);
  const spread = new Float64Array(rows * outputs);
  // Welford's update: no cancellation where the members nearly agree.
  for (const { values, present } of members.members) {
    for (let row = 0; row < rows; row++) {
      if (present !== undefined && present[row] === 0) continue;
      const seen = ++count[row]!;
      for (let at = row * outputs; at < (row + 1) * outputs; at++) {
        const delta = values[at]! - centre[at]!;
        centre[at]! += delta / seen;
        spread[at]! += delta * (values[at]! - centre[at]!);
      }
    }
  }
  return spread.map((sum, at) => {
    const seen = count[Math.floor(at / outputs)]!;
    return seen < 2 ? 0 : Math.sqrt(sum / (seen - 1));
  });
}

/** Least share of the squared residuals that the members' spread leaves to the residual variance. */
const LEAST_RESIDUAL_SHARE = 0.01;

/**
 * Variance of each target around the prediction that the members' spread does not account for:
 * mean squared residual minus mean squared spread, at least 1 % of the former. With it the
 * predictive Gaussian (see {@link metrics}) is as wide, on average, as the residuals that it was
 * estimated from.
 *
 * Estimate it from out-of-bag predictions where there are any; otherwise (init-only and dropout
 * ensembles, one net) from predictions of the training rows, which flatter: the Gaussian is then
 * too narrow, and its score pays for that. Never from the rows it is to be scored on, other than
 * out of bag, where one number from all rows scores them.
 */
export function residualVariance(
  truth: Truth,
  prediction: Float64Array,
  spread: Float64Array,
): number[] | null {
  if (truth.task === "classification") return null;
  const { rows, targets, values } = truth;
  return truth.scale.map((_, target) => {
    let squares = 0;
    let spreads = 0;
    for (let at = target; at < values.length; at += targets) {
      const error = values[at]! - prediction[at]!;
      squares += error * error;
      spreads += spread[at]! * spread[at]!;
    }
    return Math.max(squares - spreads, LEAST_RESIDUAL_SHARE * squares) / rows;
  });
}

/** Counts `[true class, predicted class]`. */
export function confusion(truth: Truth, prediction: Float64Array): number[][] | null {
  if (truth.task === "regression") return null;
  const { classes } = truth;
  const counts = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  truth.labels.forEach((label, row) => {
    counts[label]![argmax(prediction, row * classes, classes)]! += 1;
  });
  return counts;
}
