import type { ConformalScore } from "@manyfold/protocol";
import { combine } from "./combiners.ts";
import type { FittingRows } from "./fits.ts";
import type { Members, Truth } from "./members.ts";

/** Products of a row, a training row and a member that are spent at most. */
const BUDGET = 200_000_000;

/**
 * How often jackknife+-after-bootstrap intervals (Kim, Xu and Barber 2020) hold the truth of rows
 * that no member saw. For a row x, each training row i gives the mean f_i(x) of the members that
 * left i out and the residual R_i of row i by the same members; the interval runs from the
 * floor(a(n+1))-th smallest f_i(x) - R_i to the ceil((1-a)(n+1))-th smallest f_i(x) + R_i, with
 * a = 1 - coverage. It covers at least 1 - 2a where the number of members is itself drawn at random,
 * in practice about 1 - a. Equal-weight means, whatever combines the members.
 *
 * Large tests are thinned evenly, to keep rows x training rows x members in bounds.
 *
 * @param oob out-of-bag predictions of the members
 * @param members the same members' predictions of the rows
 * @returns null for a classification, and where training rows are too few for the coverage
 */
export function scoreJackknife(
  oob: FittingRows,
  members: Members,
  truth: Truth,
  coverage: number,
): ConformalScore | null {
  if (truth.task === "regression" && oob.truth.task === "regression") {
    return jackknife(oob, members, { truth, own: oob.truth }, coverage);
  }
  return null;
}

type Values = Extract<Truth, { task: "regression" }>;

function jackknife(
  oob: FittingRows,
  members: Members,
  { truth, own }: { truth: Values; own: Values },
  coverage: number,
): ConformalScore | null {
  const n = own.rows;
  const place = Math.ceil((n + 1) * coverage * (1 - 1e-12));
  if (place > n) return null;
  const { targets } = truth;
  const k = members.members.length;
  const residuals = combine({ mean: {} }, oob.members).map((value, at) =>
    Math.abs(own.values[at]! - value),
  );
  // [n, k]: members that left a row out, by the share that each has in their mean.
  const shares = new Float64Array(n * k);
  for (let i = 0; i < n; i++) {
    let count = 0;
    for (const { present } of oob.members.members) count += present?.[i] ?? 1;
    for (const [m, { present }] of oob.members.members.entries()) {
      shares[i * k + m] = (present?.[i] ?? 1) / count;
    }
  }
  const step = Math.max(1, Math.ceil((truth.rows * n * k * targets) / BUDGET));
  const low = new Float64Array(n);
  const high = new Float64Array(n);
  let [held, size, on] = [0, 0, 0];
  for (let row = 0; row < truth.rows; row += step) {
    for (let target = 0; target < targets; target++) {
      const at = row * targets + target;
      for (let i = 0; i < n; i++) {
        let value = 0;
        for (let m = 0; m < k; m++) value += shares[i * k + m]! * members.members[m]!.values[at]!;
        low[i] = value - residuals[i * targets + target]!;
        high[i] = value + residuals[i * targets + target]!;
      }
      low.sort();
      high.sort();
      // The lower end mirrors the upper: floor(a(n+1)) = n + 1 - ceil((1-a)(n+1)).
      const [from, to] = [low[n - place]!, high[place - 1]!];
      if (from <= truth.values[at]! && truth.values[at]! <= to) held++;
      size += to - from;
      on++;
    }
  }
  const [achieved, width] = [held / on, size / on];
  return { method: "jackknife+ab", coverage, achieved, size: width, from: n, on };
}
