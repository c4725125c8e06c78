import { normalQuantile } from "@manyfold/core";
import type { ClassCalibration, GaussianCalibration } from "@manyfold/protocol";
import type { Truth } from "../members.ts";
import { type GaussianSpread, variancesOf } from "../metrics.ts";
import { argmax } from "../probability.ts";
import { normalCdf, normalDensity } from "./normal.ts";

type Of<Task extends Truth["task"]> = Extract<Truth, { task: Task }>;

/** Bins of a reliability diagram. */
const BINS = 15;

/** Predicted probabilities and whether what they are of came true. */
interface Forecasts {
  readonly probability: Float64Array;
  /** 0 or 1. */
  readonly outcome: Float64Array;
}

/** Indices of forecasts, bin by bin. */
type Binning = (forecasts: Forecasts) => number[][];

const equalWidth: Binning = ({ probability }) => {
  const bins: number[][] = Array.from({ length: BINS }, () => []);
  for (const [at, p] of probability.entries()) {
    bins[Math.min(BINS - 1, Math.max(0, Math.floor(p * BINS)))]!.push(at);
  }
  return bins;
};

/** Equal probabilities are never parted, so bins are of equal mass as far as they can. */
const equalMass: Binning = ({ probability }) => {
  const order = Array.from(probability.keys()).sort((a, b) => probability[a]! - probability[b]!);
  const bins: number[][] = [];
  let bin: number[] = [];
  for (const [place, at] of order.entries()) {
    const full = bin.length > 0 && place >= ((bins.length + 1) * order.length) / BINS;
    if (full && probability[at] !== probability[bin.at(-1)!]) {
      bins.push(bin);
      bin = [];
    }
    bin.push(at);
  }
  bins.push(bin);
  return bins;
};

function meanAt(values: Float64Array, bin: readonly number[]): number {
  return bin.reduce((sum, at) => sum + values[at]!, 0) / bin.length;
}

/** Per bin that holds any: its share, mean probability and share of outcomes. */
function summary(forecasts: Forecasts, binning: Binning) {
  return binning(forecasts).flatMap((bin, index) =>
    bin.length === 0
      ? []
      : [
          {
            index,
            rows: bin.length,
            share: bin.length / forecasts.probability.length,
            confidence: meanAt(forecasts.probability, bin),
            accuracy: meanAt(forecasts.outcome, bin),
          },
        ],
  );
}

/** Calibration of probabilities `[rows, classes]`. */
export function classCalibration(
  truth: Of<"classification">,
  prediction: Float64Array,
): ClassCalibration {
  const { rows, classes, labels } = truth;
  const top: Forecasts = { probability: new Float64Array(rows), outcome: new Float64Array(rows) };
  for (let row = 0; row < rows; row++) {
    const best = argmax(prediction, row * classes, classes);
    top.probability[row] = prediction[row * classes + best]!;
    top.outcome[row] = best === labels[row] ? 1 : 0;
  }
  const wide = summary(top, equalWidth);
  const gap = (bin: { confidence: number; accuracy: number }) =>
    Math.abs(bin.confidence - bin.accuracy);
  const expected = (bins: typeof wide) => bins.reduce((sum, bin) => sum + bin.share * gap(bin), 0);
  return {
    ece: { equalWidth: expected(wide), equalMass: expected(summary(top, equalMass)) },
    mce: Math.max(...wide.map(gap)),
    bins: wide.map(({ index, rows: count, confidence, accuracy }) => ({
      low: index / BINS,
      high: (index + 1) / BINS,
      rows: count,
      confidence,
      accuracy,
    })),
    brier: brierParts(truth, prediction),
  };
}

/**
 * Murphy 1973, for each class against the rest over bins of equal width, summed over classes. Where
 * probabilities within a bin differ, the three parts leave a rest (Stephenson, Coelho and Jolliffe
 * 2008), which is given too.
 */
function brierParts(
  truth: Of<"classification">,
  prediction: Float64Array,
): ClassCalibration["brier"] {
  const { rows, classes, labels } = truth;
  let [score, reliability, resolution, uncertainty] = [0, 0, 0, 0];
  for (let cls = 0; cls < classes; cls++) {
    const forecasts: Forecasts = {
      probability: Float64Array.from(labels, (_, row) => prediction[row * classes + cls]!),
      outcome: Float64Array.from(labels, (label) => (label === cls ? 1 : 0)),
    };
    const base = forecasts.outcome.reduce((sum, own) => sum + own, 0) / rows;
    uncertainty += base * (1 - base);
    for (const { share, confidence, accuracy } of summary(forecasts, equalWidth)) {
      reliability += share * (confidence - accuracy) * (confidence - accuracy);
      resolution += share * (accuracy - base) * (accuracy - base);
    }
    for (let row = 0; row < rows; row++) {
      const error = forecasts.probability[row]! - forecasts.outcome[row]!;
      score += (error * error) / rows;
    }
  }
  const withinBins = score - (reliability - resolution + uncertainty);
  return { score, reliability, resolution, uncertainty, withinBins };
}

const LEVELS = [0.5, 0.8, 0.9, 0.95] as const;
const TENTHS = 10;
const ROOT_PI = 1.772453850905516;

/**
 * Calibration of the predictive Gaussian, see {@link variancesOf}. CRPS in closed form:
 * s (z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi)) with z = (y - f)/s (Gneiting and Raftery 2007, eq. 21).
 */
export function gaussianCalibration(
  truth: Of<"regression">,
  prediction: Float64Array,
  gaussian: GaussianSpread,
): GaussianCalibration {
  const variances = variancesOf(truth, gaussian);
  const count = truth.values.length;
  const pit = new Uint32Array(TENTHS);
  const within = LEVELS.map(() => 0);
  const widths = LEVELS.map((level) => normalQuantile((1 + level) / 2));
  let crps = 0;
  for (let at = 0; at < count; at++) {
    const deviation = Math.sqrt(variances[at]!);
    const z = (truth.values[at]! - prediction[at]!) / deviation;
    const below = normalCdf(z);
    crps += deviation * (z * (2 * below - 1) + 2 * normalDensity(z) - 1 / ROOT_PI);
    pit[Math.min(TENTHS - 1, Math.floor(below * TENTHS))]! += 1;
    for (const [index, width] of widths.entries()) if (Math.abs(z) <= width) within[index]! += 1;
  }
  return {
    crps: crps / count,
    pit: [...pit],
    coverage: LEVELS.map((level, index) => ({ level, share: within[index]! / count })),
  };
}
