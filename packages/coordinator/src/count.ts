import type { Experiment, SearchSpec } from "@manyfold/protocol";
import { match } from "@manyfold/protocol";
import { isOpenEnded, schedulerOf, trialsOf } from "@manyfold/search";
import { stepsOf } from "./objective.ts";

/** Number of trials of the experiment's search at most; 0 without one, Infinity where a budget ends it. */
export function trialCount(experiment: Experiment): number {
  const { search } = experiment;
  if (!search) return 0;
  const budgeted = Math.floor((search.budget?.cells ?? Infinity) / cellsPerTrial(search));
  if (isOpenEnded(search)) return budgeted;
  const planned = search.trials ?? schedulerOf(search)?.trials(stepsOf(experiment));
  const trials = trialsOf(planned === undefined ? search : { ...search, trials: planned });
  return Math.min(trials, budgeted);
}

/** Cells of a trial, or of a trial's way to a rung: one per fold and repeat. */
export function cellsPerTrial({ assess, repeats }: SearchSpec): number {
  const folds: number = match(assess, { validation: () => 1, folds: ({ k }) => k });
  return repeats * folds;
}
