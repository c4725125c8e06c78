import { allTasks, finalTasks, waitingTasks } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { trialCount } from "./trials.ts";
import { unitsOf } from "./units.ts";

/** How far a run is: its tasks, those of a final fit that is yet to be chosen included. */
export function progressOf(state: RunState): {
  done: number;
  total: number;
  failed: number;
  stage: string;
} {
  const tasks = allTasks(state);
  const pending = finalTasks(state).length === 0 ? unitsOf(state.experiment.ensemble).length : 0;
  const outcomes = tasks.map(({ id }) => outcomeOf(state, id));
  const trials = trialCount(state.experiment);
  return {
    done: outcomes.filter((outcome) => outcome !== undefined).length,
    total: tasks.length + waitingTasks(state) + pending,
    failed: outcomes.filter((outcome) => outcome && "code" in outcome).length,
    stage:
      state.assessed.size < trials ? `trial ${state.assessed.size}/${trials}, tasks` : "members",
  };
}
