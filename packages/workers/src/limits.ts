import type { Limits } from "@manyfold/protocol";
import type { AllowedModules } from "./modules.ts";

/** What tasks may take on this machine. */
export interface TaskLimits {
  /** The experiment's own: `seconds` a task may run before it fails as `timeout`. */
  readonly limits?: Limits;
  /**
   * Bytes that running tasks may need together, by the plan's own estimate. A task that needs more
   * alone fails as `invalid`; one that finds no room waits for it. Default: not limited.
   */
  readonly memory?: number;
  /** Modules of the user's own that tasks may name (default none). */
  readonly modules?: AllowedModules;
}

/** Why an attempt over its limit of time failed. */
export function overtime(seconds: number): string {
  return `The task took longer than its limit of ${seconds} s.`;
}
