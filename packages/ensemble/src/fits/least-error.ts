import { nonNegativeSolution, solveLower } from "./linear.ts";
import { estimatedShrinkage, type Moments, shrunken } from "./moments.ts";

/** How {@link leastErrorWeights} are bound. */
export interface LeastErrorSettings {
  /** Share by which the products are drawn to their mean; undefined to estimate it. */
  readonly shrinkage?: number | undefined;
  readonly nonNegative: boolean;
}

/**
 * The weights, summing to 1, that minimise w^T C w, the squared error of the weighted mean of
 * members with error products C: w in proportion to C^-1 1 (Bates and Granger 1969), or the same
 * with w >= 0, which is non-negative least squares. Equal weights where C says nothing.
 */
export function leastErrorWeights(moments: Moments, settings: LeastErrorSettings): number[] {
  const { k } = moments;
  const found = shrunken(moments, settings.shrinkage ?? estimatedShrinkage(moments));
  const ones = new Float64Array(k).fill(1);
  if (found === null) return Array.from(ones, () => 1 / k);
  // By the conditions of the minimum both are the same up to a factor: C w = 1 where w is free.
  const solved = settings.nonNegative
    ? nonNegativeSolution(found.matrix, ones)
    : solveLower(found.lower, ones);
  const total = solved.reduce((sum, weight) => sum + weight, 0);
  return Array.from(solved, (weight) => weight / total);
}
