import type { ErrorAnalysis } from "@manyfold/protocol";
import { mean } from "simple-statistics";
import { argmax } from "./probability.ts";
import { errorCurve, measuredCurve } from "./curve.ts";
import { divisorOf, dot, errorsOf } from "./errors.ts";
import { centralInterval, finiteInterval, type Resample, resampleRows } from "./intervals.ts";
import { lawError, membersEnough } from "./law.ts";
import type { Members, Truth } from "./members.ts";
import { newMemberIntervals } from "./new-members.ts";
import { errorCorrelation, pairProducts } from "./pairs.ts";
import { sentences } from "./sentences.ts";

/** Tolerances, as shares of the floor, for which the number of members is given. */
const TOLERANCES = [0.1, 0.05, 0.01] as const;

/**
 * Explains the error of the equal-weight mean of the members: v from each member alone, c from
 * explicit pairs, the ensemble's error from the averaged prediction, so that the law
 * v/k + (k-1)/k c = error is a check of three computations. See {@link ErrorAnalysis} for every
 * figure; units are squared target units (targets averaged) or the Brier score summed over classes.
 *
 * `intervals` are about these members on other rows of the same kind (1,000 bootstrap resamples of
 * the rows, 2.5 % to 97.5 %); they say nothing of other members, which `newMembers` does. Every
 * random choice has a fixed key: equal inputs give equal bits.
 *
 * @param members each predicting every row
 * @param on which rows these are
 *
 * @example
 * const analysis = analyse(membersOf(target, predictions), truthOf(target, y), "test");
 * console.log(analysis.sentences.join("\n"));
 */
export function analyse(members: Members, truth: Truth, on: ErrorAnalysis["on"]): ErrorAnalysis {
  const errors = errorsOf(members, truth);
  const k = errors.members.length;
  const own = errors.members.map((error) => dot(error, error) / errors.divisor);
  const v = own.reduce((sum, error) => sum + error, 0) / k;
  const { c, withOthers } = pairProducts(errors);
  const measured = measuredCurve(members, truth);
  const ensembleError = measured[k - 1]!;
  const predictedError = lawError(v, c ?? v, k);
  const accuracies = accuracyOf(members, truth);
  const resamples = resampleRows(errors);

  const figures: Omit<ErrorAnalysis, "sentences"> = {
    on,
    unit: unitOf(truth),
    rows: members.rows,
    k,
    v,
    c,
    rho: ratio(c, v),
    ensembleError,
    predictedError,
    identityGap: ensembleError - predictedError,
    remaining: c === null ? null : (v - c) / k,
    intervals: intervalsOf(resamples, k),
    newMembers: newMemberIntervals(errors, v, c),
    ambiguity: ambiguityOf(members, truth, own, ensembleError),
    curve: errorCurve(measured, errors, v, c),
    floor: c,
    enough: c === null ? [] : enoughOf(v, c, resamples),
    members: members.members.map(({ member }, index) => ({
      member,
      error: own[index]!,
      withOthers: withOthers?.[index] ?? null,
      ...(accuracies === null ? {} : { accuracy: accuracies[index]! }),
    })),
    best: own.indexOf(Math.min(...own)),
    correlation: errorCorrelation(errors),
  };
  return { ...figures, sentences: sentences(figures) };
}

function unitOf(truth: Truth): string {
  if (truth.task === "classification") return "Brier score, summed over classes";
  return truth.targets === 1
    ? "squared target units"
    : `squared target units, mean of ${truth.targets} targets`;
}

function ratio(c: number | null, v: number): number | null {
  return c === null || !(v > 0) ? null : c / v;
}

function intervalsOf(resamples: readonly Resample[], k: number): ErrorAnalysis["intervals"] {
  const gains = resamples.map(({ v, ensembleError }) => v - ensembleError);
  return {
    v: centralInterval(resamples.map(({ v }) => v)),
    c: finiteInterval(resamples.map(({ c }) => c)),
    rho: finiteInterval(resamples.map(({ c, v }) => ratio(c, v))),
    ensembleError: centralInterval(resamples.map(({ ensembleError }) => ensembleError)),
    gain: k === 1 ? null : centralInterval(gains),
    remaining: finiteInterval(resamples.map(({ v, c }) => (c === null ? null : (v - c) / k))),
  };
}

/**
 * Krogh and Vedelsby 1995: the ensemble's error is the members' mean error minus the ambiguity, the
 * mean squared distance of members from their average. The ambiguity knows nothing of the truth.
 */
function ambiguityOf(
  { members }: Members,
  truth: Truth,
  own: readonly number[],
  ensembleError: number,
): ErrorAnalysis["ambiguity"] {
  const first = members[0]!.values;
  const k = members.length;
  const centre = new Float64Array(first.length);
  for (const { values } of members) {
    for (let at = 0; at < centre.length; at++) centre[at]! += (values[at]! - first[at]!) / k;
  }
  let sum = 0;
  for (const { values } of members) {
    let squares = 0;
    for (let at = 0; at < centre.length; at++) {
      const distance = values[at]! - first[at]! - centre[at]!;
      squares += distance * distance;
    }
    sum += squares;
  }
  const ambiguity = sum / k / divisorOf(truth);
  const meanMemberError = mean([...own]);
  return { meanMemberError, ambiguity, gap: ensembleError - (meanMemberError - ambiguity) };
}

function enoughOf(v: number, c: number, resamples: readonly Resample[]): ErrorAnalysis["enough"] {
  return TOLERANCES.map((tolerance) => {
    // A resample without a floor above 0 asks for more members than any number.
    const counts = resamples.map((at) => membersEnough(at.v, at.c ?? 0, tolerance) ?? Infinity);
    return {
      tolerance,
      members: membersEnough(v, c, tolerance),
      interval: finiteInterval(counts),
    };
  });
}

function accuracyOf({ members }: Members, truth: Truth): number[] | null {
  if (truth.task === "regression") return null;
  const { labels, classes, rows } = truth;
  return members.map(({ values }) => {
    let right = 0;
    for (let row = 0; row < rows; row++) {
      if (argmax(values, row * classes, classes) === labels[row]) right++;
    }
    return right / rows;
  });
}
