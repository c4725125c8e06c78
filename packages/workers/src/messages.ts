import type { TaskSpec } from "@manyfold/protocol";
import type { TaskOutcome } from "./outcome.ts";

/** What a pool asks of a thread. All data; tables and controls on shared memory. */
export type ThreadRequest =
  | { readonly type: "hello" }
  | {
      readonly type: "tasks";
      readonly tasks: readonly ThreadTask[];
      /** Whether to say where the time went. */
      readonly profile: boolean;
    };

/** One of the tasks that a thread is to run one after the other. */
export interface ThreadTask {
  readonly spec: TaskSpec;
  readonly table: Uint8Array<SharedArrayBuffer>;
  readonly control: SharedArrayBuffer;
  /** What the task goes on from, where it is a later part of a training. */
  readonly checkpoint?: Uint8Array;
  /** Where the user's own objective is found. */
  readonly module?: string;
}

/** What a thread answers: an outcome per task; bytes are moved, not copied. */
export type ThreadAnswer =
  { readonly status: "ready" } | { readonly status: "ran"; readonly outcomes: TaskOutcome[] };
