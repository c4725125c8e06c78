import { type Conformal, type ConformalScore, type EnsembleSpec, match } from "@manyfold/protocol";
import type { Truth } from "./members.ts";
import { argmax } from "./probability.ts";

/** What should hold the truth of some rows. */
export type Region =
  | {
      readonly kind: "interval";
      readonly coverage: number;
      /** `[rows, targets]`, target units. */
      readonly low: Float64Array;
      readonly high: Float64Array;
    }
  | {
      readonly kind: "set";
      readonly coverage: number;
      /** `[rows, classes]`, 1 where the class is in the set; never empty. */
      readonly classes: Uint8Array;
    };

type Settings = NonNullable<EnsembleSpec["conformal"]>;
type Score = Settings["score"];

/** How little a class fits a row's probabilities, which begin at `at`. */
const SCORES: {
  readonly [S in Score]: (p: Float64Array, at: number, classes: number, cls: number) => number;
} = {
  threshold: (p, at, _, cls) => 1 - p[at + cls]!,
  // Total of the class and of all more probable ones; the lower class first among equals.
  adaptive: (p, at, classes, cls) => {
    const own = p[at + cls]!;
    let total = own;
    for (let other = 0; other < classes; other++) {
      const value = p[at + other]!;
      if (value > own || (value === own && other < cls)) total += value;
    }
    return total;
  },
};

/**
 * The ceil((n+1) coverage)-th smallest of n scores (Vovk, Gammerman and Shafer 2005): the score of a
 * new row is no larger with that coverage. Null where n is too small for it.
 */
export function conformalQuantile(scores: Float64Array, coverage: number): number | null {
  // A product that is whole but for rounding counts as whole.
  const place = Math.ceil((scores.length + 1) * coverage * (1 - 1e-12));
  return place > scores.length ? null : scores.toSorted()[place - 1]!;
}

/**
 * Split-conformal intervals or sets from out-of-bag predictions in the place of a part held out:
 * every row is predicted by members that did not train on it. Exact splits cover as asked for;
 * out-of-bag rows are predicted by fewer members than new rows are, which errs to the wide side.
 * The rows must have taken part in no decision (stopping, weights, calibration).
 *
 * @returns null where there are too few rows for the coverage
 *
 * @example
 * const conformal = fitConformal({ coverage: 0.9, score: "threshold" }, truth, outOfBagPrediction);
 */
export function fitConformal(
  { coverage, score }: Settings,
  truth: Truth,
  prediction: Float64Array,
): Conformal | null {
  const { rows } = truth;
  if (truth.task === "classification") {
    const { classes, labels } = truth;
    const scores = Float64Array.from(labels, (label, row) =>
      SCORES[score](prediction, row * classes, classes, label),
    );
    const limit = conformalQuantile(scores, coverage);
    return limit === null ? null : { set: { coverage, rows, score, limit } };
  }
  const { targets, values } = truth;
  const radius = truth.scale.flatMap((_, target) => {
    const residuals = Float64Array.from({ length: rows }, (__, row) => {
      const at = row * targets + target;
      return Math.abs(values[at]! - prediction[at]!);
    });
    return conformalQuantile(residuals, coverage) ?? [];
  });
  return radius.length < targets ? null : { interval: { coverage, rows, radius } };
}

/** Intervals or sets around a combined prediction `[rows, outputs]`. */
export function regionOf(conformal: Conformal, prediction: Float64Array, outputs: number): Region {
  return match<Conformal, Region>(conformal, {
    interval: ({ coverage, radius }) => ({
      kind: "interval",
      coverage,
      low: prediction.map((value, at) => value - radius[at % outputs]!),
      high: prediction.map((value, at) => value + radius[at % outputs]!),
    }),
    set: ({ coverage, score, limit }) => {
      const classes = new Uint8Array(prediction.length);
      for (let at = 0; at < prediction.length; at += outputs) {
        for (let cls = 0; cls < outputs; cls++) {
          if (SCORES[score](prediction, at, outputs, cls) <= limit) classes[at + cls] = 1;
        }
        classes[at + argmax(prediction, at, outputs)] = 1;
      }
      return { kind: "set", coverage, classes };
    },
  });
}

/** How often the regions around a prediction of other rows hold what is true of them. */
export function scoreConformal(
  conformal: Conformal,
  truth: Truth,
  prediction: Float64Array,
): ConformalScore {
  const outputs = prediction.length / truth.rows;
  const region = regionOf(conformal, prediction, outputs);
  const from = match<Conformal, number>(conformal, {
    interval: ({ rows }) => rows,
    set: ({ rows }) => rows,
  });
  let held = 0;
  let size = 0;
  if (truth.task === "classification" && region.kind === "set") {
    truth.labels.forEach((label, row) => (held += region.classes[row * outputs + label]!));
    size = region.classes.reduce((sum, one) => sum + one, 0);
  } else if (truth.task === "regression" && region.kind === "interval") {
    for (const [at, value] of truth.values.entries()) {
      if (region.low[at]! <= value && value <= region.high[at]!) held++;
      size += region.high[at]! - region.low[at]!;
    }
  }
  const on = truth.task === "classification" ? truth.rows : truth.values.length;
  const { coverage } = region;
  return { method: "split", coverage, achieved: held / on, size: size / on, from, on };
}
