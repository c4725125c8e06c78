import { freemem, hostname, totalmem } from "node:os";
import type { Profile } from "@manyfold/core";
import type { BlobStore, Executor, Limits } from "@manyfold/protocol";
import { inlineExecutor, threadsExecutor, tuneEngine } from "@manyfold/workers";
import type { AllowedModules } from "@manyfold/workers";
import type { Cluster } from "./cluster.ts";
import { clock, timers } from "./environment.ts";
import { tell } from "./terminal.ts";

export interface ExecutorOptions {
  readonly workers: number;
  readonly limits: Limits;
  readonly blobs: BlobStore;
  /** Bytes that running tasks may take together. */
  readonly memory: number;
  /** What tasks may load here. */
  readonly modules: AllowedModules;
  /** The run's id. */
  readonly run: string;
  /** Where workers are, if not here. */
  readonly cluster: Cluster | undefined;
  /** Told where each task's time went; only where tasks run here. */
  readonly onProfile: ((profile: Profile, seconds: number) => void) | undefined;
  /** Once aborted, nothing new is started. */
  readonly drain: AbortSignal;
}

/** Tasks that are out at once on a cluster before its workers are heard of; then by their slots. */
const OUT_AT_ONCE = 64;

/** Where tasks can run; a row per `--executor`. */
export const executors = {
  inline: ({ blobs, limits, memory, modules, onProfile }: ExecutorOptions): Executor => {
    tuneEngine();
    return inlineExecutor({
      blobs,
      clock,
      timers,
      limits,
      memory,
      modules,
      host: hostname(),
      ...(onProfile && { onProfile }),
    });
  },
  threads: ({ blobs, limits, workers, memory, modules, onProfile }: ExecutorOptions): Executor =>
    threadsExecutor({
      blobs,
      clock,
      timers,
      limits,
      workers,
      host: hostname(),
      memory,
      modules,
      ...(onProfile && { onProfile }),
    }),
  nats: ({ blobs, limits, run, workers, cluster, drain }: ExecutorOptions): Executor => {
    if (cluster === undefined) throw new Error("a NATS executor without a cluster");
    const slots = Math.max(OUT_AT_ONCE, workers);
    return cluster.executor({ run, slots, blobs, limits, drain, notice: tell });
  },
} satisfies Record<string, (options: ExecutorOptions) => Executor>;

export type ExecutorName = keyof typeof executors;

/** Bytes that training may take: what is free now, but at least half of the machine. */
export function memoryBudget(): number {
  return Math.max(freemem(), totalmem() / 2);
}
