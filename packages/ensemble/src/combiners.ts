import {
  type Combiner,
  type FittedTarget,
  ManyfoldError,
  match,
  show,
  tagOf,
} from "@manyfold/protocol";
import type { CombinerFit } from "./fits.ts";
import type { Members } from "./members.ts";
import { argmax, logProbability, softmax } from "./probability.ts";

/** One row's predictions by the members that have one, in member order. */
interface RowPredictions {
  readonly task: FittedTarget["task"];
  readonly count: number;
  readonly outputs: number;
  /** `[count, outputs]`. */
  readonly values: Float64Array;
  /** `[count]`, summing to 1, but for `stacking`. */
  readonly weights: Float64Array;
  /** `[outputs]`. */
  readonly offsets: ArrayLike<number>;
}

/** Names of the ways to combine. */
export type CombinerName = Combiner extends infer C ? (C extends unknown ? keyof C : never) : never;

/** Writes a row's combined prediction `[outputs]`. */
type RowCombiner = (row: RowPredictions, out: Float64Array) => void;

/**
 * How the members that predict a row share its prediction. `equal`: alike. `shares`: by their
 * weights, none below 0, made to sum to 1 again. `signed`: by their weights as they are, and the
 * members that do not predict it are stood in for by the mean of those that do.
 */
type Weighting = "equal" | "shares" | "signed";

interface CombinerRule {
  /** Tasks it is defined for. */
  readonly tasks: readonly FittedTarget["task"][];
  readonly weighting: Weighting;
  /** Whether it adds an offset per output. */
  readonly offsets?: true;
}

const CLASSES = ["classification"] as const;
const BOTH = ["classification", "regression"] as const;

/** What the ways to combine need. */
const COMBINERS: { readonly [C in CombinerName]: CombinerRule } = {
  mean: { tasks: BOTH, weighting: "equal" },
  weighted: { tasks: BOTH, weighting: "shares" },
  median: { tasks: BOTH, weighting: "equal" },
  vote: { tasks: CLASSES, weighting: "equal" },
  trimmed: { tasks: BOTH, weighting: "equal" },
  geometric: { tasks: CLASSES, weighting: "equal" },
  nnls: { tasks: BOTH, weighting: "shares" },
  minimumVariance: { tasks: BOTH, weighting: "signed" },
  greedy: { tasks: BOTH, weighting: "shares" },
  stacking: { tasks: BOTH, weighting: "signed", offsets: true },
};

/** How members' predictions of a row become one: float64, members in order. */
const rowCombiner = (combiner: Combiner): RowCombiner =>
  match<Combiner, RowCombiner>(combiner, {
    mean: () => weightedMean,
    weighted: () => weightedMean,
    median: () => (row, out) => trimmed(row, out, 0.5),
    vote: () => vote,
    trimmed:
      ({ fraction }) =>
      (row, out) =>
        trimmed(row, out, fraction),
    geometric: () => logPool,
    nnls: () => weightedMean,
    minimumVariance: () => signedMean,
    greedy: () => weightedMean,
    stacking: () => stacked,
  });

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
 * - `trimmed`: the mean of each output without the given share of the members at either end (whole
 *   members, rounded down); probabilities are then divided by their sum, as for the median.
 * - `geometric`: the exponential of the mean log probability, divided by its sum.
 * - `nnls`, `greedy`: weighted means. `minimumVariance` too, where its weights may be negative:
 *   probabilities below 0 are then taken as 0 and the rest divided by its sum.
 * - `stacking`: weighted sum plus an offset; for classification of log probabilities, then softmax.
 *
 * @param fit what {@link fitCombiner} found; required by the combiners that have weights
 * @throws ManyfoldError for a row that no member predicts, for `vote` on a regression
 *
 * @example
 * const members = membersOf(target, predictions);
 * const probabilities = combine({ mean: {} }, members);
 */
export function combine(combiner: Combiner, members: Members, fit?: CombinerFit): Float64Array {
  const { weighting } = COMBINERS[tagOf(combiner)];
  const { task, rows, outputs } = members;
  const k = members.members.length;
  requireCombiner(combiner, task);
  const given = weighting === "equal" ? null : requireWeights(combiner, fit, k);
  const offsets = fit?.offsets ?? new Float64Array(outputs);
  const write = rowCombiner(combiner);

  const out = new Float64Array(rows * outputs);
  const values = new Float64Array(k * outputs);
  const own = new Float64Array(k);
  const total = given?.reduce((sum, weight) => sum + weight, 0) ?? 0;
  for (let row = 0; row < rows; row++) {
    let count = 0;
    for (let index = 0; index < k; index++) {
      const member = members.members[index]!;
      if (member.present !== undefined && member.present[row] === 0) continue;
      // Number by number: a view per member and row takes longer than its few numbers.
      for (let output = 0; output < outputs; output++) {
        values[count * outputs + output] = member.values[row * outputs + output]!;
      }
      own[count] = given?.[index] ?? 1;
      count++;
    }
    if (count === 0) throw uncovered(row);
    const weights = own.subarray(0, count);
    WEIGHTINGS[weighting](weights, total);
    write(
      { task, count, outputs, values, weights, offsets },
      out.subarray(row * outputs, (row + 1) * outputs),
    );
  }
  return out;
}

