import { BLOCK, dot, type Errors } from "./errors.ts";

/** Products of members' errors, averaged over rows. */
export interface PairProducts {
  /** Mean product over all k(k-1)/2 pairs of different members, c; null for one member. */
  readonly c: number | null;
  /** `[k]`: each member's mean product with the others; null for one member. */
  readonly withOthers: Float64Array | null;
}

/**
 * Multiplies the errors of every pair of different members, one pair at a time. Nothing here goes
 * through the members' sum or mean, so that comparing the law with the error of the averaged
 * prediction compares two computations and not one with itself.
 *
 * k(k-1)/2 products of `[rows, outputs]`: a second for 1,000 members on 2,000 rows. Blocks of rows
 * keep the operands in cache; four partners at a time keep the adders busy; every sum has one fixed
 * order.
 */
export function pairProducts(errors: Errors): PairProducts {
  const { members, divisor } = errors;
  const k = members.length;
  if (k < 2) return { c: null, withOthers: null };
  const length = members[0]!.length;
  const sums = new Float64Array(k);
  const partners = new Float64Array(4);
  let total = 0;
  for (let start = 0; start < length; start += BLOCK) {
    const end = Math.min(start + BLOCK, length);
    const block = members.map((own) => own.subarray(start, end));
    let blockTotal = 0;
    for (let i = 0; i < k - 1; i++) {
      const own = block[i]!;
      let ownTotal = 0;
      for (let l = i + 1; l < k; l += 4) {
        const count = Math.min(4, k - l);
        products(own, block, l, count, partners);
        for (let p = 0; p < count; p++) {
          sums[l + p]! += partners[p]!;
          ownTotal += partners[p]!;
        }
      }
      sums[i]! += ownTotal;
      blockTotal += ownTotal;
    }
    total += blockTotal;
  }
  const pairs = (k * (k - 1)) / 2;
  return {
    c: total / pairs / divisor,
    withOthers: sums.map((sum) => sum / (k - 1) / divisor),
  };
}

/** Sums of products of one block with up to four others. */
function products(
  own: Float64Array,
  block: readonly Float64Array[],
  first: number,
  count: number,
  out: Float64Array,
): void {
  // Missing partners are the member itself: computed, never used.
  const a = count > 0 ? block[first]! : own;
  const b = count > 1 ? block[first + 1]! : own;
  const c = count > 2 ? block[first + 2]! : own;
  const d = count > 3 ? block[first + 3]! : own;
  let withA = 0;
  let withB = 0;
  let withC = 0;
  let withD = 0;
  for (let at = 0; at < own.length; at++) {
    const error = own[at]!;
    withA += error * a[at]!;
    withB += error * b[at]!;
    withC += error * c[at]!;
    withD += error * d[at]!;
  }
  out[0] = withA;
  out[1] = withB;
  out[2] = withC;
  out[3] = withD;
}

/** Most members whose correlations are given pair by pair. */
const LARGEST_CORRELATION = 128;

/**
 * Correlation of errors of every two members `[k, k]`. Raw: of the errors as they are, so that a
 * bias that members share counts as correlation. Centred: each member's mean error (per output) is
 * taken off first. 0 where one of the two never errs (or always errs alike); null above 128 members.
 */
export function errorCorrelation(errors: Errors): { raw: number[][]; centred: number[][] } | null {
  if (errors.members.length > LARGEST_CORRELATION) return null;
  return {
    raw: correlationOf(errors.members),
    centred: correlationOf(errors.members.map((own) => centred(own, errors.outputs))),
  };
}

function correlationOf(vectors: readonly Float64Array[]): number[][] {
  const lengths = vectors.map((vector) => Math.sqrt(dot(vector, vector)));
  const matrix = vectors.map(() => vectors.map(() => 0));
  for (const [i, own] of vectors.entries()) {
    matrix[i]![i] = 1;
    for (let l = i + 1; l < vectors.length; l++) {
      const size = lengths[i]! * lengths[l]!;
      const value = size > 0 ? dot(own, vectors[l]!) / size : 0;
      // Rounding may leave the interval by an ulp.
      matrix[i]![l] = matrix[l]![i] = Math.min(1, Math.max(-1, value));
    }
  }
  return matrix;
}

function centred(errors: Float64Array, outputs: number): Float64Array {
  const rows = errors.length / outputs;
  const centre = new Float64Array(outputs);
  for (let at = 0; at < errors.length; at++) centre[at % outputs]! += errors[at]! / rows;
  return errors.map((error, at) => error - centre[at % outputs]!);
}
