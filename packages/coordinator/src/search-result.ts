import type { SearchResult, TrialRow } from "@manyfold/protocol";
import { fold, key } from "@manyfold/core";
import { tagOf } from "@manyfold/protocol";
import { importances } from "@manyfold/search";
import { tasksOfTrial } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { directionOf, metricOf, signOf } from "./metric.ts";
import { assessmentOf, bestTrial, paramsOf, proposedTrials } from "./trials.ts";

/** The table of the trials proposed so far and the best of them; null for an experiment without a search. */
export function searchResult(state: RunState): SearchResult | null {
  const { experiment } = state;
  if (!experiment.search) return null;
  const { space } = experiment.search;
  const best = bestTrial(state);
  const trials = Array.from({ length: proposedTrials(state) }, (_, trial) => rowOf(state, trial));
  const sign = signOf(experiment);
  const history = trials.map(({ value, ...trial }) => ({
    ...trial,
    value: value === null ? null : sign * value,
  }));
  const importance = importances(space, history, fold(key(experiment.seed), "importance"));
  return {
    sampler: tagOf(experiment.search.sampler),
    metric: metricOf(experiment),
    direction: directionOf(experiment),
    best: best
      ? { trial: best.trial, params: paramsOf(state, best.trial) ?? {}, value: best.value }
      : null,
    trials,
    ...(importance ? { importance } : {}),
  };
}

function rowOf(state: RunState, trial: number): TrialRow {
  const assessment = assessmentOf(state, trial);
  const params = paramsOf(state, trial) ?? {};
  const { value = null, standardError = null } = assessment ?? {};
  return { trial, params, value, standardError, state: stateOf(state, trial) };
}

function stateOf(state: RunState, trial: number): TrialRow["state"] {
  const assessment = assessmentOf(state, trial);
  if (assessment) return assessment.value === null ? "failed" : "completed";
  const begun = tasksOfTrial(state, trial).some(({ id }) => outcomeOf(state, id) !== undefined);
  return begun ? "running" : "waiting";
}
