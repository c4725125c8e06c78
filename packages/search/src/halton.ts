import { fold, permutation, type Key } from "@manyfold/core";
import { allowed } from "./random.ts";
import { settingAt, unmoved, type SamplerRule } from "./sampler.ts";
import { dimensionComplaints, MOST_DIMENSIONS } from "./sobol.ts";
import { namesOf } from "./tree.ts";

/** Halton's sequence, trial n its point n, a prime base per parameter in the order of their names. */
export const halton: SamplerRule<{ readonly scramble: boolean }> = {
  adaptive: false,
  size: () => Infinity,
  begin: (premise, { scramble }) => {
    const { key, space } = premise;
    const ofSampler = fold(key, "halton");
    const point = namesOf(space).map((_, dimension) =>
      haltonDimension(dimension, scramble ? fold(ofSampler, "dimension", dimension) : null),
    );
    return unmoved((trial) =>
      allowed(
        settingAt(space, (_, index) => point[index]?.(trial) ?? 0),
        premise,
        trial,
      ),
    );
  },
  complaints: (space) => dimensionComplaints(space, "halton"),
};

/**
 * One coordinate of the sequence, from 0: its value in [0, 1) at an index, which is the index with
 * its digits in the dimension's prime base mirrored at the point.
 *
 * With a key each digit is permuted at random, also the zeros behind the last one (Owen 2017, A
 * randomized Halton algorithm in R).
 */
export function haltonDimension(dimension: number, key: Key | null): (index: number) => number {
  const base = PRIMES[dimension] ?? 2;
  // As many digits as a double holds, and as the largest index needs.
  let digits = 0;
  for (let reach = 1; reach < Number.MAX_SAFE_INTEGER; reach *= base) digits += 1;
  const permuted = Array.from({ length: digits }, (_, digit) =>
    key === null ? null : permutation(fold(key, "digit", digit), base),
  );
  const places = new Float64Array(digits);
  return (index) => {
    let rest = index;
    for (let digit = 0; digit < digits; digit++) {
      const found = rest % base;
      places[digit] = permuted[digit]?.[found] ?? found;
      rest = Math.floor(rest / base);
    }
    let value = 0;
    for (let digit = digits - 1; digit >= 0; digit--) value = (value + (places[digit] ?? 0)) / base;
    return Math.min(value, 1 - Number.EPSILON);
  };
}

/** The first primes, one per dimension. */
const PRIMES = primes(MOST_DIMENSIONS);

function primes(count: number): number[] {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  }
  return found;
}
