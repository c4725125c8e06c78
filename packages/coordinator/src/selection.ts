import { studentQuantile } from "@manyfold/ensemble";
import type { CorrectedValue } from "@manyfold/protocol";
import { mean, medianSorted, sampleVariance } from "simple-statistics";

/** A trial's values by cell, lower is better: all trials on the same cells, in the same order. */
export type Cells = readonly number[];

/**
 * What the best of some trials is worth, by cells: on each cell, the value of the trial that the
 * other cells chose. No cell has a say in what it scores, so that the mean does not flatter as the
 * best mean does (the winner's curse; compare Tibshirani and Tibshirani 2009). Of one trial it is
 * the plain mean.
 *
 * The interval of 95 % allows for cells that share training rows: the variance of their mean is
 * s^2 (1/n + held/trained) instead of s^2/n (Nadeau and Bengio 2003), with Student's t.
 *
 * @param trials at least one, each with the same number of cells
 * @param share held rows of a cell over those it was trained on
 */
export function crossedValue(
  trials: readonly Cells[],
  share: number,
): Pick<CorrectedValue, "value" | "low" | "high" | "cells"> {
  const sums = trials.map((cells) => cells.reduce((sum, value) => sum + value, 0));
  const count = trials[0]?.length ?? 0;
  const found = Array.from({ length: count }, (_, cell) => {
    // Without another cell there is nobody to choose but the cell itself.
    const own = (at: number) => (count > 1 ? (trials[at]?.[cell] ?? 0) : 0);
    const others = sums.map((sum, at) => sum - own(at));
    return trials[others.indexOf(Math.min(...others))]?.[cell] ?? 0;
  });
  const value = mean(found);
  if (count < 2) return { value, low: null, high: null, cells: count };
  const half = studentQuantile(count - 1) * Math.sqrt(sampleVariance(found) * (1 / count + share));
  return { value, low: value - half, high: value + half, cells: count };
}

/** A trial's value, lower is better, and how sure it is. */
export interface Valued {
  readonly value: number;
  readonly standardError: number | null;
}

/**
 * What the best of some trials is worth where each has one cell: drawn towards the median trial by
 * the share of noise in what sets the better half apart (James and Stein 1961; the better half, since
 * settings that diverged say nothing of the leaders' luck). Errors of trials on the same rows are in
 * part the same, which does not choose among them: the correction is rather too large.
 */
export function shrunkenValue(
  trials: readonly Valued[],
): Pick<CorrectedValue, "value" | "low" | "high"> {
  const ranked = trials.toSorted((a, b) => a.value - b.value);
  const [best] = ranked;
  if (best === undefined) throw new TypeError("There is no trial.");
  const error = best.standardError;
  if (error === null) return { value: best.value, low: null, high: null };
  const middle = medianSorted(ranked.map(({ value }) => value));
  const better = ranked.slice(0, Math.floor(ranked.length / 2));
  const spread = better.reduce((sum, one) => sum + (one.value - middle) ** 2, 0);
  const noise = spread === 0 ? 0 : Math.min(1, (error * error * better.length) / spread);
  const value = best.value + noise * (middle - best.value);
  return { value, low: value - NORMAL * error, high: value + NORMAL * error };
}

/** The 97.5 % quantile of the normal distribution. */
const NORMAL = 1.959963984540054;
