import type { Hash } from "@manyfold/protocol";
import type { Wanted } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";

/** How many tasks of a list, from its first, have ended: what nobody has to look at again. */
const leading = new WeakMap<RunState, Map<readonly Wanted[], number>>();

/** The place of the first task of a list that has not ended; its length where all have. */
export function firstOpenTask(state: RunState, tasks: readonly Wanted[]): number {
  const known = leading.get(state) ?? new Map<readonly Wanted[], number>();
  leading.set(state, known);
  let at = known.get(tasks) ?? 0;
  for (let task = tasks[at]; task && outcomeOf(state, task.id); task = tasks[at]) at += 1;
  known.set(tasks, at);
  return at;
}

/** Takes results back, as if nobody had done their tasks. */
export function undo(state: RunState, tasks: readonly Hash[]): void {
  for (const task of tasks) state.completed.delete(task);
  leading.delete(state);
}
