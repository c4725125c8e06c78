import { availableParallelism, freemem, hostname, totalmem } from "node:os";
import type { BlobStore, Executor, Limits } from "@manyfold/protocol";
import { inlineExecutor, threadsExecutor } from "@manyfold/workers";
import { clock, timers } from "./environment.ts";

export interface ExecutorOptions {
  readonly workers: number;
  readonly limits: Limits;
  readonly blobs: BlobStore;
}

/** Where tasks can run; a row per `--executor`. */
export const executors = {
  inline: ({ blobs, limits }: ExecutorOptions): Executor =>
    inlineExecutor({ blobs, clock, timers, limits, host: hostname() }),
  threads: ({ blobs, limits, workers }: ExecutorOptions): Executor =>
    threadsExecutor({
      blobs,
      clock,
      timers,
      limits,
      workers,
      host: hostname(),
      memory: memoryBudget(),
    }),
} satisfies Record<string, (options: ExecutorOptions) => Executor>;

export type ExecutorName = keyof typeof executors;

/** One thread per core. */
export function defaultWorkers(): number {
  return availableParallelism();
}

/** Bytes that training may take: what is free now, but at least half of the machine. */
function memoryBudget(): number {
  return Math.max(freemem(), totalmem() / 2);
}
