import { divisorOf, idealPrediction } from "../errors.ts";
import { type Members, requireSameRows, type Truth } from "../members.ts";
import { cholesky } from "./linear.ts";

/** Mean products of members' errors, `[k, k]`, each over the rows that both members predict. */
export interface Moments {
  readonly k: number;
  /** `[k, k]`; where two members share no row, the mean of those that do. */
  readonly products: Float64Array;
  /** `[k, k]`, squared standard errors of the products over rows. */
  readonly uncertainty: Float64Array;
  /** Mean of the entries on the diagonal, and of those beside it. */
  readonly own: number;
  readonly shared: number;
}

/**
 * Members' error products out of bag. Two members of a bag leave out only some rows together, so
 * every entry has rows of its own: without bias, but no longer surely positive definite.
 *
 * k(k+1)/2 passes over the rows.
 */
export function errorMoments(members: Members, truth: Truth): Moments {
  requireSameRows(members, truth);
  const { rows, outputs } = members;
  const k = members.members.length;
  const ideal = idealPrediction(truth);
  const scale = Math.sqrt(rows / divisorOf(truth));
  const errors = members.members.map(({ values, present }) =>
    values.map((value, at) =>
      present !== undefined && present[Math.floor(at / outputs)] === 0
        ? 0
        : (value - ideal[at]!) * scale,
    ),
  );
  const present = members.members.map((member) => member.present ?? new Uint8Array(rows).fill(1));
  const products = new Float64Array(k * k).fill(NaN);
  const uncertainty = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let l = i; l < k; l++) {
      const found = productOf(errors[i]!, errors[l]!, present[i]!, present[l]!, outputs);
      if (found === null) continue;
      products[i * k + l] = products[l * k + i] = found.mean;
      uncertainty[i * k + l] = uncertainty[l * k + i] = found.uncertainty;
    }
  }
  const own = meanWhere(products, (at) => at % (k + 1) === 0) ?? 0;
  const shared = meanWhere(products, (at) => at % (k + 1) !== 0) ?? own;
  for (let at = 0; at < products.length; at++) {
    if (Number.isNaN(products[at]!)) products[at] = at % (k + 1) === 0 ? own : shared;
  }
  return { k, products, uncertainty, own, shared };
}

function productOf(
  a: Float64Array,
  b: Float64Array,
  inA: Uint8Array,
  inB: Uint8Array,
  outputs: number,
): { mean: number; uncertainty: number } | null {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let row = 0; row < inA.length; row++) {
    if (inA[row] === 0 || inB[row] === 0) continue;
    let product = 0;
    for (let at = row * outputs; at < (row + 1) * outputs; at++) product += a[at]! * b[at]!;
    count++;
    sum += product;
    squares += product * product;
  }
  if (count === 0) return null;
  const mean = sum / count;
  const variance = count < 2 ? mean * mean : Math.max(0, squares - sum * mean) / (count - 1);
  return { mean, uncertainty: variance / count };
}

function meanWhere(values: Float64Array, wanted: (at: number) => boolean): number | null {
  let sum = 0;
  let count = 0;
  for (const [at, value] of values.entries()) {
    if (!wanted(at) || Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? null : sum / count;
}

/**
 * How far to draw the products to a matrix of one own and one shared product, by the least expected
 * squared error (Schaefer and Strimmer 2005, eq. 6 with target "common (co)variance"): the sum of
 * the entries' squared standard errors over that of their squared distances from the target, at
 * most 1. At 1 all members weigh the same, as members of one bag should but for chance.
 */
export function estimatedShrinkage({ k, products, uncertainty, own, shared }: Moments): number {
  let noise = 0;
  let distance = 0;
  for (const [at, product] of products.entries()) {
    const difference = product - (at % (k + 1) === 0 ? own : shared);
    noise += uncertainty[at]!;
    distance += difference * difference;
  }
  return distance > 0 ? Math.min(1, noise / distance) : 1;
}

/**
 * The products drawn to their mean by a share from 0 to 1, or by as much more as makes them positive
 * definite, in steps of 1/64 of what is left; null where no share does (members without errors).
 */
export function shrunken({ k, products, own, shared }: Moments, share: number) {
  for (let step = 0; step <= 64; step++) {
    const by = share + ((1 - share) * step) / 64;
    const matrix = products.map(
      (product, at) => (1 - by) * product + by * (at % (k + 1) === 0 ? own : shared),
    );
    const lower = cholesky(matrix, k);
    if (lower !== null) return { matrix, lower };
  }
  return null;
}

/**
 * The products drawn to their mean as far as the estimate says. Members of a bag leave out few rows
 * together, and the least of many noisy products would be chosen for its noise.
 */
export function settled(moments: Moments): Moments {
  const found = shrunken(moments, estimatedShrinkage(moments));
  return found === null ? moments : { ...moments, products: found.matrix };
}
