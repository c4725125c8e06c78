import type { Key } from "@manyfold/core";
import type { ParamValue } from "@manyfold/protocol";

/** Rows of the prepared table, inputs scaled as `data.scale` says. */
export interface ObjectiveRows {
  readonly rows: number;
  /** `[rows, inputs]`. */
  readonly x: Float32Array;
  /** `[rows, targets]`, in the targets' own units; of a classification the class's number. */
  readonly y: Float64Array;
}

/** What a trial may see of the data: never the test rows, before the best setting's one last call. */
export interface ObjectiveData {
  readonly task: "classification" | "regression";
  readonly inputs: number;
  readonly targets: number;
  /** Labels by number; none for a regression. */
  readonly classes: readonly string[];
  readonly train: ObjectiveRows;
  /** The rows to score: validation rows of the split or fold; in the last call the test rows. */
  readonly validation: ObjectiveRows;
}

/** What an objective is called with beside the parameters. */
export interface ObjectiveContext {
  /**
   * Of seed, fold and repeat, and of no trial: so that a setting gives the same value in another
   * search, or alone. For draws of `@manyfold/core`.
   */
  readonly key: Key;
  /** The same as a whole number below 2^53, for generators of other libraries. */
  readonly seed: number;
  /** A stream of numbers in [0, 1) of its own for each name and index: nothing else moves it. */
  random(name: string, index?: number): () => number;
  /** Steps to go to: `objective.steps`, or with a scheduler the end of this part. */
  readonly budget: number;
  readonly fold: number;
  readonly repeat: number;
  readonly data: ObjectiveData;
  /**
   * Tells a value on the way, at rising steps. A step beyond the budget ends the call here: what was
   * reported at the last step within it is the value.
   */
  report(step: number, value: number): void;
  readonly checkpoint: {
    /** What the part before saved last; undefined where this call is the first. */
    load(): Uint8Array | undefined;
    /** Keeps bytes for the next part; those saved before are dropped. */
    save(bytes: Uint8Array): void;
  };
  /** Aborted where the task is cancelled or over its limit of time. */
  readonly signal: AbortSignal;
}

/** What an objective may return. */
export type ObjectiveValue = number | { readonly value: number; readonly [name: string]: number };

/** A function that a search looks for the best parameters of. */
export type Objective = (
  params: Readonly<Record<string, ParamValue>>,
  context: ObjectiveContext,
) => ObjectiveValue | Promise<ObjectiveValue>;
