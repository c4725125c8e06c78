import { fold, type Key } from "@manyfold/core";
import {
  complaintError,
  tagOf,
  type ConfigComplaint,
  type EarlierTrial,
  type Params,
  type Sampler,
  type SearchSpec,
} from "@manyfold/protocol";
import { cmaEs } from "./cma-es.ts";
import { duplicateComplaints, unrepeated } from "./duplicates.ts";
import { continued, enqueued, queueComplaints } from "./given.ts";
import { grid } from "./grid.ts";
import { halton } from "./halton.ts";
import { random } from "./random.ts";
import { allowsOf } from "./constraint.ts";
import type { Allows, Learner, Observation, SamplerRule } from "./sampler.ts";
import { sobol } from "./sobol.ts";
import { tpe } from "./tpe.ts";

type KeysOf<Union> = Union extends unknown ? keyof Union & string : never;
export type SamplerName = KeysOf<Sampler>;
type SettingsOf<Name extends SamplerName> =
  Extract<Sampler, Record<Name, unknown>> extends Record<Name, infer Settings> ? Settings : never;

/** All samplers. A new one is an option of the protocol's `Sampler` and a row here. */
export const samplers: { readonly [Name in SamplerName]: SamplerRule<SettingsOf<Name>> } = {
  grid,
  random,
  sobol,
  halton,
  tpe,
  "cma-es": cmaEs,
};

/** What {@link ask} needs to know besides the search. */
export interface Question {
  /** The experiment's key. */
  readonly key: Key;
  /** Number of the trial, from 0. */
  readonly trial: number;
  /**
   * Earlier trials, all in the order of their numbers. Only those more than `search.lag` trials
   * before this one count with their values. Samplers that do not adapt leave it unread.
   */
  readonly history: readonly Observation[];
}

/** The setting of a trial of a search: a pure function of search and question. */
export function ask(search: SearchSpec, { key, trial, history }: Question): Params {
  const learner = beginSearch(search, key);
  const seen = seenBy(search, trial);
  for (const observation of history.slice(0, seen)) learner.tell(observation);
  return learner.ask(
    trial,
    history.slice(seen, trial).map(({ params }) => params),
  );
}

/**
 * A search's sampler at work. Trial t is asked after being told of exactly {@link seenBy} trials;
 * {@link ask} does that anew for each trial.
 *
 * @param key the experiment's
 */
export function beginSearch(search: SearchSpec, key: Key): Learner {
  const { sampler, space, lag, enqueue = [], duplicates } = search;
  const { rule, settings } = ruleOf(sampler);
  const { adaptive } = rule;
  const allows = allowsOf(search);
  const ofSearch = fold(key, "search");
  const earlier = earlierOf(search);
  const begin = (allowed: Allows | undefined): Learner => {
    const premise = { key: ofSearch, space, lag, ...(allowed && { allows: allowed }) };
    const own = rule.begin(premise, settings);
    const learner = adaptive ? continued(own, earlier) : own;
    return enqueued(
      learner,
      enqueue,
      { key: ofSearch, space, ...(allows && { allows }) },
      adaptive,
    );
  };
  // A grid has nothing twice.
  if (duplicates !== "reject" || tagOf(sampler) === "grid") return begin(allows);
  const tried = earlier.map(({ params }) => params);
  return unrepeated(begin, allows, tried, adaptive);
}

/** Trials of the run that a search goes on from. */
function earlierOf({ warmStart }: SearchSpec): readonly EarlierTrial[] {
  if (warmStart === undefined) return [];
  if (typeof warmStart !== "string") return warmStart.trials;
  throw new TypeError(`The trials of ${warmStart} are not read yet.`);
}

/** Number of trials, from the first, whose results the proposal of a trial sees. */
export function seenBy(search: SearchSpec, trial: number): number {
  return isAdaptive(search) ? Math.max(0, trial - search.lag) : 0;
}

/**
 * How many trials a search runs: `trials`, or every combination of a grid, which also bounds them.
 *
 * @throws ManyfoldError where neither says a number
 */
export function trialsOf(search: SearchSpec): number {
  const [complaint] = countComplaints(search);
  if (complaint !== undefined) throw complaintError(complaint);
  return Math.min(search.trials ?? Infinity, (search.enqueue?.length ?? 0) + sizeOf(search));
}

const sizes = new WeakMap<readonly string[], number>();

/** Number of settings there are; remembered, since constraints have each of a grid's tried. */
function sizeOf(search: SearchSpec): number {
  const { rule } = ruleOf(search.sampler);
  const { space, constraints } = search;
  const allows = allowsOf(search);
  if (allows === undefined || constraints === undefined) return rule.size(space);
  const known = sizes.get(constraints) ?? rule.size(space, allows);
  sizes.set(constraints, known);
  return known;
}

/** Whether a search's proposals depend on results, so that `search.lag` applies. */
export function isAdaptive({ sampler }: Pick<SearchSpec, "sampler">): boolean {
  return ruleOf(sampler).rule.adaptive;
}

/** What is wrong with a search in itself, before its names are looked up in an experiment. */
export function samplerComplaints(search: SearchSpec): ConfigComplaint[] {
  const { rule } = ruleOf(search.sampler);
  const own = [...rule.complaints(search.space), ...countComplaints(search)];
  if (own.length > 0) return own;
  return [...queueComplaints(search), ...duplicateComplaints(search)];
}

function countComplaints({
  sampler,
  scheduler,
  space,
  trials,
  budget = {},
}: SearchSpec): ConfigComplaint[] {
  const { rule } = ruleOf(sampler);
  // A target may never be reached, and trials may never fail.
  const { cells, seconds, cpuSeconds, stagnation } = budget;
  if ([cells, seconds, cpuSeconds, stagnation].some((limit) => limit !== undefined)) return [];
  if (trials !== undefined || rule.complaints(space).length > 0) return [];
  // Brackets have a number of trials of their own.
  if (scheduler && "hyperband" in scheduler) return [];
  if (rule.size(space) <= Number.MAX_SAFE_INTEGER) return [];
  const condition = `a number of trials for sampler: ${tagOf(sampler)}`;
  const help = "Or let search.budget end it: cells, seconds, cpuSeconds or stagnation.";
  return [{ path: ["search", "trials"], at: "value", condition, got: "nothing", help }];
}

/** A sampler's rule and its settings. */
function ruleOf(sampler: Sampler): { rule: SamplerRule<never>; settings: never } {
  const name = tagOf(sampler);
  return { rule: samplers[name], settings: (sampler as Record<SamplerName, never>)[name] };
}
