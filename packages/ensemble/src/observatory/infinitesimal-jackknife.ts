import type { Observatory } from "@manyfold/protocol";
import { combine } from "../combiners.ts";
import type { Members, Truth } from "../members.ts";
import { argmax } from "../probability.ts";

/** The rows that members of a bag were trained on. */
export interface Drawn {
  /** Per member, in member order: rows with repeats, any numbering. */
  readonly rows: readonly ArrayLike<number>[];
  /** Rows that could be drawn. */
  readonly among: number;
}

/** Products of members, rows and members that are spent at most. */
const BUDGET = 100_000_000;
/** Most rows that are listed. */
const LISTED = 200;

/**
 * How far the bag's mean prediction of each row would move if the training rows were drawn again: the
 * infinitesimal jackknife (Efron 2014), with the correction for few members (Wager, Hastie and Efron
 * 2014, equation 7). With N_bi how often member b drew row i, t_b its prediction and d_b = t_b - mean,
 *
 *     variance = sum over i of (sum over b of N_bi d_b)^2 / (B-1)^2 - m/(B-1)^2 sum over b of d_b^2
 *
 * for bootstraps of m rows; B-1 where the paper has B makes the covariances unbiased. The first sum
 * is d' N N' d, so that the products of members' draws serve every row. By chance the variance strays
 * by about sqrt(2/n) times the correction (`noise`): B of the order of n makes it sharp; with few
 * members only its mean over rows says something.
 *
 * Regression: every value. Classification: the probability of the most probable class of the mean.
 *
 * @returns null for fewer than two members
 */
export function infinitesimalJackknife(
  members: Members,
  truth: Truth,
  { rows: drawn, among }: Drawn,
  rowNumbers: ArrayLike<number>,
): Observatory["jackknife"] {
  const k = members.members.length;
  if (k < 2 || drawn.length !== k) return null;
  const products = commonDraws(drawn);
  const size = drawn.reduce((sum, own) => sum + own.length, 0) / k;
  const mean = combine({ mean: {} }, members);
  const { outputs, rows } = members;
  const perRow = truth.task === "classification" ? 1 : outputs;
  const step = Math.max(1, Math.ceil((rows * perRow * k * k) / BUDGET));
  const apart = new Float64Array(k);
  const values: NonNullable<Observatory["jackknife"]>["values"] = [];
  let [raw, correction, noise, below, count] = [0, 0, 0, 0, 0];
  for (let row = 0; row < rows; row += step) {
    for (let i = 0; i < perRow; i++) {
      const at =
        row * outputs +
        (truth.task === "classification" ? argmax(mean, row * outputs, outputs) : i);
      let squares = 0;
      for (let b = 0; b < k; b++) {
        const difference = members.members[b]!.values[at]! - mean[at]!;
        apart[b] = difference;
        squares += difference * difference;
      }
      const own = quadratic(products, apart) / ((k - 1) * (k - 1));
      const taken = (size / ((k - 1) * (k - 1))) * squares;
      raw += own;
      correction += taken;
      noise += Math.sqrt(2 / among) * taken;
      if (own <= taken) below++;
      count++;
      values.push({
        row: rowNumbers[row]!,
        prediction: mean[at]!,
        error: Math.sqrt(Math.max(0, own - taken)),
        ...(truth.task === "regression" && { truth: truth.values[at]! }),
      });
    }
  }
  const every = Math.max(1, Math.ceil(values.length / LISTED));
  return {
    members: k,
    from: among,
    variance: (raw - correction) / count,
    raw: raw / count,
    correction: correction / count,
    noise: noise / count,
    below: below / count,
    values: values.filter((_, at) => at % every === 0),
  };
}

/** `[B, B]`: sum over rows of the products of how often two members drew it. */
function commonDraws(drawn: readonly ArrayLike<number>[]): Float64Array[] {
  const counts = drawn.map((rows) => {
    const own = new Map<number, number>();
    for (let i = 0; i < rows.length; i++) own.set(rows[i]!, (own.get(rows[i]!) ?? 0) + 1);
    return own;
  });
  const products = counts.map(() => new Float64Array(counts.length));
  for (const [a, own] of counts.entries()) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (const [row, times] of own) sum += times * (counts[b]!.get(row) ?? 0);
      products[a]![b] = products[b]![a] = sum;
    }
  }
  return products;
}

/** d' G d. */
function quadratic(products: readonly Float64Array[], d: Float64Array): number {
  let total = 0;
  for (const [a, row] of products.entries()) {
    let sum = 0;
    for (let b = 0; b < d.length; b++) sum += row[b]! * d[b]!;
    total += d[a]! * sum;
  }
  return total;
}
