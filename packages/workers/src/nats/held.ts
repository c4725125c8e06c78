import type { Failure, Limits, Task, TaskResult } from "@manyfold/protocol";
import { failureOf } from "../outcome.ts";
import type { Outcome } from "./messages.ts";
import type { AttemptName } from "./subjects.ts";

/** A message of tasks in hand. */
export interface Delivery {
  /** The attempt in its subject: that of its first task. */
  readonly name: AttemptName;
  /** Where it is acknowledged and renewed. */
  readonly ack: string;
  readonly limits: Limits;
  readonly since: number;
  /** Tasks that have not ended, and those that still need a thread. */
  open: number;
  unrun: number;
  /** What has ended and was not reported yet. */
  outcomes: Outcome[];
}

/** A task in hand. */
export interface Held {
  name: AttemptName;
  delivery: Delivery;
  readonly task: Task;
  readonly stop: AbortController;
  /** Whether it still needs a thread. */
  waits: boolean;
  /** What is to be received once it has ended: the same task, wanted again while it was being stopped. */
  after: (() => void) | undefined;
}

/** How an attempt ended here. */
export type Ended =
  | { readonly status: "done"; readonly result: TaskResult }
  | { readonly status: "failed"; readonly failure: Failure };

/** Names a task in hand: of two attempts at it one runs, and serves both. */
export function keyOf({ run, task }: Pick<AttemptName, "run" | "task">): string {
  return `${run}.${task}`;
}

export function lost(why: string): Ended {
  return { status: "failed", failure: failureOf("lost", why) };
}
