import {
  hashJson,
  ManyfoldError,
  type EarlierRun,
  type EarlierTrial,
  type Experiment,
} from "@manyfold/protocol";
import { fitsSpace } from "@manyfold/search";
import { rungsOf } from "./decisions.ts";
import { directionOf, metricOf, signOf } from "./metric.ts";
import { trialRows } from "./search-result.ts";
import type { RunState } from "./state.ts";

/**
 * The trials of a run that another search may go on from: those that were trained to the end (or
 * failed) and whose settings are, as a whole, settings of that search's space.
 *
 * @throws ManyfoldError `config` where the run's values are of another metric, or none of its
 *   settings fits
 */
export function earlierRun(state: RunState, experiment: Experiment): EarlierRun {
  const { experiment: before, run } = state;
  const { search } = experiment;
  const refuse = (condition: string, got: string, help: string) =>
    new ManyfoldError({ code: "config", path: "search.warmStart", condition, got, help });
  if (!search || !before.search) {
    throw refuse("a run with a search", run, "Only a search has trials.");
  }
  const [own, other] = [experiment, before].map(judgedBy);
  if (own !== other) {
    throw refuse(`a run whose trials are judged by ${own}`, String(other), "See search.metric.");
  }
  const end = rungsOf(before)?.length ?? 1;
  const all = trialRows(state).flatMap(({ params, value, state: how, rungs }): EarlierTrial[] => {
    if (how !== "completed" && how !== "failed") return [];
    // A value after a part of the training is of another kind.
    if (rungs && rungs.length < end) return [];
    return [{ params, value: value === null ? null : signOf(before) * value }];
  });
  const trials = all.filter(({ params }) => fitsSpace(search, params));
  if (!trials.some(({ value }) => value !== null)) {
    throw refuse(
      "a run with trials that are settings of this space",
      `${all.length} trials, none of which fits`,
      "A trial fits where it has exactly the parameters that count here, with values of their domains.",
    );
  }
  return { run, hash: hashJson(trials), trials };
}

function judgedBy(experiment: Experiment): string {
  const { objective } = experiment;
  const metric = objective ? `${objective.module} ${objective.export}` : metricOf(experiment);
  return `${metric}, ${directionOf(experiment)}d`;
}
