import type { TaskSpec } from "@manyfold/protocol";
import type { TaskOutcome } from "./outcome.ts";

/** What a pool asks of a thread. All data; tables and controls on shared memory. */
export type ThreadRequest =
  | { readonly type: "hello" }
  | {
      readonly type: "task";
      readonly spec: TaskSpec;
      readonly table: Uint8Array<SharedArrayBuffer>;
      readonly control: SharedArrayBuffer;
      /** Whether to say where the time went. */
      readonly profile: boolean;
    };

/** What a thread answers; bytes are moved, not copied. */
export type ThreadAnswer = { readonly status: "ready" } | TaskOutcome;
