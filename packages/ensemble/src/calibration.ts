import { elementary } from "@manyfold/core";
import { type Calibration, type Calibrator, ManyfoldError, match } from "@manyfold/protocol";
import type { Truth } from "./members.ts";
import { logProbability, softmax } from "./probability.ts";

type Classes = Extract<Truth, { task: "classification" }>;

/**
 * Fits a calibrator to a combined prediction of rows that trained none of the members that predict
 * them, `[rows, classes]`. Out-of-bag rows are predicted by a share of the members only, so that
 * they are a little less sure than the whole ensemble is.
 *
 * @throws ManyfoldError for a regression
 *
 * @example
 * const calibration = fitCalibration({ temperature: {} }, truth, outOfBagPrediction);
 * calibrate(calibration, prediction, classes);
 */
export function fitCalibration(
  calibrator: Calibrator,
  truth: Truth,
  prediction: Float64Array,
): Calibration {
  if (truth.task === "regression") {
    throw new ManyfoldError({
      code: "config",
      path: "ensemble.calibrate",
      condition: "left out for a regression",
      help: "Temperatures and curves are of classes' probabilities.",
    });
  }
  return match<Calibrator, Calibration>(calibrator, {
    temperature: () => ({ temperature: { temperature: temperatureOf(truth, prediction) } }),
    isotonic: () => ({ isotonic: { curves: curvesOf(truth, prediction) } }),
  });
}

/** The calibrated prediction `[rows, classes]`; the given one where nothing calibrates. */
export function calibrate(
  calibration: Calibration | undefined,
  prediction: Float64Array,
  classes: number,
): Float64Array {
  if (calibration === undefined) return prediction;
  const write = match<Calibration, (row: Float64Array) => void>(calibration, {
    temperature:
      ({ temperature }) =>
      (row) =>
        temper(row, 1 / temperature),
    isotonic:
      ({ curves }) =>
      (row) =>
        followCurves(row, curves),
  });
  const out = prediction.slice();
  for (let at = 0; at < out.length; at += classes) write(out.subarray(at, at + classes));
  return out;
}

function temper(row: Float64Array, exponent: number): void {
  for (let cls = 0; cls < row.length; cls++) row[cls] = exponent * logProbability(row[cls]!);
  softmax(row);
}

/** Exponents that are tried lie between 1/LIMIT and LIMIT: rows without a mistake ask for infinity. */
const LIMIT = 20;

/**
 * The temperature of least log loss: in the exponent 1/T the loss is convex, its slope the mean over
 * rows of E_p[log q] - log q_true, whose sign change is found by halving.
 */
function temperatureOf({ rows, classes, labels }: Classes, prediction: Float64Array): number {
  const logs = prediction.map(logProbability);
  const row = new Float64Array(classes);
  const slope = (exponent: number): number => {
    let sum = 0;
    for (let at = 0; at < rows; at++) {
      for (let cls = 0; cls < classes; cls++) row[cls] = exponent * logs[at * classes + cls]!;
      softmax(row);
      for (let cls = 0; cls < classes; cls++) sum += row[cls]! * logs[at * classes + cls]!;
      sum -= logs[at * classes + labels[at]!]!;
    }
    return sum;
  };
  let low = -elementary.log(LIMIT);
  let high = -low;
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (slope(elementary.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  return elementary.exp(-(low + high) / 2);
}

type Curve = Extract<Calibration, { isotonic: unknown }>["isotonic"]["curves"][number];

/**
 * For each class the rising curve of least squared error from its probability to whether it is the
 * true one, by pooling adjacent violators (Ayer and others 1955). Ends are kept from 0 and 1 by the
 * rule of succession over all rows, so that no later row can have an infinite log loss.
 */
function curvesOf({ rows, classes, labels }: Classes, prediction: Float64Array): Curve[] {
  const least = 1 / (rows + 2);
  return Array.from({ length: classes }, (_, cls) => {
    const points = Array.from(labels, (label, row) => ({
      x: prediction[row * classes + cls]!,
      y: label === cls ? 1 : 0,
    })).sort((a, b) => a.x - b.x);
    const blocks: { first: number; last: number; sum: number; count: number }[] = [];
    for (const { x, y } of points) {
      const same = blocks.at(-1);
      if (same !== undefined && same.last === x && same.first === x) {
        same.sum += y;
        same.count += 1;
      } else blocks.push({ first: x, last: x, sum: y, count: 1 });
    }
    const pooled: typeof blocks = [];
    for (const block of blocks) {
      let current = block;
      for (let before = pooled.at(-1); before !== undefined; before = pooled.at(-1)) {
        if (before.sum * current.count < current.sum * before.count) break;
        pooled.pop();
        current = {
          first: before.first,
          last: current.last,
          sum: before.sum + current.sum,
          count: before.count + current.count,
        };
      }
      pooled.push(current);
    }
    const corners = pooled.flatMap(({ first, last, sum, count }) => {
      const y = Math.min(1 - least, Math.max(least, sum / count));
      return first === last
        ? [{ x: first, y }]
        : [
            { x: first, y },
            { x: last, y },
          ];
    });
    return { from: corners.map(({ x }) => x), to: corners.map(({ y }) => y) };
  });
}

function followCurves(row: Float64Array, curves: readonly Curve[]): void {
  let total = 0;
  for (let cls = 0; cls < row.length; cls++) {
    total += row[cls] = heightAt(curves[cls]!, row[cls]!);
  }
  for (let cls = 0; cls < row.length; cls++) row[cls]! /= total;
}

function heightAt({ from, to }: Curve, x: number): number {
  // The first corner that is not left of x.
  let low = 0;
  let high = from.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (from[middle]! < x) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return to[0]!;
  if (low === from.length) return to.at(-1)!;
  const [x0, x1] = [from[low - 1]!, from[low]!];
  return to[low - 1]! + ((x - x0) / (x1 - x0)) * (to[low]! - to[low - 1]!);
}
