import type { Worker } from "node:worker_threads";
import {
  type Clock,
  type CurvePoint,
  type Limits,
  ManyfoldError,
  type Task,
  type Timers,
} from "@manyfold/protocol";
import { Piscina } from "piscina";
import {
  type Control,
  createControl,
  hasEnded,
  hasStarted,
  readPoint,
  requestCancel,
} from "./control.ts";
import type { AttemptOptions } from "./lanes.ts";
import { overtime } from "./limits.ts";
import type { ThreadAnswer, ThreadRequest } from "./messages.ts";
import { type AttemptOutcome, failed, failureOf, messageOf } from "./outcome.ts";

export interface ThreadPoolOptions {
  /** Number of threads, each with one task at a time. */
  readonly workers: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** `seconds` an attempt may run before it fails as `timeout`, where it brings no limits along. */
  readonly limits?: Limits;
  /** Whether tasks say where their time went (default false). */
  readonly profile?: boolean;
  /** Seconds between asking a task to stop and ending its thread (default 2). */
  readonly grace?: number;
  /** Largest JavaScript heap of a thread in MiB (its arrays come on top); Node's default else. */
  readonly heap?: number;
  /** Seconds within which every thread must answer after a start (default 60). */
  readonly startWithin?: number;
  /** The threads' program (default: this package's own). */
  readonly program?: URL;
}

/** An attempt at a task, its table on shared memory. */
export interface PoolTask {
  readonly task: Task;
  readonly table: Uint8Array<SharedArrayBuffer>;
  readonly options: AttemptOptions;
  /** What the task goes on from, where it is a later part of a training. */
  readonly checkpoint?: Uint8Array;
  /** Where the user's own objective is found; see `moduleOf`. */
  readonly module?: string;
}

/** Threads that run tasks. Any executor may own one; who calls it keeps the number of slots. */
export interface ThreadPool {
  readonly slots: number;
  /** The threads themselves, to be looked at. */
  readonly threads: readonly Worker[];
  /**
   * Runs one attempt on a free thread, or on the next one that gets free.
   *
   * @param table the task's table on shared memory
   * @throws ManyfoldError where threads cannot be started any more
   */
  run(
    task: Task,
    table: Uint8Array<SharedArrayBuffer>,
    options: AttemptOptions,
  ): Promise<AttemptOutcome>;
  /**
   * Runs attempts one after the other on one thread, for less than it costs to send each there: for
   * tasks that are over sooner than a thread is woken. Where the thread dies under one of them, the
   * others are run by themselves.
   */
  runAll(tasks: readonly PoolTask[]): Promise<AttemptOutcome[]>;
  /** Ends all threads; what runs fails as `lost`. Safe to call twice. */
  close(): Promise<void>;
}

/** Milliseconds between two looks at the running tasks: progress, limits, threads gone missing. */
const WATCH = 100;

/** A running attempt, as its watcher sees it. */
interface Watched {
  readonly control: Control;
  readonly onProgress: (point: CurvePoint) => void;
  readonly limits: Limits;
  /** Ends the thread. */
  readonly kill: AbortController;
  /** Monotonic milliseconds at which its time began. */
  since: number;
  started: boolean;
  /** Last epoch that was reported. */
  epoch: number;
  /** Why it was told to stop. */
  ending: { readonly failure: AttemptOutcome; readonly until: number } | undefined;
}

/**
 * Starts threads and waits until each has answered, so that a program that does not load is an
 * error here and not a run that hangs.
 *
 * @throws ManyfoldError (`environment`) where a thread does not start or answer in time
 */
