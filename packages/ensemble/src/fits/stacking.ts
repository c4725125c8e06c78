import { type Members, requireSameRows, type Truth } from "../members.ts";
import { logProbability, softmax } from "../probability.ts";
import { cholesky, solveLower } from "./linear.ts";

/** What a stacker adds up: weights of the members and an offset per output. */
export interface Stacker {
  /** Per member; they need not sum to 1. */
  readonly weights: number[];
  /** Per output: values in target units, or log odds. */
  readonly offsets: number[];
}

/**
 * Stacked generalisation (Wolpert 1992): a linear model on the members' out-of-bag predictions,
 * for regression of the values, for classification of the log probabilities (multinomial, one
 * coefficient per member for all classes).
 *
 *     f = a m + sum_i d_i (f_i - m) + offset        m the mean of the members that predict the row
 *
 * The ridge is on the d_i alone, so that a large penalty leaves the plain mean with a slope a and
 * an offset, and a member that does not predict a row counts as the mean of those that do. With
 * d_i in units of the members' mean squared difference from m, s2:
 *
 *     mean loss + penalty s2 sum d_i^2 (+ (a-1)^2 / n + sum offset^2 / n for classification)
 *
 * where the loss is half the squared error in units of the targets' scale, or the negative log
 * likelihood in nats. The last two terms, worth one row, keep separable data finite.
 */
export function fitStacker(members: Members, truth: Truth, penalty: number): Stacker {
  requireSameRows(members, truth);
  const design = designOf(members, truth);
  const solved =
    truth.task === "regression"
      ? ridge(design, truth, penalty)
      : logistic(design, truth.labels, penalty);
  const k = members.members.length;
  if (solved === null) {
    const offsets = Array.from({ length: members.outputs }, () => 0);
    return { weights: Array.from({ length: k }, () => 1 / k), offsets };
  }
  const differences = solved.subarray(0, k);
  const slope = solved[k]!;
  const total = differences.reduce((sum, value) => sum + value, 0);
  return {
    weights: Array.from(differences, (own) => (slope - total) / k + own),
    offsets: Array.from(solved.subarray(k + 1), (offset, output) =>
      truth.task === "classification"
        ? offset
        : offset * truth.scale[output]! - slope * design.centre[output]! + design.centre[output]!,
    ),
  };
}

interface Design {
  readonly rows: number;
  readonly outputs: number;
  /** k differences, the mean, an indicator per output. */
  readonly width: number;
  /** Mean squared difference of a member from the mean. */
  readonly s2: number;
  /** Per output, taken off the mean: 0 for classification. */
  readonly centre: readonly number[];
  /** Writes the features `[width]` of one output of one row. */
  features(row: number, output: number, out: Float64Array): void;
}

function designOf({ members, rows, outputs }: Members, truth: Truth): Design {
  const k = members.length;
  const classes = truth.task === "classification";
  const scale = Array.from({ length: outputs }, (_, at) => (classes ? 1 : truth.scale[at]!));
  const values = members.map((member) =>
    classes ? member.values.map(logProbability) : member.values,
  );
  const counts = new Uint32Array(rows);
  const means = new Float64Array(rows * outputs);
  for (const [i, { present }] of members.entries()) {
    for (let row = 0; row < rows; row++) {
      if (present !== undefined && present[row] === 0) continue;
      const seen = ++counts[row]!;
      for (let at = row * outputs; at < (row + 1) * outputs; at++) {
        means[at]! += (values[i]![at]! - means[at]!) / seen;
      }
    }
  }
  const centre = scale.map((_, output) => {
    if (classes) return 0;
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += means[row * outputs + output]!;
    return sum / rows;
  });
  const difference = (i: number, row: number, output: number): number => {
    const { present } = members[i]!;
    if (present !== undefined && present[row] === 0) return 0;
    const at = row * outputs + output;
    return (values[i]![at]! - means[at]!) / scale[output]!;
  };
  let squares = 0;
  let pairs = 0;
  for (let i = 0; i < k; i++) {
    for (let row = 0; row < rows; row++) {
      if (members[i]!.present?.[row] === 0) continue;
      pairs++;
      for (let output = 0; output < outputs; output++) {
        const own = difference(i, row, output);
        squares += own * own;
      }
    }
  }
  return {
    rows,
    outputs,
    width: k + 1 + outputs,
    s2: pairs === 0 ? 0 : squares / pairs / outputs,
    centre,
    features: (row, output, out) => {
      for (let i = 0; i < k; i++) out[i] = difference(i, row, output);
      out[k] = (means[row * outputs + output]! - centre[output]!) / scale[output]!;
      for (let other = 0; other < outputs; other++) out[k + 1 + other] = other === output ? 1 : 0;
    },
  };
}

