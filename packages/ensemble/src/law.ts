import { ManyfoldError, show } from "@manyfold/protocol";
import { mean } from "simple-statistics";

/**
 * Error of the mean of k members with mean squared error v and mean product of two members' errors
 * c: v/k + (k-1)/k c (Goodfellow, Bengio, Courville, *Deep Learning*, eq. 7.51), as c + (v-c)/k.
 *
 * @example
 * lawError(1, 0.2, 5); // 0.36
 */
export function lawError(v: number, c: number, k: number): number {
  return v / k + ((k - 1) / k) * c;
}

/**
 * Smallest number of members whose error by the law is within a tolerance of the floor:
 * c + (v-c)/k <= c (1 + tolerance). Null where the floor is not above 0, so that no share of it can
 * be named, or the number is beyond counting.
 *
 * @param tolerance as a share of the floor, above 0
 */
export function membersEnough(v: number, c: number, tolerance: number): number | null {
  if (!(c > 0)) return null;
  const exact = (v - c) / (c * tolerance);
  if (!(exact <= Number.MAX_SAFE_INTEGER)) return null;
  // A ratio that is whole but for rounding counts as whole.
  return Math.max(1, Math.ceil(exact * (1 - 1e-12)));
}

/** The law fitted to a curve: error(k) = floor + slope / k. */
export interface LawFit {
  /** Intercept: the error of infinitely many members, c. */
  readonly floor: number;
  /** v - c. */
  readonly slope: number;
  /** Share of the errors' variance that the line explains. */
  readonly r2: number;
}

/**
 * Fits the law to any measured or published curve by least squares of the error on 1/k.
 *
 * @param k numbers of members, at least two different ones
 * @param error the error of each
 * @throws ManyfoldError `input` where there are fewer than two different k, or lengths differ
 *
 * @example
 * fitLaw([1, 2, 4], [1, 0.6, 0.4]); // floor 0.2, slope 0.8, r2 1
 */
export function fitLaw(k: readonly number[], error: readonly number[]): LawFit {
  const x = k.map((members) => 1 / members);
  if (x.length !== error.length || new Set(x).size < 2 || x.some((value) => !(value > 0))) {
    throw new ManyfoldError({
      code: "input",
      path: "curve",
      condition: "an error for each of at least two different numbers of members above 0",
      got: `${show(k)} and ${show(error)}`,
      help: "The law has two unknowns, the floor and the slope over 1/k.",
    });
  }
  const centreX = mean(x);
  const centreY = mean([...error]);
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const [i, value] of x.entries()) {
    const dx = value - centreX;
    const dy = error[i]! - centreY;
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  const slope = xy / xx;
  return { floor: centreY - slope * centreX, slope, r2: yy === 0 ? 1 : (slope * xy) / yy };
}