export async function openThreadPool(options: ThreadPoolOptions): Promise<ThreadPool> {
  const { workers, clock, timers } = options;
  const grace = (options.grace ?? 2) * 1000;
  const watched = new Set<Watched>();
  let unwatch: (() => void) | undefined;
  let closing: Promise<void> | undefined;
  let pool = await startThreads(options);
  /** Pending while the threads are replaced by new ones. */
  let ready: Promise<void> = Promise.resolve();

  const end = (one: Watched, failure: AttemptOutcome) => {
    if (one.ending !== undefined) return;
    one.ending = { failure, until: clock.monotonic() + grace };
    requestCancel(one.control);
  };

  const watch = () => {
    const now = clock.monotonic();
    for (const one of watched) {
      if (!one.started) {
        one.started = hasStarted(one.control);
        one.since = now;
      }
      const point = readPoint(one.control);
      if (point !== undefined && point.epoch !== one.epoch && one.ending === undefined) {
        one.epoch = point.epoch;
        one.onProgress(point);
      }
      // Others of its list keep the thread; a limit or a death is theirs.
      if (hasEnded(one.control)) continue;
      const { seconds } = one.limits;
      if (seconds !== undefined && now - one.since > seconds * 1000) {
        end(one, failed(failureOf("timeout", overtime(seconds))));
      }
      if (one.ending !== undefined && one.started && now >= one.ending.until) one.kill.abort();
    }
    if (pool.threads.length < workers) restart();
  };

  // A thread that dies while it is being replaced is not replaced again: then all are.
  const restart = () => {
    const old = pool;
    const renew = async () => {
      await old.destroy();
      if (closing === undefined) pool = await startThreads(options);
    };
    ready = ready.then(() => (old === pool && closing === undefined ? renew() : undefined));
    ready.catch(() => undefined);
  };

  const add = (one: Watched) => {
    watched.add(one);
    unwatch ??= timers.every(WATCH, watch);
  };
  const remove = (one: Watched) => {
    watched.delete(one);
    if (watched.size > 0) return;
    unwatch?.();
    unwatch = undefined;
  };

  /** @returns undefined for a task that the thread's death left without an outcome of its own */
  const attempt = async (
    tasks: readonly PoolTask[],
    ones: readonly Watched[],
    kill: AbortSignal,
  ): Promise<(AttemptOutcome | undefined)[]> => {
    const request: ThreadRequest = {
      type: "tasks",
      tasks: tasks.map(({ task, table, checkpoint, module }, at) => ({
        spec: task.spec,
        table,
        ...(checkpoint && { checkpoint }),
        ...(module !== undefined && { module }),
        control: (ones[at]?.control ?? createControl()).words.buffer,
      })),
      profile: options.profile === true,
    };
    try {
      const answer: ThreadAnswer = await pool.run(request, { signal: kill });
      const outcomes = answer.status === "ran" ? answer.outcomes : [];
      return ones.map(({ ending }, at) => {
        const outcome = outcomes[at];
        if (outcome?.status === "done" || outcome?.status === "failed") return outcome;
        return ending?.failure ?? failed(failureOf("lost", "The task ended without a result."));
      });
    } catch (error) {
      const died = ones.findIndex(({ control }) => !hasEnded(control));
      return ones.map(({ ending }, at) => {
        if (ending !== undefined) return ending.failure;
        return at === died ? failed(lossOf(error)) : undefined;
      });
    }
  };

  const runAll = async (tasks: readonly PoolTask[]): Promise<AttemptOutcome[]> => {
    if (pool.threads.length < workers && closing === undefined) restart();
    await ready;
    const kill = new AbortController();
    const ones = tasks.map(
      ({ options: { onProgress, limits = options.limits ?? {} } }): Watched => {
        const control = createControl();
        const never = { since: 0, started: false, epoch: 0, ending: undefined };
        return { control, onProgress, limits, kill, ...never };
      },
    );
    const stops = ones.map((one, at) => {
      const signal = tasks[at]?.options.signal;
      const stop = () => end(one, failed(failureOf("lost", String(signal?.reason))));
      if (signal?.aborted === true) stop();
      signal?.addEventListener("abort", stop, { once: true });
      return () => signal?.removeEventListener("abort", stop);
    });
    for (const one of ones) add(one);
    let outcomes: (AttemptOutcome | undefined)[];
    try {
      outcomes = await attempt(tasks, ones, kill.signal);
    } finally {
      for (const one of ones) remove(one);
      for (const stop of stops) stop();
    }
    const whole: AttemptOutcome[] = [];
    for (const [at, task] of tasks.entries()) {
      const [again] = outcomes[at] ? [outcomes[at]] : await runAll([task]);
      if (again !== undefined) whole.push(again);
    }
    return whole;
  };

  return {
    slots: workers,
    get threads() {
      return pool.threads;
    },
    async run(task, table, attemptOptions) {
      const [outcome] = await runAll([{ task, table, options: attemptOptions }]);
      return outcome ?? failed(failureOf("lost", "The task ended without a result."));
    },
    runAll,
    close() {
      // Once: a second `destroy` under way would let the pool replace the threads it ends.
      closing ??= ready.catch(() => undefined).then(() => pool.destroy());
      return closing;
    },
  };
}

/** Why an attempt ended without an answer: its thread is gone. */
function lossOf(error: unknown) {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ERR_WORKER_OUT_OF_MEMORY"
    ? failureOf("oom", "The task needed more memory than its thread may have.")
    : failureOf("lost", `The thread that ran the task ended: ${messageOf(error)}.`);
}

/** This package's thread program beside this file: a source next to sources, else JavaScript. */
function programOf({ program }: ThreadPoolOptions): { filename: string; execArgv: string[] } {
  const source = import.meta.url.endsWith(".ts");
  const own = source
    ? new URL("./thread.ts", import.meta.url)
    : new URL("./thread.js", import.meta.url);
  // Threads would inherit the process's flags otherwise, and with them a test runner's conditions.
  const flags = source ? ["--conditions=@manyfold/source", "--import", "tsx"] : [];
  return { filename: (program ?? own).href, execArgv: flags };
}

async function startThreads(
  options: ThreadPoolOptions,
): Promise<Piscina<ThreadRequest, ThreadAnswer>> {
  const { workers, timers, heap, startWithin = 60 } = options;
  const pool = new Piscina<ThreadRequest, ThreadAnswer>({
    ...programOf(options),
    name: "runInThread",
    // Equal, or a crash would leave no thread behind and queued tasks would hang.
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    ...(heap === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heap } }),
  });
  // Without a listener the death of an idle thread would end the process; the watch sees it too.
  let reason: unknown;
  pool.on("error", (error) => (reason = error));
  const patience = new AbortController();
  const hello = Array.from({ length: workers }, () => pool.run({ type: "hello" }));
  const late = timers.sleep(startWithin * 1000, patience.signal).then(() => {
    throw new Error(`no answer within ${startWithin} s`);
  });
  late.catch(() => undefined);
  try {
    await Promise.race([Promise.all(hello), late]);
    return pool;
  } catch (error) {
    for (const one of hello) one.catch(() => undefined);
    await pool.destroy();
    throw new ManyfoldError({
      code: "environment",
      path: "worker threads",
      condition: "able to start",
      got: messageOf(reason ?? error),
      help: "Run `manyfold doctor`; `--executor inline` works without threads.",
    });
  } finally {
    patience.abort();
  }
}
