import type { Experiment, Hash } from "@manyfold/protocol";
import { decisionsOf } from "./decisions.ts";
import type { Wanted } from "./plan.ts";
import { curveTasks, finalTasks, freshTasks, tasksOfCell, waitingTasks } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { cellAt, cellCount, firstOpen, isSearched } from "./trials.ts";
import { trialCount } from "./count.ts";
import { membersWanted } from "./units.ts";
import { leadersOf } from "./winner.ts";

/** Tasks that were counted, by how they ended. */
interface Count {
  tasks: number;
  done: number;
  failed: number;
}

/** The count of the trials that are over: they stay as they are, and there may be very many. */
interface Over extends Count {
  readonly experiment: Experiment;
  /** Trials counted, from the first. */
  trials: number;
  /** Tasks among them: two trials may have the same. */
  readonly seen: Set<Hash>;
}

const counted = new WeakMap<RunState, Over>();

/** How far a run is: its tasks, those of a final fit that is yet to be chosen included. */
export function progressOf(state: RunState): {
  done: number;
  total: number;
  failed: number;
  stage: string;
} {
  const over = overOf(state);
  const open: Count = { tasks: 0, done: 0, failed: 0 };
  const seen = new Set<Hash>();
  const ended = endedTasks(state);
  const proposed = cellCount(state);
  let trial = over.trials;
  // Once every result has been met, no later trial has one of its own.
  for (; trial < proposed && over.seen.size + seen.size < ended; trial++) {
    const tasks = tasksOfCell(state, cellAt(state, trial));
    add(open, state, tasks);
    for (const { id } of tasks) if (outcomeOf(state, id) && !over.seen.has(id)) seen.add(id);
  }
  const rest =
    trial < proposed ? (proposed - trial) * tasksOfCell(state, cellAt(state, trial)).length : 0;
  for (const { trial } of leadersOf(state)) add(open, state, freshTasks(state, trial));
  const final = finalTasks(state);
  add(open, state, final);
  add(open, state, curveTasks(state));
  const kept = state.experiment.ensemble?.fromSearch !== undefined;
  const pending =
    final.length === 0 && !kept ? membersWanted(state.experiment.ensemble, state.weighed) : 0;
  const trials = trialCount(state.experiment);
  const of = Number.isFinite(trials) ? `/${trials}` : "";
  // With a scheduler a trial is assessed several times.
  const begun = decisionsOf(state)?.settings.length ?? state.assessed.size;
  return {
    done: over.done + open.done,
    total: over.tasks + open.tasks + rest + waitingTasks(state) + pending,
    failed: over.failed + open.failed,
    stage: isSearched(state) ? "members" : `trial ${begun}${of}, tasks`,
  };
}

function overOf(state: RunState): Over {
  const { experiment } = state;
  const known = counted.get(state);
  const over =
    known?.experiment === experiment
      ? known
      : { experiment, trials: 0, tasks: 0, done: 0, failed: 0, seen: new Set<Hash>() };
  counted.set(state, over);
  for (const end = firstOpen(state); over.trials < end; over.trials++) {
    const tasks = tasksOfCell(state, cellAt(state, over.trials));
    add(over, state, tasks);
    for (const { id } of tasks) over.seen.add(id);
  }
  return over;
}

function add(count: Count, state: RunState, tasks: readonly Wanted[]): void {
  count.tasks += tasks.length;
  for (const { id } of tasks) {
    const outcome = outcomeOf(state, id);
    if (outcome === undefined) continue;
    count.done += 1;
    if ("code" in outcome) count.failed += 1;
  }
}

/** Tasks of any kind that have ended. */
function endedTasks(state: RunState): number {
  const failed = [...state.failures.keys()].filter((task) => {
    const outcome = outcomeOf(state, task);
    return outcome !== undefined && "code" in outcome;
  });
  return state.completed.size + failed.length;
}
