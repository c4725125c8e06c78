import type { Experiment, Params, SearchMetric } from "@manyfold/protocol";
import { key } from "@manyfold/core";
import { applyParams, beginSearch, isAdaptive, seenBy, trialsOf } from "@manyfold/search";
import type { Learner } from "@manyfold/search";
import type { Assessment, RunState } from "./state.ts";

/** Number of trials of the experiment's search; 0 without one. */
export function trialCount(experiment: Experiment): number {
  return experiment.search ? trialsOf(experiment.search) : 0;
}

/** How far a search's proposals have come: remembered, since each costs what it has learned. */
interface Proposals {
  readonly learner: Learner;
  /** Settings of trials from 0, as far as results allow. */
  readonly settings: Params[];
  /** Trials whose results the learner has. */
  told: number;
}

const proposals = new WeakMap<RunState, Proposals>();

/**
 * The setting that a trial tries; undefined as long as its proposal waits for results. A function of
 * the experiment and of the results of trials 0 to t-1-lag alone (DESIGN, decision 3).
 */
export function paramsOf(state: RunState, trial: number): Params | undefined {
  const { search } = state.experiment;
  if (!search) return {};
  const known = proposals.get(state) ?? begin(state, search);
  if (!isAdaptive(search)) return known.learner.ask(trial, []);
  const { learner, settings } = known;
  while (settings.length <= trial) {
    const next = settings.length;
    for (; known.told < seenBy(search, next); known.told++) {
      const assessment = state.assessed.get(known.told);
      const params = settings[known.told];
      if (!assessment || !params) return undefined;
      const value = assessment.value === null ? null : signOf(state.experiment) * assessment.value;
      learner.tell({ trial: known.told, params, value });
    }
    settings.push(learner.ask(next, settings.slice(known.told)));
  }
  return settings[trial];
}

function begin(state: RunState, search: NonNullable<Experiment["search"]>): Proposals {
  const learner = beginSearch(search, key(state.experiment.seed));
  const begun = { learner, settings: [], told: 0 };
  proposals.set(state, begun);
  return begun;
}

/** Number of trials, from the first, whose settings are known by now. */
export function proposedTrials(state: RunState): number {
  const { experiment } = state;
  const trials = trialCount(experiment);
  if (!experiment.search || !isAdaptive(experiment.search)) return trials;
  const { lag } = experiment.search;
  // Trial t sees trials 0 to t-1-lag, so the first open one holds up those from it + lag + 1 on.
  return Math.min(trials, firstOpenTrial(state) + lag + 1);
}

const leading = new WeakMap<RunState, number>();

/** The first trial that is not assessed. */
export function firstOpenTrial(state: RunState): number {
  let trial = leading.get(state) ?? 0;
  while (state.assessed.has(trial)) trial += 1;
  leading.set(state, trial);
  return trial;
}

/** The experiment with a trial's setting filled in. */
export function settingOf(state: RunState, trial: number): Experiment {
  const params = paramsOf(state, trial);
  if (!params) throw new TypeError(`Trial ${trial} waits for results.`);
  return applyParams(state.experiment, params);
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

/** What values are multiplied by to be minimised. */
export function signOf(experiment: Experiment): 1 | -1 {
  return directionOf(experiment) === "maximise" ? -1 : 1;
}

/** The best assessed trial; of equals, the one proposed first. Undefined if none has a value. */
export function bestTrial(state: RunState): (Assessment & { readonly value: number }) | undefined {
  const sign = signOf(state.experiment);
  let best: (Assessment & { value: number }) | undefined;
  for (let trial = 0; trial < trialCount(state.experiment); trial++) {
    const assessment = state.assessed.get(trial);
    if (!assessment || assessment.value === null) continue;
    const { value } = assessment;
    if (!best || sign * value < sign * best.value) best = { ...assessment, value };
  }
  return best;
}
