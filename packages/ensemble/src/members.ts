import { type FittedTarget, ManyfoldError, show } from "@manyfold/protocol";
import { componentsOf, predictionColumns } from "@manyfold/core";
import type { OutputHead } from "@manyfold/protocol";
import type { Distribution } from "./predictive.ts";

/**
 * What one member predicted, as tasks report it: float32 `[rows, columns]`, probabilities per class
 * or values in scaled target units, and what says more of them (`headRule` of `@manyfold/core`).
 */
export interface MemberPredictions {
  /** Member number, as in the task's key. */
  readonly member: number;
  readonly values: Float32Array;
}

/** One member's predictions in float64 and original target units. */
export interface Member {
  readonly member: number;
  /** `[rows, outputs]`; what stands at a row that the member does not predict is never read. */
  readonly values: Float64Array;
  /** `[rows]`, 1 where the member predicts the row; absent where it predicts every row. */
  readonly present?: Uint8Array;
  /** What it says beyond its values, where its network predicts a distribution (regression). */
  readonly distribution?: Distribution;
}

/** Several members' predictions of the same rows: what is combined, scored and analysed. */
export interface Members {
  readonly task: FittedTarget["task"];
  readonly rows: number;
  /** Columns of a prediction: classes, or target columns. */
  readonly outputs: number;
  /** In member order; that order is the order of every sum. */
  readonly members: readonly Member[];
}

/** What is true of the rows, in original units. */
export type Truth =
  | {
      readonly task: "classification";
      readonly rows: number;
      readonly classes: number;
      /** `[rows]`, the index of the true class. */
      readonly labels: Uint32Array;
    }
  | {
      readonly task: "regression";
      readonly rows: number;
      readonly targets: number;
      /** `[rows, targets]`. */
      readonly values: Float64Array;
      /** A typical size of each target: the deviation it was scaled by in training. */
      readonly scale: readonly number[];
    };

/** Number of columns of a prediction of this target. */
export function outputsOf(target: FittedTarget): number {
  return target.task === "classification" ? target.classes.length : target.columns.length;
}

/**
 * Members' predictions as float64 in original units (value * scale + offset for regression).
 *
 * @param predictions at least one member; all of the same rows
 * @param output of the model; what predicts distributions gives each member one
 *
 * @example
 * const target = { task: "regression", columns: [{ name: "y", offset: 10, scale: 2 }] } as const;
 * membersOf(target, [{ member: 0, values: Float32Array.of(0, 1) }]).members[0]?.values; // [10, 12]
 */
export function membersOf(
  target: FittedTarget,
  predictions: readonly MemberPredictions[],
  output: OutputHead = "auto",
): Members {
  const outputs = outputsOf(target);
  const columns = predictionColumns(output, outputs);
  const length = predictions[0]?.values.length ?? 0;
  const members = predictions.map(({ member, values }): Member => {
    if (values.length !== length || length % columns !== 0) {
      throw new ManyfoldError({
        code: "internal",
        path: `predictions of member ${member}`,
        condition: `${length} numbers in rows of ${columns}, as the first member's`,
        got: show(values.length),
        help: "Members can only be combined on the same rows.",
      });
    }
    return { member, ...said(target, values, output) };
  });
  return { task: target.task, rows: length / columns, outputs, members };
}

/** Values, and distributions where there are any, in original units: rows of predicted columns. */
export function said(
  target: FittedTarget,
  predicted: Float32Array,
  output: OutputHead,
): Pick<Member, "values" | "distribution"> {
  const components = componentsOf(output);
  const outputs = outputsOf(target);
  if (components === 0 || target.task === "classification") {
    return { values: toOriginalUnits(target, predicted) };
  }
  const columns = predictionColumns(output, outputs);
  const rows = predicted.length / columns;
  const mixed = typeof output === "object" && "mixture" in output;
  const values = new Float64Array(rows * outputs);
  const size = rows * outputs * components;
  const weights = new Float64Array(size).fill(1);
  const means = new Float64Array(size);
  const variances = new Float64Array(size);
  for (let row = 0; row < rows; row++) {
    for (const [at, { scale, offset }] of target.columns.entries()) {
      const from = row * columns;
      const to = row * outputs + at;
      values[to] = predicted[from + at]! * scale + offset;
      for (let component = 0; component < components; component++) {
        const i = to * components + component;
        // A Gaussian's mean and variance; of a mixture's these are followed by its components.
        const part = (index: number) =>
          predicted[from + 2 * outputs + (index * outputs + at) * components + component]!;
        if (mixed) weights[i] = part(0);
        means[i] = mixed ? part(1) * scale + offset : values[to];
        variances[i] = (mixed ? part(2) : predicted[from + outputs + at]!) * scale * scale;
      }
    }
  }
  return { values, distribution: { components, weights, means, variances } };
}

/** A prediction in scaled units as float64 in original units, `[rows, outputs]` both. */
function toOriginalUnits(target: FittedTarget, values: Float32Array): Float64Array {
  const original = Float64Array.from(values);
  if (target.task === "classification") return original;
  const { columns } = target;
  for (let at = 0; at < original.length; at++) {
    const column = columns[at % columns.length]!;
    original[at] = original[at]! * column.scale + column.offset;
  }
  return original;
}

/**
 * What is true of rows of a table, from its float32 targets `[rows, targets]` (a class index, or
 * scaled values).
 *
 * @param rows which rows of `y`, in the order of the predictions; default all
 */
export function truthOf(target: FittedTarget, y: Float32Array, rows?: ArrayLike<number>): Truth {
  const width = target.task === "classification" ? 1 : target.columns.length;
  const count = rows?.length ?? y.length / width;
  const picked = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const from = (rows?.[row] ?? row) * width;
    picked.set(y.subarray(from, from + width), row * width);
  }
  if (target.task === "classification") {
    const labels = Uint32Array.from(picked);
    return { task: "classification", rows: count, classes: target.classes.length, labels };
  }
  return {
    task: "regression",
    rows: count,
    targets: width,
    values: toOriginalUnits(target, picked),
    scale: target.columns.map((column) => column.scale),
  };
}

/** The first m of the members. */
export function firstMembers(members: Members, m: number): Members {
  return { ...members, members: members.members.slice(0, m) };
}

/** Refuses predictions that are not of the rows that the truth is about. */
export function requireSameRows(members: Members, truth: Truth): void {
  const outputs = truth.task === "classification" ? truth.classes : truth.targets;
  const same =
    members.task === truth.task && members.rows === truth.rows && members.outputs === outputs;
  if (same && truth.rows > 0 && members.members.length > 0) return;
  throw new ManyfoldError({
    code: "internal",
    path: "predictions",
    condition: `of ${truth.rows} (at least one) rows with ${outputs} columns by at least one member`,
    got: `${members.rows} rows with ${members.outputs} columns by ${members.members.length} members`,
  });
}
