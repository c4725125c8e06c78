import type { Experiment, Params } from "@manyfold/protocol";
import { canonicalJson } from "@manyfold/protocol";
import { key } from "@manyfold/core";
import { applyParams, beginSearch, isAdaptive, seenBy } from "@manyfold/search";
import type { Learner } from "@manyfold/search";
import { trialCount } from "./count.ts";
import { decisionsOf } from "./decisions.ts";
import { resultOf, signOf } from "./metric.ts";
import type { Assessment, RunState } from "./state.ts";
import { cellNumber } from "./state.ts";

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
  const decisions = decisionsOf(state);
  if (decisions) return decisions.settings[trial];
  const known = proposals.get(state) ?? begin(state, search);
  if (!isAdaptive(search)) return known.learner.ask(trial, []);
  const { learner, settings } = known;
  while (settings.length <= trial) {
    const next = settings.length;
    for (; known.told < seenBy(search, next); known.told++) {
      const assessment = state.assessed.get(known.told);
      const params = settings[known.told];
      if (!assessment || !params) return undefined;
      learner.tell({ trial: known.told, params, ...resultOf(state.experiment, assessment) });
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
  const decisions = decisionsOf(state);
  if (decisions) return decisions.settings.length;
  const trials = Math.min(trialCount(experiment), state.stopped?.cells ?? Infinity);
  if (!experiment.search || !isAdaptive(experiment.search)) return trials;
  const { lag } = experiment.search;
  // Trial t sees trials 0 to t-1-lag, so the first open one holds up those from it + lag + 1 on.
  return Math.min(trials, firstOpen(state) + lag + 1);
}

/** What is decided by now: cells, each a trial or, with a scheduler, a trial's way to a rung. */
export function cellCount(state: RunState): number {
  return decisionsOf(state)?.made.length ?? proposedTrials(state);
}

/** A cell by the number of its place among those decided. */
export function cellAt(state: RunState, place: number): Pick<Assessment, "trial" | "rung"> {
  const decisions = decisionsOf(state);
  if (!decisions) return { trial: place };
  const made = decisions.made[place];
  if (made === undefined) throw new TypeError(`Nothing is decided at ${place}.`);
  return { trial: made.trial, rung: made.rung };
}

/** What is known of a cell. */
export function assessmentAt(state: RunState, place: number): Assessment | undefined {
  return state.assessed.get(cellNumber(cellAt(state, place)));
}

/** Whether all trials are assessed and no more will come. */
export function isSearched(state: RunState): boolean {
  const decisions = decisionsOf(state);
  if (decisions) return decisions.ended && firstOpen(state) >= decisions.made.length;
  const trials = Math.min(trialCount(state.experiment), state.stopped?.cells ?? Infinity);
  return firstOpen(state) >= trials;
}

const leading = new WeakMap<RunState, { experiment: Experiment; place: number }>();

/** The place of the first cell that is not assessed. */
export function firstOpen(state: RunState): number {
  const { experiment } = state;
  const known = leading.get(state);
  let place = known?.experiment === experiment ? known.place : 0;
  const count = decisionsOf(state)?.made.length ?? Infinity;
  while (place < count && assessmentAt(state, place)) place += 1;
  leading.set(state, { experiment, place });
  return place;
}

const copies = new WeakMap<
  RunState,
  { readonly seen: Map<string, number>; readonly of: number[] }
>();

/** Number of trials before one with its setting, where `duplicates` are to be replicates; 0 otherwise. */
export function copiesBefore(state: RunState, trial: number): number {
  if (state.experiment.search?.duplicates !== "replicate") return 0;
  const known = copies.get(state) ?? { seen: new Map<string, number>(), of: [] };
  copies.set(state, known);
  while (known.of.length <= trial) {
    const name = canonicalJson(paramsOf(state, known.of.length) ?? {});
    const count = known.seen.get(name) ?? 0;
    known.seen.set(name, count + 1);
    known.of.push(count);
  }
  return known.of[trial] ?? 0;
}

/** The experiment with a trial's setting filled in. */
export function settingOf(state: RunState, trial: number): Experiment {
  const params = paramsOf(state, trial);
  if (!params) throw new TypeError(`Trial ${trial} waits for results.`);
  return applyParams(state.experiment, params);
}

/**
 * The best assessed trial; of equals, the one proposed first. With a scheduler, among those that came
 * furthest. Undefined if none has a value.
 */
export function bestTrial(state: RunState): (Assessment & { readonly value: number }) | undefined {
  const { experiment } = state;
  const rank = rankOf(experiment);
  const better = (best: Best["best"], place: number) => {
    const assessment = assessmentAt(state, place);
    if (!assessment || assessment.value === null) return best;
    const valued = { ...assessment, value: assessment.value };
    return best === undefined || rank(valued, best) < 0 ? valued : best;
  };
  // Cells before the first open one stay as they are, and there may be very many.
  const before = bests.get(state);
  let over: Best =
    before?.experiment === experiment ? before : { experiment, cells: 0, best: undefined };
  const open = firstOpen(state);
  for (let { cells: place } = over; place < open; place++) {
    over = { experiment, cells: place + 1, best: better(over.best, place) };
  }
  bests.set(state, over);
  let { best } = over;
  const count = cellCount(state);
  for (let place = open; place < count; place++) best = better(best, place);
  return best;
}

/** The best of so many cells, from the first. */
interface Best {
  readonly experiment: Experiment;
  readonly cells: number;
  readonly best: (Assessment & { readonly value: number }) | undefined;
}

const bests = new WeakMap<RunState, Best>();

/** The order of trials with values, the best first: those that came further, by value, by number. */
export function rankOf(experiment: Experiment) {
  const sign = signOf(experiment);
  type Valued = Pick<Assessment, "trial" | "rung"> & { readonly value: number };
  return (a: Valued, b: Valued): number =>
    (b.rung ?? 0) - (a.rung ?? 0) || sign * (a.value - b.value) || a.trial - b.trial;
}
