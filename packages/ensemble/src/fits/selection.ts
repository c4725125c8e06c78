import { fold, type Key, permutation } from "@manyfold/core";
import { match } from "@manyfold/protocol";
import type { Members, Truth } from "../members.ts";
import { greedyWeights } from "./greedy.ts";
import { leastErrorWeights } from "./least-error.ts";
import { errorMoments, type Moments } from "./moments.ts";

/** How members are chosen among many that differ in how good they are, as a search's trials do. */
export type Selection =
  | { readonly greedy: { readonly size: number; readonly key: Key } }
  | { readonly minimumVariance: { readonly size: number } }
  | { readonly top: { readonly size: number } };

/** Bags of candidates that greedy selection is repeated on. */
const BAGS = 20;
/** How far correlations are drawn to their mean. */
const SHRINKAGE = 0.5;

/**
 * A weight per candidate, 0 for those not chosen; they sum to 1, and at most `size` are above 0.
 *
 * `greedy`: {@link greedyWeights} on 20 random halves of the candidates, averaged: a candidate that
 * was picked by luck is in half of the bags only (Caruana et al. 2004, section 2.3).
 * `minimumVariance`: weights of least error, none below 0, of products whose correlations are drawn
 * half of the way to their mean (Ledoit and Wolf 2004); every candidate keeps its own error, in
 * which trials differ, unlike members of one bag.
 * `top`: the first ones, with equal weights.
 *
 * @param candidates their predictions of rows that trained none of them, the best candidate first
 */
export function selectionWeights(
  selection: Selection,
  candidates: Members,
  truth: Truth,
): readonly number[] {
  const k = candidates.members.length;
  return match<Selection, readonly number[]>(selection, {
    greedy: ({ size, key }) => {
      const moments = errorMoments(candidates, truth);
      const sums = new Float64Array(k);
      for (let bag = 0; bag < BAGS; bag++) {
        const half = permutation(fold(key, "bag", bag), k).subarray(0, Math.ceil(k / 2));
        const kept = Array.from(half).toSorted((a, b) => a - b);
        greedyWeights(within(moments, kept), size).forEach((weight, at) => {
          sums[kept[at]!]! += weight / BAGS;
        });
      }
      return largest(sums, size);
    },
    minimumVariance: ({ size }) => {
      const moments = drawn(errorMoments(candidates, truth), SHRINKAGE);
      return largest(leastErrorWeights(moments, { shrinkage: 0, nonNegative: true }), size);
    },
    top: ({ size }) =>
      Array.from({ length: k }, (_, at) => (at < size ? 1 / Math.min(size, k) : 0)),
  });
}

/** The moments of some of the members. */
function within({ k, products, uncertainty, own, shared }: Moments, kept: number[]): Moments {
  const pick = (matrix: Float64Array) =>
    Float64Array.from(kept.flatMap((i) => kept.map((l) => matrix[i * k + l]!)));
  return { k: kept.length, products: pick(products), uncertainty: pick(uncertainty), own, shared };
}

/** Products whose correlations are drawn to the mean correlation. */
function drawn(moments: Moments, share: number): Moments {
  const { k, products } = moments;
  const deviation = Float64Array.from({ length: k }, (_, i) => Math.sqrt(products[i * k + i]!));
  const correlation = (i: number, l: number) => {
    const scale = deviation[i]! * deviation[l]!;
    return scale > 0 ? products[i * k + l]! / scale : 0;
  };
  let sum = 0;
  for (let i = 0; i < k; i++) for (let l = 0; l < i; l++) sum += correlation(i, l);
  const mean = k > 1 ? sum / ((k * (k - 1)) / 2) : 0;
  const changed = products.map((product, at) => {
    const [i, l] = [Math.floor(at / k), at % k];
    if (i === l) return product;
    return (1 - share) * product + share * mean * deviation[i]! * deviation[l]!;
  });
  return { ...moments, products: changed };
}

/** The largest weights, of equals the first, made to sum to 1. */
function largest(weights: ArrayLike<number>, size: number): number[] {
  const all = Array.from(weights, (weight, at) => ({ weight, at }));
  const kept = all.toSorted((a, b) => b.weight - a.weight || a.at - b.at).slice(0, size);
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  const chosen = new Map(kept.map(({ weight, at }) => [at, weight / total]));
  return all.map(({ at }) => chosen.get(at) ?? 0);
}
