import type { Failure } from "@manyfold/protocol";
import { failureOf } from "./outcome.ts";

/**
 * Why a task that names a module of the user's own is not run here; undefined where it may be. A task
 * is data: a module is loaded only if whoever started this worker allowed it by its very name.
 *
 * @param module as the task names it
 * @param allowed the worker's `--allow-module`s
 */
export function refuseModule(module: string, allowed: readonly string[]): Failure | undefined {
  if (allowed.includes(module)) return undefined;
  const list = allowed.length === 0 ? "none" : allowed.join(", ");
  return failureOf(
    "invalid",
    `The task needs the module ${JSON.stringify(module)}, and this worker allows ${list}. ` +
      `Start it with --allow-module ${module} if you trust that module.`,
  );
}
