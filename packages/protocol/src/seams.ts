import type { TaskEvent } from "./event.ts";
import type { Failure } from "./failure.ts";
import type { Hash } from "./hash.ts";
import type { JournalRecord } from "./journal.ts";
import type { BlobRef, Task, TaskResult } from "./task.ts";

/** Runs tasks somewhere. Few members; everything else is the coordinator's. */
export interface Executor {
  /** Tasks that run at once, and names for people. */
  readonly description: { readonly kind: string; readonly slots: number; readonly host: string };
  /**
   * Runs tasks, pulling the next one only when a slot is free. Each attempt yields exactly one
   * `completed` or `failed` event. Aborting `signal` stops pulling, ends running tasks (their
   * attempts fail as `lost`) and ends the iteration.
   */
  run(tasks: AsyncIterable<Task>, options: { signal: AbortSignal }): AsyncIterable<TaskEvent>;
  /** Cancels the running copy of a task, if there is one: its attempt fails as `lost`. */
  cancel(taskId: Hash): void;
  /**
   * A success that is there of a task whose attempts were all thought to have failed: it came late.
   * Left out where results come from nowhere but `run`.
   */
  lateSuccess?(
    taskId: Hash,
  ): Promise<{ result: TaskResult; worker: string; seconds: number } | undefined>;
  /**
   * Says where results are kept that a task is given up, so that none that comes late contradicts
   * it. To be called once the journal says so: a coordinator that is shut out of it decides nothing.
   */
  conclude?(taskId: Hash, verdict: Failure): Promise<void>;
  /** Frees threads and connections. Safe to call twice. */
  close(): Promise<void>;
}

/** A run's history on disk, in memory or on a server. */
export interface Journal {
  /** Records from sequence `from` (0 is the first), in order. */
  read(from: number): AsyncIterable<JournalRecord>;
  /**
   * Appends records after exactly `expectedSequence` earlier ones and resolves with the new length
   * once they are durable. Rejects, writing nothing, where the journal is not that long: another
   * coordinator wrote.
   */
  append(expectedSequence: number, records: readonly JournalRecord[]): Promise<number>;
  close(): Promise<void>;
}

/** Content-addressed bytes. */
export interface BlobStore {
  /** Resolves once the bytes are durable; storing known bytes is free. */
  put(bytes: Uint8Array): Promise<BlobRef>;
  /**
   * The bytes, verified against their hash, on shared memory where the platform has it; undefined
   * where they are missing or damaged.
   */
  get(hash: Hash): Promise<Uint8Array | undefined>;
  has(hash: Hash): Promise<boolean>;
}

/** Time for people and limits; never for results. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Monotonic milliseconds. */
  monotonic(): number;
}

/** Timers that a simulator can drive. */
export interface Timers {
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls back every so often until the returned function is called. */
  every(milliseconds: number, callback: () => void): () => void;
}
