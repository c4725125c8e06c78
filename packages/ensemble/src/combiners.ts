import { type Combiner, type FittedTarget, ManyfoldError, show, tagOf } from "@manyfold/protocol";
import type { Members } from "./members.ts";

/** One row's predictions by the members that have one, in member order. */
interface RowPredictions {
  readonly task: FittedTarget["task"];
  readonly count: number;
  readonly outputs: number;
  /** `[count, outputs]`. */
  readonly values: Float64Array;
  /** `[count]`, summing to 1. */
  readonly weights: Float64Array;
}

type CombinerName = Combiner extends infer C ? (C extends unknown ? keyof C : never) : never;

interface CombinerRule {
  /** Tasks it is defined for. */
  readonly tasks: readonly FittedTarget["task"][];
  /** Whether it needs a weight per member. */
  readonly weighted: boolean;
  /** Writes the row's combined prediction `[outputs]`. */
  combine(row: RowPredictions, out: Float64Array): void;
}

const BOTH = ["classification", "regression"] as const;

/** How members' predictions of a row become one: float64, members in order. */
const COMBINERS: { readonly [C in CombinerName]: CombinerRule } = {
  mean: { tasks: BOTH, weighted: false, combine: weightedMean },
  weighted: { tasks: BOTH, weighted: true, combine: weightedMean },
  median: { tasks: BOTH, weighted: false, combine: median },
  vote: { tasks: ["classification"], weighted: false, combine: vote },
};

/**
 * The members' combined prediction `[rows, outputs]`, in their order and in float64. Members that
 * do not predict a row take no part in it.
 *
 * - `mean`: equal weights.
 * - `weighted`: the given weights, made to sum to 1 over the members that predict the row; equal
 *   weights where these are all 0.
 * - `median`: of each output alone (for an even number, the middle of the two). Probabilities are
 *   then divided by their sum; where it is 0 (every class denied by more than half), the mean.
 * - `vote`: the share of members whose most probable class it is; ties go to the lower class.
 *
 * @param weights one per member, in member order; required by `weighted`
 * @throws ManyfoldError for a row that no member predicts, for `vote` on a regression
 *
 * @example
 * const members = membersOf(target, predictions);
 * const probabilities = combine({ mean: {} }, members);
 */
export function combine(
  combiner: Combiner,
  members: Members,
  weights?: readonly number[] | null,
): Float64Array {
  const name = tagOf(combiner);
  const rule = COMBINERS[name];
  const { task, rows, outputs } = members;
  const k = members.members.length;
  requireCombiner(combiner, task);
  const given = rule.weighted ? requireWeights(weights, k) : undefined;

  const out = new Float64Array(rows * outputs);
  const values = new Float64Array(k * outputs);
  const shares = new Float64Array(k);
  for (let row = 0; row < rows; row++) {
    let count = 0;
    let total = 0;
    for (const [index, { values: own, present }] of members.members.entries()) {
      if (present !== undefined && present[row] === 0) continue;
      values.set(own.subarray(row * outputs, (row + 1) * outputs), count * outputs);
      total += shares[count] = given?.[index] ?? 1;
      count++;
    }
    if (count === 0) throw uncovered(row);
    for (let i = 0; i < count; i++) shares[i] = total > 0 ? shares[i]! / total : 1 / count;
    rule.combine(
      { task, count, outputs, values, weights: shares },
      out.subarray(row * outputs, (row + 1) * outputs),
    );
  }
  return out;
}

/**
 * Refuses a combiner that is not defined for the task: votes are of classes.
 *
 * @throws ManyfoldError `config` at `ensemble.combine`
 */
export function requireCombiner(combiner: Combiner, task: FittedTarget["task"]): void {
  const name = tagOf(combiner);
  if (COMBINERS[name].tasks.includes(task)) return;
  const fitting = Object.entries(COMBINERS).filter(([, rule]) => rule.tasks.includes(task));
  throw new ManyfoldError({
    code: "config",
    path: "ensemble.combine",
    condition: `one of ${fitting.map(([other]) => other).join(", ")} for ${task}`,
    got: show(name),
    help: "A vote counts classes; numbers are averaged, or their median is taken.",
  });
}

/** Index of the largest of `outputs` values from `at` on; the lower index among equals. */
export function argmax(values: ArrayLike<number>, at: number, outputs: number): number {
  let best = 0;
  for (let output = 1; output < outputs; output++) {
    if (values[at + output]! > values[at + best]!) best = output;
  }
  return best;
}

function weightedMean({ count, outputs, values, weights }: RowPredictions, out: Float64Array) {
  // Around the first member, so that equal predictions stay what they are, to the bit.
  for (let output = 0; output < outputs; output++) {
    const first = values[output]!;
    let sum = 0;
    for (let i = 1; i < count; i++) sum += weights[i]! * (values[i * outputs + output]! - first);
    out[output] = first + sum;
  }
}

function median(row: RowPredictions, out: Float64Array) {
  const { task, count, outputs, values } = row;
  const middle = new Float64Array(count);
  for (let output = 0; output < outputs; output++) {
    for (let i = 0; i < count; i++) middle[i] = values[i * outputs + output]!;
    middle.sort();
    out[output] = (middle[(count - 1) >> 1]! + middle[count >> 1]!) / 2;
  }
  if (task === "regression") return;
  const total = out.reduce((sum, value) => sum + value, 0);
  if (total === 0) return weightedMean(row, out);
  for (let output = 0; output < outputs; output++) out[output]! /= total;
}

function vote({ count, outputs, values }: RowPredictions, out: Float64Array) {
  out.fill(0);
  for (let i = 0; i < count; i++) out[argmax(values, i * outputs, outputs)]! += 1;
  for (let output = 0; output < outputs; output++) out[output]! /= count;
}

function requireWeights(weights: readonly number[] | null | undefined, k: number) {
  if (weights?.length === k && weights.every((weight) => Number.isFinite(weight) && weight >= 0)) {
    return weights;
  }
  throw new ManyfoldError({
    code: "internal",
    path: "weights",
    condition: `${k} finite numbers that are not negative, one per member`,
    got: show(weights ?? null),
  });
}

function uncovered(row: number): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: `row ${row}`,
    condition: "predicted by at least one member",
    help: "Out-of-bag rows that every member trained on have to be left out first.",
  });
}
