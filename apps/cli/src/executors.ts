import { freemem, hostname, totalmem } from "node:os";
import type { BlobStore, Executor, Limits } from "@manyfold/protocol";
import { inlineExecutor, threadsExecutor, tuneEngine } from "@manyfold/workers";
import { clock, timers } from "./environment.ts";

export interface ExecutorOptions {
  readonly workers: number;
  readonly limits: Limits;
  readonly blobs: BlobStore;
  /** Bytes that running tasks may take together. */
  readonly memory: number;
}

/** Where tasks can run; a row per `--executor`. */
export const executors = {
  inline: ({ blobs, limits, memory }: ExecutorOptions): Executor => {
    tuneEngine();
    return inlineExecutor({ blobs, clock, timers, limits, memory, host: hostname() });
  },
  threads: ({ blobs, limits, workers, memory }: ExecutorOptions): Executor =>
    threadsExecutor({
      blobs,
      clock,
      timers,
      limits,
      workers,
      host: hostname(),
      memory,
    }),
} satisfies Record<string, (options: ExecutorOptions) => Executor>;

export type ExecutorName = keyof typeof executors;

/** Bytes that training may take: what is free now, but at least half of the machine. */
export function memoryBudget(): number {
  return Math.max(freemem(), totalmem() / 2);
}