/** Where all members agree any ridge will do. */
function ridgeOf(penalty: number, s2: number): number {
  return s2 > 0 ? penalty * s2 : 1;
}

/** Adds factor x x^T to the lower triangle. */
function addSquare(matrix: Float64Array, x: Float64Array, factor: number): void {
  const n = x.length;
  for (let i = 0; i < n; i++) {
    const own = factor * x[i]!;
    if (own === 0) continue;
    for (let j = 0; j <= i; j++) matrix[i * n + j]! += own * x[j]!;
  }
}

function ridge(design: Design, truth: Truth & { task: "regression" }, penalty: number) {
  const { rows, outputs, width, s2, centre } = design;
  const k = width - 1 - outputs;
  const matrix = new Float64Array(width * width);
  const right = new Float64Array(width);
  const x = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      design.features(row, output, x);
      const y = (truth.values[row * outputs + output]! - centre[output]!) / truth.scale[output]!;
      addSquare(matrix, x, 1 / (rows * outputs));
      for (let i = 0; i < width; i++) right[i]! += (x[i]! * y) / (rows * outputs);
    }
  }
  for (let i = 0; i < k; i++) matrix[i * width + i]! += ridgeOf(penalty, s2);
  const lower = cholesky(matrix, width);
  return lower && solveLower(lower, right);
}

/** Newton steps at most, and halvings of each. */
const STEPS = 50;

function logistic(design: Design, labels: Uint32Array, penalty: number): Float64Array | null {
  const { rows, outputs, width, s2 } = design;
  const k = width - 1 - outputs;
  const ridges = Float64Array.from({ length: width }, (_, i) =>
    i < k ? ridgeOf(penalty, s2) : 1 / rows,
  );
  const x = Array.from({ length: outputs }, () => new Float64Array(width));
  const odds = new Float64Array(outputs);
  const lossAt = (
    at: Float64Array,
    each?: (probabilities: Float64Array, label: number) => void,
  ): number => {
    let loss = 0;
    for (let row = 0; row < rows; row++) {
      for (let output = 0; output < outputs; output++) {
        design.features(row, output, x[output]!);
        odds[output] = at.reduce((sum, value, i) => sum + value * x[output]![i]!, 0);
      }
      const label = labels[row]!;
      softmax(odds);
      loss -= logProbability(odds[label]!);
      each?.(odds, label);
    }
    const bound = at.reduce((sum, value, i) => {
      const moved = value - start[i]!;
      return sum + ridges[i]! * moved * moved;
    }, 0);
    return loss / rows + bound / 2;
  };
  const start = new Float64Array(width);
  start[k] = 1;

  let at = start;
  let loss = lossAt(at);
  for (let step = 0; step < STEPS; step++) {
    const matrix = new Float64Array(width * width);
    const slope = at.map((value, i) => ridges[i]! * (value - start[i]!));
    for (let i = 0; i < width; i++) matrix[i * width + i] = ridges[i]!;
    const mean = new Float64Array(width);
    lossAt(at, (probabilities, label) => {
      mean.fill(0);
      for (const [output, own] of x.entries()) {
        for (let i = 0; i < width; i++) mean[i]! += probabilities[output]! * own[i]!;
      }
      for (const [output, own] of x.entries()) {
        addSquare(
          matrix,
          own.map((value, i) => value - mean[i]!),
          probabilities[output]! / rows,
        );
      }
      for (let i = 0; i < width; i++) slope[i]! += (mean[i]! - x[label]![i]!) / rows;
    });
    const lower = cholesky(matrix, width);
    if (lower === null) return null;
    const direction = solveLower(lower, slope);
    const gain = direction.reduce((sum, value, i) => sum + value * slope[i]!, 0);
    if (!(gain > 1e-12)) break;
    const from = at;
    let size = 1;
    let next = loss;
    do {
      at = from.map((value, i) => value - size * direction[i]!);
      next = lossAt(at);
      size /= 2;
    } while (next > loss && size > 1e-9);
    if (!(next < loss)) return from;
    loss = next;
  }
  return at;
}
