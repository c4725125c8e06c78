import { type Combiner, ManyfoldError, show } from "@manyfold/protocol";
import { mean } from "simple-statistics";

/**
 * The weights that a combiner gives the members, in member order and summing to 1; null where it
 * needs none. These are what an artifact stores.
 *
 * A configuration's own weights are by member number, so that a member that failed takes its weight
 * with it. Without them the weights follow from out-of-bag errors, see {@link inverseErrorWeights}.
 *
 * @param numbers the members' numbers
 * @param oobErrors each member's error on the rows it did not train on, null where it has none
 * @throws ManyfoldError `config` where there is no weight for a member, or all are 0
 */
export function memberWeights(
  combiner: Combiner,
  numbers: readonly number[],
  oobErrors: readonly (number | null)[] | null,
): number[] | null {
  if (!("weighted" in combiner)) return null;
  const { weights } = combiner.weighted;
  if (weights === undefined) {
    return inverseErrorWeights(oobErrors ?? numbers.map(() => null));
  }
  const chosen = numbers.map((member) => weights[member]);
  const total = chosen.reduce<number>((sum, weight) => sum + (weight ?? 0), 0);
  if (chosen.includes(undefined) || !(total > 0)) {
    throw new ManyfoldError({
      code: "config",
      path: "ensemble.combine.weighted.weights",
      condition: `one weight for each of members 0 to ${Math.max(...numbers)}, not all 0`,
      got: show(weights),
      help: "Leave the weights out to weigh members by their out-of-bag error.",
    });
  }
  return chosen.map((weight) => (weight ?? 0) / total);
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
