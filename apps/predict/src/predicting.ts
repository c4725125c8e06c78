import { setImmediate as breathe } from "node:timers/promises";
import type { Prediction } from "@manyfold/ensemble";
import type { Part } from "./batcher.ts";
import type { Served } from "./catalogue.ts";
import { ordered, type Pool } from "./pool.ts";

/** Rows of a request that is predicted together with others that come at once. */
const TOGETHER = 16;

/**
 * Predicts encoded rows slice by slice, in order: a few with whatever else has come, many in threads
 * where there are any, else between the turns of others.
 *
 * @param x `[rows, width]`
 */
export async function* predictSlices(
  served: Served,
  pool: Pool | null,
  x: Float32Array,
  members: boolean,
): AsyncGenerator<Part> {
  const { width } = served.ensemble.manifest.preprocessing;
  const rows = x.length / width;
  if (rows <= Math.min(TOGETHER, served.step)) {
    yield await served.batcher.predict(x, rows);
    return;
  }
  const slices = function* () {
    for (let first = 0; first < rows; first += served.step) {
      yield x.slice(first * width, (first + served.step) * width);
    }
  };
  const run = (slice: Float32Array) => predictSlice(served, pool, slice, members);
  for await (const prediction of ordered(slices(), run, windowOf(pool))) {
    yield { prediction, from: 0, count: prediction.rows };
  }
}

/** Slices that are under way at once: each thread has its next one at hand. */
export function windowOf(pool: Pool | null): number {
  return pool === null ? 1 : 2 * pool.threads;
}

/** Predicts one slice, in a thread where there is one. */
export async function predictSlice(
  { ensemble, files, name, version }: Served,
  pool: Pool | null,
  x: Float32Array,
  members: boolean,
): Promise<Prediction> {
  if (pool !== null && files !== null) {
    return await pool.run({ key: `${name}/${version}`, ...files, x, members });
  }
  await breathe();
  return ensemble.predict(x);
}
