import { type BlobStore, type Clock, type CurvePoint, ManyfoldError } from "@manyfold/protocol";
import { type AttemptOutcome, failureOf, messageOf } from "../outcome.ts";
import { store } from "../store.ts";
import type { listsOn } from "../threads.ts";
import type { Ended, Held } from "./held.ts";

/** Milliseconds between two points of a task's curve. */
const TELL_AGAIN = 250;

export interface ThreadsWorkOptions {
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly runList: ReturnType<typeof listsOn>;
  /** Ends what waits for room. */
  readonly ending: AbortSignal;
  readonly onProgress: (one: Held, point: CurvePoint) => void;
  /** Threads cannot be started any more. */
  readonly onBroken: () => void;
}

/** What a worker does with tasks: runs them, and stores what they yield. */
export interface ThreadsWork {
  /** Runs tasks on one thread; its outcomes are one of each. */
  run(list: readonly Held[]): Promise<readonly (AttemptOutcome | Ended)[]>;
  stored(outcome: AttemptOutcome | Ended): Promise<Ended>;
}

export function threadsWork(options: ThreadsWorkOptions): ThreadsWork {
  const { blobs, clock, runList } = options;
  const onProgressOf = (one: Held) => {
    let told = clock.monotonic();
    return (point: CurvePoint) => {
      if (clock.monotonic() - told < TELL_AGAIN) return;
      told = clock.monotonic();
      options.onProgress(one, point);
    };
  };
  return {
    async run(list) {
      try {
        const [first] = list;
        const signal = list.length === 1 ? first?.stop.signal : undefined;
        return await runList(
          list.map((one) => ({
            task: one.task,
            options: {
              signal: one.stop.signal,
              onProgress: onProgressOf(one),
              limits: one.delivery.limits,
            },
          })),
          signal ?? options.ending,
        );
      } catch (error) {
        // A read that failed is this attempt's; threads that do not start are this worker's.
        if (error instanceof ManyfoldError) options.onBroken();
        const failure =
          error instanceof ManyfoldError
            ? failureOf("lost", error.message)
            : failureOf("exception", messageOf(error));
        return list.map(() => ({ status: "failed", failure }));
      }
    },
    async stored(outcome) {
      if (!("output" in outcome)) return outcome;
      try {
        return { status: "done", result: await store(blobs, outcome.output) };
      } catch (error) {
        const message = `Its result was not stored: ${messageOf(error)}`;
        return { status: "failed", failure: failureOf("exception", message) };
      }
    },
  };
}
