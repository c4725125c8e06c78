import type { Experiment, Params, SearchMetric } from "@manyfold/protocol";
import { key } from "@manyfold/core";
import { applyParams, ask, trialsOf } from "@manyfold/search";
import type { Assessment, RunState } from "./state.ts";

/** Number of trials of the experiment's search; 0 without one. */
export function trialCount(experiment: Experiment): number {
  return experiment.search ? trialsOf(experiment.search) : 0;
}

/** The setting that a trial tries. */
export function paramsOf(experiment: Experiment, trial: number): Params {
  const { search, seed } = experiment;
  if (!search) return {};
  return ask(search, { key: key(seed), trial, history: [] });
}

/** The experiment with a trial's setting filled in. */
export function settingOf(experiment: Experiment, trial: number): Experiment {
  return applyParams(experiment, paramsOf(experiment, trial));
}

/** The metric that a search optimises, with `auto` resolved. */
export function metricOf(experiment: Experiment): Exclude<SearchMetric, "auto"> {
  const metric = experiment.search?.metric ?? "auto";
  if (metric !== "auto") return metric;
  return experiment.data.task === "classification" ? "nll" : "rmse";
}

/** Accuracy is the one metric of which more is better. */
export function directionOf(experiment: Experiment): "minimise" | "maximise" {
  return metricOf(experiment) === "accuracy" ? "maximise" : "minimise";
}

/** The best assessed trial; of equals, the one proposed first. Undefined if none has a value. */
export function bestTrial(state: RunState): (Assessment & { readonly value: number }) | undefined {
  const sign = directionOf(state.experiment) === "maximise" ? -1 : 1;
  let best: (Assessment & { value: number }) | undefined;
  for (let trial = 0; trial < trialCount(state.experiment); trial++) {
    const assessment = state.assessed.get(trial);
    if (!assessment || assessment.value === null) continue;
    const { value } = assessment;
    if (!best || sign * value < sign * best.value) best = { ...assessment, value };
  }
  return best;
}
