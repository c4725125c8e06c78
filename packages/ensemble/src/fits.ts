import { type Combiner, ManyfoldError, match, show } from "@manyfold/protocol";
import { mean } from "simple-statistics";
import { memberErrors } from "./errors.ts";
import { greedyWeights } from "./fits/greedy.ts";
import { leastErrorWeights } from "./fits/least-error.ts";
import { errorMoments, type Moments, settled } from "./fits/moments.ts";
import { fitStacker } from "./fits/stacking.ts";
import type { Members, Truth } from "./members.ts";

/** What a combiner has to know besides its settings; an artifact stores it. */
export interface CombinerFit {
  /** One per member, in member order; null where the combiner needs none. */
  readonly weights: readonly number[] | null;
  /** One per output; null where the combiner adds none. */
  readonly offsets: readonly number[] | null;
}

/** Out-of-bag predictions, which are what a combiner may be fitted on, and the truth of their rows. */
export interface FittingRows {
  readonly members: Members;
  readonly truth: Truth;
}

interface Material {
  /** The members' numbers. */
  readonly numbers: readonly number[];
  readonly rows: FittingRows | null;
}

const NOTHING: CombinerFit = { weights: null, offsets: null };

/**
 * The weights and offsets of a combiner. None is ever fitted on test rows: those that depend on
 * data follow from out-of-bag predictions, and weigh members equally where there are none.
 *
 * A configuration's own weights are by member number, so that a member that failed takes its weight
 * with it. Without them `weighted` follows from out-of-bag errors, see {@link inverseErrorWeights};
 * see {@link leastErrorWeights}, {@link greedyWeights} and {@link fitStacker} for the others.
 *
 * @param numbers the members' numbers
 * @param rows of the same members in the same order; null where there are none
 * @throws ManyfoldError `config` where there is no weight for a member, or all are 0
 *
 * @example
 * const fit = fitCombiner({ nnls: {} }, numbers, { members: oob.members, truth });
 * combine({ nnls: {} }, members, fit);
 */
export function fitCombiner(
  combiner: Combiner,
  numbers: readonly number[],
  rows: FittingRows | null,
): CombinerFit {
  const material = { numbers, rows };
  return match<Combiner, CombinerFit>(combiner, {
    mean: () => NOTHING,
    median: () => NOTHING,
    vote: () => NOTHING,
    trimmed: () => NOTHING,
    geometric: () => NOTHING,
    weighted: ({ weights }) => ({
      weights: weights === undefined ? byInverseError(material) : chosen(weights, numbers),
      offsets: null,
    }),
    nnls: () =>
      byMoments(material, (at) => leastErrorWeights(at, { shrinkage: 0, nonNegative: true })),
    minimumVariance: (settings) => byMoments(material, (at) => leastErrorWeights(at, settings)),
    greedy: ({ picks }) => byMoments(material, (at) => greedyWeights(settled(at), picks)),
    stacking: ({ penalty }) =>
      rows === null
        ? { weights: equal(numbers), offsets: null }
        : fitStacker(rows.members, rows.truth, penalty),
  });
}

/**
 * Whether a combiner is fitted on out-of-bag rows, which then assess nothing any more.
 */
export function decidesOutOfBag(combiner: Combiner): boolean {
  return match<Combiner, boolean>(combiner, {
    mean: () => false,
    median: () => false,
    vote: () => false,
    trimmed: () => false,
    geometric: () => false,
    weighted: ({ weights }) => weights === undefined,
    nnls: () => true,
    minimumVariance: () => true,
    greedy: () => true,
    stacking: () => true,
  });
}

function equal(numbers: readonly number[]): number[] {
  return numbers.map(() => 1 / numbers.length);
}

function byMoments(
  { numbers, rows }: Material,
  weigh: (moments: Moments) => number[],
): CombinerFit {
  const weights = rows === null ? equal(numbers) : weigh(errorMoments(rows.members, rows.truth));
  return { weights, offsets: null };
}

function byInverseError({ numbers, rows }: Material): number[] {
  return inverseErrorWeights(
    rows === null ? numbers.map(() => null) : memberErrors(rows.members, rows.truth),
  );
}

function chosen(weights: readonly number[], numbers: readonly number[]): number[] {
  const own = numbers.map((member) => weights[member]);
  const total = own.reduce<number>((sum, weight) => sum + (weight ?? 0), 0);
  if (own.includes(undefined) || !(total > 0)) {
    throw new ManyfoldError({
      code: "config",
      path: "ensemble.combine.weighted.weights",
      condition: `one weight for each of members 0 to ${Math.max(...numbers)}, not all 0`,
      got: show(weights),
      help: "Leave the weights out to weigh members by their out-of-bag error.",
    });
  }
  return own.map((weight) => (weight ?? 0) / total);
}

/**
 * Weights proportional to 1 / error, summing to 1: the minimum-variance weights of members whose
 * errors are unbiased and uncorrelated. Members without an error get the mean error; without any
 * error at all, and where errors are 0, weights are equal among those concerned.
 */
export function inverseErrorWeights(errors: readonly (number | null)[]): number[] {
  const known = errors.filter((error) => error !== null);
  if (known.length === 0) return errors.map(() => 1 / errors.length);
  const filled = errors.map((error) => error ?? mean(known));
  const perfect = filled.filter((error) => error === 0).length;
  if (perfect > 0) return filled.map((error) => (error === 0 ? 1 / perfect : 0));
  // Relative to the smallest, so that neither the inverse nor the sum overflows.
  const least = Math.min(...filled);
  const total = filled.reduce((sum, error) => sum + least / error, 0);
  return filled.map((error) => least / error / total);
}
