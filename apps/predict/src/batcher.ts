import type { LoadedEnsemble, Prediction } from "@manyfold/ensemble";

/** Some rows of a prediction. */
export interface Part {
  readonly prediction: Prediction;
  /** First of them, and how many. */
  readonly from: number;
  readonly count: number;
}

/** Predicts the rows of requests that come at once together. */
export interface Batcher {
  /** @param x encoded rows `[count, width]` */
  predict(x: Float32Array, count: number): Promise<Part>;
}

interface Waiting {
  readonly x: Float32Array;
  readonly count: number;
  readonly resolve: (part: Part) => void;
  readonly reject: (error: unknown) => void;
}

/** Rows that are predicted together at most. */
const MOST = 64;

/**
 * Joins what has arrived by the end of a turn of the event loop: nobody waits for company, and under
 * load every network's weights are read once for many rows. A row's prediction does not depend on
 * the others, so no bit of it changes.
 *
 * @param onBatch hears of the number of rows of each batch
 */
export function createBatcher(ensemble: LoadedEnsemble, onBatch: (rows: number) => void): Batcher {
  let waiting: Waiting[] = [];
  const { width } = ensemble.manifest.preprocessing;

  const run = (some: readonly Waiting[], rows: number): void => {
    try {
      const x = some.length === 1 ? some[0]!.x : new Float32Array(rows * width);
      if (some.length > 1) {
        let to = 0;
        for (const one of some) {
          x.set(one.x, to);
          to += one.x.length;
        }
      }
      const prediction = ensemble.predict(x);
      onBatch(rows);
      let from = 0;
      for (const { count, resolve } of some) {
        resolve({ prediction, from, count });
        from += count;
      }
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  };

  const flush = (): void => {
    const all = waiting;
    waiting = [];
    let some: Waiting[] = [];
    let rows = 0;
    for (const one of all) {
      if (rows + one.count > MOST && some.length > 0) {
        run(some, rows);
        some = [];
        rows = 0;
      }
      some.push(one);
      rows += one.count;
    }
    run(some, rows);
  };

  return {
    predict: (x, count) =>
      new Promise((resolve, reject) => {
        if (waiting.push({ x, count, resolve, reject }) === 1) setImmediate(flush);
      }),
  };
}
