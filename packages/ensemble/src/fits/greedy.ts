import type { Moments } from "./moments.ts";

/**
 * Ensemble selection (Caruana, Niculescu-Mizil, Crew and Ksikes 2004): the member whose addition
 * gives the least squared error of the picked members' mean is picked, again and again, members
 * with replacement; of the sequence the best prefix is kept, the shorter among equals. The weights
 * are the shares of the picks. Of members that do equally well one that was picked before is taken,
 * then the lower number.
 *
 * With n picks of each member the error is n^T C n / (sum n)^2, C the members' error products.
 */
export function greedyWeights({ k, products }: Moments, picks: number): number[] {
  const counts = new Float64Array(k);
  /** C n, kept up to date. */
  const reached = new Float64Array(k);
  let squares = 0;
  let best: { error: number; counts: Float64Array; total: number } | null = null;
  for (let total = 1; total <= picks; total++) {
    const after = (i: number) => squares + 2 * reached[i]! + products[i * k + i]!;
    let chosen = 0;
    for (let i = 1; i < k; i++) {
      const difference = after(i) - after(chosen);
      const wasPicked = difference === 0 && counts[i]! > 0 && counts[chosen] === 0;
      if (difference < 0 || wasPicked) chosen = i;
    }
    squares = after(chosen);
    counts[chosen]! += 1;
    for (let i = 0; i < k; i++) reached[i]! += products[i * k + chosen]!;
    const error = squares / (total * total);
    if (best === null || error < best.error) best = { error, counts: counts.slice(), total };
  }
  const { total, counts: kept } = best ?? { total: 1, counts };
  return Array.from(kept, (count) => count / total);
}
