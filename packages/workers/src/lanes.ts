import {
  type BlobStore,
  type Clock,
  type CurvePoint,
  type Executor,
  type Hash,
  ManyfoldError,
  type Limits,
  type Task,
  type TaskEvent,
  type TaskResult,
} from "@manyfold/protocol";
import type { Profile } from "@manyfold/core";
import { type AttemptOutcome, failed, failureFrom, failureOf, messageOf } from "./outcome.ts";
import { store } from "./store.ts";

/** Something that runs attempts, one per lane. All that differs between executors. */
export interface Lanes {
  readonly kind: string;
  /** Number of lanes; asked again and again, since more may come, or go. */
  readonly slots: number;
  /** Makes ready; called before each run. */
  open(): Promise<void>;
  /** Called after each run. */
  rest?(): Promise<void>;
  /**
   * Runs one attempt to its end; called for at most `slots` at once. Aborting `signal` ends it as
   * `lost`. Failures of the task are outcomes.
   *
   * @throws ManyfoldError where no task can be run any more
   */
  run(task: Task, options: LaneOptions): Promise<LaneOutcome>;
  close(): Promise<void>;
}

export interface AttemptOptions {
  readonly signal: AbortSignal;
  /** The newest point of the learning curve, every now and then. */
  readonly onProgress: (point: CurvePoint) => void;
  /** The experiment's own limits, where an attempt brings them along. */
  readonly limits?: Limits;
}

export interface LaneOptions extends AttemptOptions {
  /** The lane it runs in, from 0; none else has it until the attempt ends. */
  readonly lane: number;
  /** Says who took the task up: the `worker` of its events. Without a word it is the executor. */
  readonly onStarted: (worker: string) => void;
  /** Says that a second worker was given it too. */
  readonly onCopied: () => void;
}

/**
 * How an attempt ended: as bytes to be stored; where it ran elsewhere, as a stored result; or not at
 * all, where nobody had begun it and it was taken back.
 */
export type LaneOutcome =
  | AttemptOutcome
  | { readonly status: "withdrawn" }
  | {
      readonly status: "stored";
      readonly result: TaskResult;
      readonly seconds: number;
      /** Who finished it, where that may be another than took it up: of two copies the first. */
      readonly worker?: string;
    };

export interface LaneSettings {
  readonly host: string;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** Told where each completed attempt's time went, where tasks say so. */
  readonly onProfile?: ((profile: Profile, seconds: number) => void) | undefined;
}

/** Ended attempts whose event nobody has taken yet; with more, no task is pulled. */
const UNREAD = 32;

/** An executor over lanes: pulling, order of events, storing, cancelling, back-pressure. */
export function executorOver(lanes: Lanes, settings: LaneSettings): Executor {
  let current: Run | undefined;
  let closing: Promise<void> | undefined;

  async function* events(tasks: AsyncIterable<Task>, signal: AbortSignal) {
    if (closing !== undefined || current !== undefined) {
      throw new ManyfoldError({
        code: "internal",
        path: `executor ${lanes.kind}`,
        condition: "open and idle when it is asked to run tasks",
        got: closing === undefined ? "one that runs" : "a closed one",
      });
    }
    const run = startRun(lanes, settings, tasks);
    current = run;
    const stop = () => run.stop("The run was aborted.");
    signal.addEventListener("abort", stop, { once: true });
    try {
      await lanes.open();
      if (signal.aborted) stop();
      yield* run.events();
    } finally {
      signal.removeEventListener("abort", stop);
      await run.finish();
      await lanes.rest?.();
      current = undefined;
    }
  }

  return {
    description: {
      kind: lanes.kind,
      get slots() {
        return lanes.slots;
      },
      host: settings.host,
    },
    run: (tasks, { signal }) => events(tasks, signal),
    cancel: (taskId) => current?.cancel(taskId),
    close: () => (closing ??= closeAfter(current, lanes)),
  };
}

async function closeAfter(run: Run | undefined, lanes: Lanes): Promise<void> {
  run?.stop("The executor was closed.");
  await run?.idle();
  await lanes.close();
}

interface Run {
  /** Yields events until the source is exhausted or `stop` was called, and all attempts ended. */
  events(): AsyncGenerator<TaskEvent>;
  cancel(taskId: Hash): void;
  /** Pulls no more and ends what runs, as `lost`. */
  stop(why: string): void;
  /** Resolves when no attempt runs. */
  idle(): Promise<void>;
  /** The consumer is gone: stops, and resolves when no attempt runs. */
  finish(): Promise<void>;
}

interface Attempt {
  readonly task: Task;
  readonly stop: AbortController;
  readonly since: number;
  worker: string | undefined;
  copies: number;
  /** The executor itself ended it. */
  shut: boolean;
}

