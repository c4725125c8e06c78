import type { SearchResult, TrialRow } from "@manyfold/protocol";
import { fold, key } from "@manyfold/core";
import { tagOf } from "@manyfold/protocol";
import { importances } from "@manyfold/search";
import { tasksOfTrial } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { directionOf, metricOf, signOf } from "./metric.ts";
import { assessmentOf, paramsOf, proposedTrials } from "./trials.ts";
import { confirmedValue, correctedValue, leadersOf, winningTrial } from "./winner.ts";

/** The table of the trials proposed so far and the best of them; null for an experiment without a search. */
export function searchResult(state: RunState): SearchResult | null {
  const { experiment } = state;
  if (!experiment.search) return null;
  const { space } = experiment.search;
  const best = winningTrial(state);
  const trials = Array.from({ length: proposedTrials(state) }, (_, trial) => rowOf(state, trial));
  const sign = signOf(experiment);
  const history = trials.map(({ trial, params, value }) => ({
    trial,
    params,
    value: value === null ? null : sign * value,
  }));
  const importance = importances(space, history, fold(key(experiment.seed), "importance"));
  return {
    sampler: tagOf(experiment.search.sampler),
    metric: metricOf(experiment),
    direction: directionOf(experiment),
    best: best
      ? {
          trial: best.trial,
          params: paramsOf(state, best.trial) ?? {},
          value: best.value,
        }
      : null,
    ...(best && { corrected: correctedValue(state, best) }),
    trials,
    ...(importance ? { importance } : {}),
  };
}

function rowOf(state: RunState, trial: number): TrialRow {
  const assessment = assessmentOf(state, trial);
  const params = paramsOf(state, trial) ?? {};
  const { value = null, standardError = null } = assessment ?? {};
  // A search that was grown may have confirmed trials that lead no more.
  const leads = leadersOf(state).some((leader) => leader.trial === trial);
  const confirmed = leads ? confirmedValue(state, trial) : undefined;
  const row = { trial, params, value, standardError, state: stateOf(state, trial) };
  return confirmed === undefined ? row : { ...row, confirmed };
}

function stateOf(state: RunState, trial: number): TrialRow["state"] {
  const assessment = assessmentOf(state, trial);
  if (assessment) return assessment.value === null ? "failed" : "completed";
  const begun = tasksOfTrial(state, trial).some(({ id }) => outcomeOf(state, id) !== undefined);
  return begun ? "running" : "waiting";
}
