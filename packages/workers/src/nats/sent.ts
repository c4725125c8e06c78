import type { ManyfoldError, Task, Variant } from "@manyfold/protocol";
import type { LaneOptions, LaneOutcome } from "../lanes.ts";
import type { AttemptName } from "./subjects.ts";

/** A message of attempts. */
export interface Sent {
  /** The attempt in its subject: that of its first task. */
  readonly name: AttemptName;
  readonly variant: Variant;
  /** Monotonic milliseconds when it was sent, and when a worker was first heard to have it. */
  readonly since: number;
  taken: number | undefined;
  /** Its place in the stream, once it is there. */
  sequence: number | undefined;
  /** Its tasks were sent to a second worker. */
  copied: boolean;
  /** Those of its attempts that have not ended. */
  readonly open: Set<Open>;
}

/** An attempt that has not ended. */
export interface Open {
  readonly task: Task;
  readonly options: LaneOptions;
  /** Undefined as long as it waits to be sent. */
  sent: Sent | undefined;
  /** It was sent before, and a message of several that names it may be closed. */
  again: boolean;
  worker: string | undefined;
  /** Monotonic milliseconds when nobody was first seen to hold it. */
  unheld: number | undefined;
  checking: boolean;
  readonly settle: (outcome: LaneOutcome) => void;
  readonly fail: (error: ManyfoldError) => void;
}
