import type { Key } from "./rng.ts";
import type { KernelSet, Values } from "./kernels/kernels.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";

/** A compiled gradient step. All views lie in one arena; nothing is allocated per run. */
export interface TrainingProgram {
  /** Size of the arena: all that a training needs besides its data. */
  readonly bytes: number;
  /** `[largest batch, inputs]`: write the batch's rows here before `run`. */
  readonly x: Values;
  /** `[largest batch, targets]`: one-hot or probability rows, or target values. */
  readonly y: Values;
  /** The flat parameters, laid out as `network.parameters`; the caller initialises and updates. */
  readonly parameters: Values;
  /** The gradients of the last run's mean loss, same layout. */
  readonly gradients: Values;
  /** As many further views of that layout, zero at first, for an optimizer's moments. */
  readonly slots: readonly Values[];
  /**
   * Forward and backward on the first `rows` rows of x and y; returns their mean loss.
   *
   * @param rows one of the compiled batch sizes
   * @param step the key of this step; dropout masks follow from (step, layer, element)
   */
  run(rows: number, step: Key): number;
}

/** What to compile a training for. */
export interface TrainingOptions {
  readonly loss: LossName;
  /** Every batch size that will be run: the batch, and what is left over at an epoch's end. */
  readonly batches: readonly number[];
  /** Number format and implementation. */
  readonly kernels: KernelSet;
  /** How many parameter-sized views to reserve (default 0). */
  readonly slots?: number;
}

/** A compiled mean loss without dropout, for rows of any number. */
export interface LossProgram {
  readonly bytes: number;
  /** Mean loss over rows: x `[rows, inputs]`, y `[rows, targets]`; summed in float64 by row. */
  evaluate(parameters: Values, x: Values, y: Values, rows: number): number;
}

/** A compiled prediction. */
export interface PredictionProgram {
  readonly bytes: number;
  /**
   * Predictions `[rows, outputs]`, the head applied; a row's result does not depend on the others.
   *
   * @param mask with a key, one dropout mask for all rows (compiled with `masked`)
   */
  run(weights: Float32Array, x: Float32Array, rows: number, mask?: Key): Float32Array;
}

export type { Network };