/** Turns the weights of the members that predict a row into what they are multiplied by. */
const WEIGHTINGS: {
  readonly [W in Weighting]: (present: Float64Array, total: number) => void;
} = {
  equal: (present) => present.fill(1 / present.length),
  shares: (present) => {
    const sum = sumOf(present);
    for (let i = 0; i < present.length; i++) {
      present[i] = sum > 0 ? present[i]! / sum : 1 / present.length;
    }
  },
  signed: (present, total) => {
    const missing = (total - sumOf(present)) / present.length;
    for (let i = 0; i < present.length; i++) present[i]! += missing;
  },
};

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** Whether a combiner has a weight per member, and whether these may be negative. */
export function weightingOf(combiner: Combiner): {
  readonly weights: boolean;
  readonly signed: boolean;
  readonly offsets: boolean;
} {
  const { weighting, offsets } = COMBINERS[tagOf(combiner)];
  return {
    weights: weighting !== "equal",
    signed: weighting === "signed",
    offsets: offsets === true,
  };
}

/** Names of the combiners that are defined for a task. */
export function combinersFor(task: FittedTarget["task"]): string[] {
  const rules = Object.entries(COMBINERS).filter(([, rule]) => rule.tasks.includes(task));
  return rules.map(([name]) => name);
}

/**
 * Refuses a combiner that is not defined for the task: votes are of classes.
 *
 * @throws ManyfoldError `config` at `ensemble.combine`
 */
export function requireCombiner(combiner: Combiner, task: FittedTarget["task"]): void {
  const name = tagOf(combiner);
  if (COMBINERS[name].tasks.includes(task)) return;
  throw new ManyfoldError({
    code: "config",
    path: "ensemble.combine",
    condition: `one of ${combinersFor(task).join(", ")} for ${task}`,
    got: show(name),
    help: "Votes and geometric means are of classes' probabilities.",
  });
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

/** Negative weights can lead out of the probabilities: back to the nearest that sum to 1. */
function signedMean(row: RowPredictions, out: Float64Array) {
  weightedMean(row, out);
  if (row.task === "regression" || out.every((value) => value >= 0)) return;
  for (let output = 0; output < out.length; output++) out[output] = Math.max(0, out[output]!);
  const total = sumOf(out);
  for (let output = 0; output < out.length; output++) out[output]! /= total;
}

function trimmed(row: RowPredictions, out: Float64Array, fraction: number) {
  const { task, count, outputs, values } = row;
  // One (or the middle two) is left at least.
  const cut = Math.min(Math.floor(fraction * count), (count - 1) >> 1);
  const sorted = new Float64Array(count);
  for (let output = 0; output < outputs; output++) {
    for (let i = 0; i < count; i++) sorted[i] = values[i * outputs + output]!;
    sorted.sort();
    let sum = 0;
    for (let i = cut; i < count - cut; i++) sum += sorted[i]!;
    out[output] = sum / (count - 2 * cut);
  }
  if (task === "regression") return;
  const total = sumOf(out);
  if (total === 0) return weightedMean(row, out);
  for (let output = 0; output < outputs; output++) out[output]! /= total;
}

function logPool({ count, outputs, values, weights, offsets }: RowPredictions, out: Float64Array) {
  for (let output = 0; output < outputs; output++) {
    let sum = offsets[output]!;
    for (let i = 0; i < count; i++)
      sum += weights[i]! * logProbability(values[i * outputs + output]!);
    out[output] = sum;
  }
  softmax(out);
}

function stacked(row: RowPredictions, out: Float64Array) {
  if (row.task === "classification") return logPool(row, out);
  const { count, outputs, values, weights, offsets } = row;
  for (let output = 0; output < outputs; output++) {
    // Around the first member: far from 0 the sum alone would lose the differences.
    const first = values[output]!;
    let sum = offsets[output]!;
    let total = weights[0]!;
    for (let i = 1; i < count; i++) {
      total += weights[i]!;
      sum += weights[i]! * (values[i * outputs + output]! - first);
    }
    out[output] = total * first + sum;
  }
}

function vote({ count, outputs, values }: RowPredictions, out: Float64Array) {
  out.fill(0);
  for (let i = 0; i < count; i++) out[argmax(values, i * outputs, outputs)]! += 1;
  for (let output = 0; output < outputs; output++) out[output]! /= count;
}

function requireWeights(combiner: Combiner, fit: CombinerFit | undefined, k: number) {
  const { signed } = weightingOf(combiner);
  const weights = fit?.weights;
  const fits =
    weights?.length === k && weights.every((own) => Number.isFinite(own) && (signed || own >= 0));
  if (fits) return weights;
  throw new ManyfoldError({
    code: "internal",
    path: "weights",
    condition: `${k} finite numbers${signed ? "" : " that are not negative"}, one per member`,
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
