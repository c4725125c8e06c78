import type { Profile } from "@manyfold/core";
import type { BlobStore, Executor, Task } from "@manyfold/protocol";
import { type AttemptOptions, executorOver, type Lanes } from "./lanes.ts";
import type { TaskLimits } from "./limits.ts";
import { taskMemory } from "./memory.ts";
import { moduleOf } from "./modules.ts";
import { type AttemptOutcome, failed, failureOf } from "./outcome.ts";
import { createRoom } from "./room.ts";
import { checkpointOf, missingTable, sharedTables } from "./tables.ts";
import {
  openThreadPool,
  type PoolTask,
  type ThreadPool,
  type ThreadPoolOptions,
} from "./thread-pool.ts";

export interface ThreadsOptions extends Omit<ThreadPoolOptions, "profile">, TaskLimits {
  /** Where tables come from and results go. */
  readonly blobs: BlobStore;
  /** Name of this machine, for people (default "local"). */
  readonly host?: string;
  /** Has tasks measure where their time goes, and is told of each that completed. */
  readonly onProfile?: (profile: Profile, seconds: number) => void;
}

/**
 * Runs tasks on threads of this process, one per thread: a table lies in shared memory once,
 * results are moved and not copied, and the caller's event loop stays free. The threads start with
 * the first run; where they do not, that run throws a ManyfoldError (`environment`).
 *
 * @example
 * const executor = threadsExecutor({ blobs, workers: 2, clock, timers });
 * for await (const event of executor.run(tasks, { signal })) show(event);
 * await executor.close();
 */
export function threadsExecutor(options: ThreadsOptions): Executor {
  const profile = options.onProfile !== undefined;
  return threadsOver(() => openThreadPool({ ...options, profile }), options);
}

/**
 * The same on threads that somebody else starts.
 *
 * @param start called once, before the first run; the executor closes what it gives
 */
export function threadsOver(
  start: () => Promise<ThreadPool>,
  options: Omit<ThreadsOptions, "timers">,
): Executor {
  const { workers, blobs, clock, onProfile, host = "local" } = options;
  let pool: Promise<ThreadPool> | undefined;
  const opened = () => (pool ??= start());
  const attempt = attemptsOn(opened, options);

  const lanes: Lanes = {
    kind: "threads",
    slots: workers,
    async open() {
      await opened();
    },
    async close() {
      // Threads that did not start have been ended where that was found out.
      await pool?.then(
        (threads) => threads.close(),
        () => undefined,
      );
    },
    run(task, { lane, onStarted, ...rest }) {
      onStarted(`thread-${lane + 1}`);
      return attempt(task, rest);
    },
  };
  return executorOver(lanes, { host, blobs, clock, onProfile });
}

/** One attempt on a pool's threads, with its table from a store and its room in memory. */
function attemptsOn(
  pool: () => Promise<ThreadPool>,
  options: Pick<ThreadsOptions, "blobs" | "memory" | "modules">,
): (task: Task, options: AttemptOptions) => Promise<AttemptOutcome> {
  const runAll = listsOn(pool, options);
  return async (task, attempt) => {
    const [outcome] = await runAll([{ task, options: attempt }], attempt.signal);
    return outcome ?? failed(failureOf("lost", "The task ended without a result."));
  };
}

/** The same for lists of tasks, each of which runs on one thread; `signal` ends the wait for room. */
export function listsOn(
  pool: () => Promise<ThreadPool>,
  { blobs, memory, modules }: Pick<ThreadsOptions, "blobs" | "memory" | "modules">,
): (
  list: readonly Omit<PoolTask, "table" | "checkpoint" | "module">[],
  signal: AbortSignal,
) => Promise<readonly AttemptOutcome[]> {
  const load = sharedTables(blobs);
  const memoryOf = taskMemory(memory);
  const room = createRoom(memory ?? Number.POSITIVE_INFINITY);
  return async (list, signal) => {
    const outcomes: AttemptOutcome[] = [];
    const ready: (PoolTask & { readonly at: number })[] = [];
    let bytes = 0;
    for (const [at, { task, options }] of list.entries()) {
      const need = memoryOf(task.spec);
      const table = need.status === "failed" ? undefined : await load(task.spec.data);
      if (need.status === "failed") outcomes[at] = need;
      else if (table === undefined) outcomes[at] = failed(missingTable(task.spec.data));
      else {
        const checkpoint = await checkpointOf(blobs, task.spec);
        if (checkpoint !== undefined && "code" in checkpoint) {
          outcomes[at] = failed(checkpoint);
          continue;
        }
        const module = await moduleOf(task.spec, modules);
        if (typeof module === "object") {
          outcomes[at] = failed(module);
          continue;
        }
        bytes = Math.max(bytes, need.bytes);
        const rest = { ...(checkpoint && { checkpoint }), ...(module !== undefined && { module }) };
        ready.push({ at, task, table, options, ...rest });
      }
    }
    if (ready.length === 0) return outcomes;
    const leave = await room.take(bytes, signal);
    try {
      const ran = leave && (await (await pool()).runAll(ready));
      for (const [index, { at }] of ready.entries()) {
        outcomes[at] = ran?.[index] ?? failed(failureOf("lost", String(signal.reason)));
      }
      return outcomes;
    } finally {
      leave?.();
    }
  };
}
