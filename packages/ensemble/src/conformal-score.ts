import type { Conformal, ConformalScore } from "@manyfold/protocol";
import { conformalPlace, fittedOf, type Frame, regionOf } from "./conformal.ts";
import type { Truth } from "./members.ts";

/**
 * How often the regions around a prediction of other rows hold what is true of them.
 *
 * @param frame see `frameOf`
 * @param coverage of the regions; default what was fitted
 */
export function scoreConformal(
  conformal: Conformal,
  truth: Truth,
  prediction: Float64Array,
  frame: Frame | null = null,
  coverage?: number,
): ConformalScore {
  const outputs = prediction.length / truth.rows;
  const region = regionOf(conformal, prediction, outputs, frame, coverage);
  const { rows: from, score } = fittedOf(conformal);
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
  return {
    method: "split",
    score,
    coverage: region.coverage,
    achieved: held / on,
    size: size / on,
    from,
    on,
  };
}

/** Coverages that a curve is drawn through, as far as the rows allow. */
const COVERAGES = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99] as const;

/** {@link scoreConformal} for a range of coverages. */
export function conformalCurve(
  conformal: Conformal,
  truth: Truth,
  prediction: Float64Array,
  frame: Frame | null = null,
): ConformalScore[] {
  const { rows } = fittedOf(conformal);
  return COVERAGES.filter((coverage) => conformalPlace(rows, coverage) !== null).map((coverage) =>
    scoreConformal(conformal, truth, prediction, frame, coverage),
  );
}