function startRun(lanes: Lanes, settings: LaneSettings, tasks: AsyncIterable<Task>): Run {
  const { blobs, clock } = settings;
  const source = tasks[Symbol.asyncIterator]();
  const free: number[] = [];
  let made = 0;
  const running = new Set<Attempt>();
  const queue: TaskEvent[] = [];
  /** Attempts that left their lane and whose results are being stored. */
  let storing = 0;
  /** Final events in the queue. */
  let unread = 0;
  let pulling = false;
  /** Nothing more comes from the source. */
  let dry = false;
  let broken: { error: unknown } | undefined;
  let listeners: (() => void)[] = [];

  const changed = () => {
    const called = listeners;
    listeners = [];
    for (const listener of called) listener();
  };
  const nextChange = () => new Promise<void>((resolve) => listeners.push(resolve));
  const busy = () => running.size > 0 || storing > 0;

  const identity = ({ task, worker = lanes.kind }: Attempt) => ({
    task: task.id,
    attempt: task.attempt,
    worker,
  });

  const emit = (event: TaskEvent) => {
    if (event.type === "completed" || event.type === "failed") unread++;
    queue.push(event);
    changed();
  };

  /** A slow reader gets the newest point only. */
  const emitProgress = (entry: Attempt, point: CurvePoint) => {
    const { task } = entry;
    const { spec } = task;
    const epochs = spec.kind === "train" ? spec.train.epochs : spec.steps;
    const event: TaskEvent = { type: "progress", ...identity(entry), point, epochs };
    const old = queue.findIndex(
      (queued) =>
        queued.type === "progress" && queued.task === task.id && queued.attempt === task.attempt,
    );
    if (old >= 0) queue[old] = event;
    else emit(event);
  };

  /** The lowest lane that is free now. */
  const freeLane = (): number | undefined => {
    for (; made < lanes.slots; made++) free.push(made);
    return running.size < lanes.slots ? free[0] : undefined;
  };

  const pump = () => {
    if (freeLane() !== undefined && storing + unread < UNREAD && !pulling && !dry) void pull();
  };

  const pull = async () => {
    pulling = true;
    try {
      const next = await source.next();
      // The one that was free when it was asked for a task; there may be fewer slots by now.
      const [lane] = free;
      if (next.done === true) dry = true;
      // After a stop the task is nobody's: no attempt of it has begun.
      else if (!dry && lane !== undefined) void attempt(next.value, lane);
    } catch (error) {
      dry = true;
      broken ??= { error };
    }
    pulling = false;
    pump();
    changed();
  };

  const attempt = async (task: Task, lane: number) => {
    const stop = new AbortController();
    const entry: Attempt = {
      task,
      stop,
      since: clock.monotonic(),
      worker: undefined,
      copies: 0,
      shut: false,
    };
    running.add(entry);
    free.splice(free.indexOf(lane), 1);
    const onStarted = (worker: string = lanes.kind) => {
      if (entry.worker !== undefined) return;
      entry.worker = worker;
      emit({ type: "started", ...identity(entry) });
    };
    let outcome: LaneOutcome;
    try {
      const onProgress = (point: CurvePoint) => emitProgress(entry, point);
      const onCopied = () => void entry.copies++;
      const { signal } = stop;
      outcome = await lanes.run(task, { signal, lane, onStarted, onCopied, onProgress });
    } catch (error) {
      outcome = failed(failureFrom(error));
      if (error instanceof ManyfoldError) {
        outcome = failed(failureOf("lost", error.message));
        broken ??= { error };
        entry.shut = true;
        stopAll(error.message);
      }
    }
    const seconds = (clock.monotonic() - entry.since) / 1000;
    // The lane gets its next task before this one's bytes are stored.
    running.delete(entry);
    free.push(lane);
    free.sort((a, b) => a - b);
    if (outcome.status === "withdrawn") {
      pump();
      return changed();
    }
    storing++;
    pump();
    onStarted();
    const event = await finalEvent(entry, outcome, seconds);
    storing--;
    emit(event);
  };

  const finalEvent = async (
    entry: Attempt,
    outcome: Exclude<LaneOutcome, { status: "withdrawn" }>,
    seconds: number,
  ): Promise<TaskEvent> => {
    const of = { ...identity(entry), ...(entry.copies > 0 && { copies: entry.copies }) };
    if (outcome.status === "stored") {
      const { result, seconds: worked, worker = of.worker } = outcome;
      return { type: "completed", ...of, worker, result, seconds: worked };
    }
    if (outcome.status === "failed") {
      const shut = entry.shut && outcome.failure.code === "lost" && { shut: true as const };
      return { type: "failed", ...of, failure: outcome.failure, seconds, ...shut };
    }
    const profile = "weights" in outcome.output ? outcome.output.profile : undefined;
    if (profile !== undefined) settings.onProfile?.(profile, seconds);
    try {
      return { type: "completed", ...of, result: await store(blobs, outcome.output), seconds };
    } catch (error) {
      if (error instanceof ManyfoldError) {
        // Nowhere to store anything (a full disk): no task's fault, and no task's attempts.
        broken ??= { error };
        stopAll(error.message);
        const failure = failureOf("lost", error.message);
        return { type: "failed", ...of, failure, seconds, shut: true };
      }
      const failure = failureOf("exception", `Its result was not stored: ${messageOf(error)}`);
      return { type: "failed", ...of, failure, seconds };
    }
  };

  const stopAll = (why: string) => {
    dry = true;
    for (const one of running) {
      one.shut = true;
      one.stop.abort(why);
    }
    changed();
  };

  const idle = async () => {
    while (busy()) await nextChange();
  };

  return {
    async *events() {
      pump();
      for (;;) {
        const event = queue.shift();
        if (event !== undefined) {
          if (event.type === "completed" || event.type === "failed") unread--;
          pump();
          yield event;
        } else if (dry && !busy()) {
          if (broken !== undefined) throw broken.error;
          return;
        } else {
          await nextChange();
        }
      }
    },
    cancel(taskId) {
      const why = "This copy of the task was cancelled.";
      for (const { task, stop } of running) if (task.id === taskId) stop.abort(why);
    },
    stop: stopAll,
    idle,
    async finish() {
      if (!dry || busy()) stopAll("Nobody reads the run's events any more.");
      await idle();
      // Not awaited: a source that waits for something of its own may never answer.
      source.return?.().catch(() => undefined);
    },
  };
}
