import { fold, uniforms, type Key } from "@manyfold/core";
import {
  complaintError,
  show,
  tagOf,
  type ConfigComplaint,
  type Params,
  type ParamValue,
  type Sampler,
  type SearchSpec,
  type Space,
} from "@manyfold/protocol";
import { axisOf, namesOf } from "./space.ts";

/** A trial that a sampler may learn from. */
export interface Observation {
  readonly trial: number;
  readonly params: Params;
  /** Lower is better; null where it failed or is not known yet. */
  readonly value: number | null;
}

/** All that a proposal depends on. */
export interface Question {
  /** The search's own key. */
  readonly key: Key;
  readonly space: Space;
  /** Number of the trial, from 0. */
  readonly trial: number;
  /** Earlier trials in the order of their numbers. */
  readonly history: readonly Observation[];
}

type KeysOf<Union> = Union extends unknown ? keyof Union & string : never;
export type SamplerName = KeysOf<Sampler>;
type SettingsOf<Name extends SamplerName> =
  Extract<Sampler, Record<Name, unknown>> extends Record<Name, infer Settings> ? Settings : never;

/** Where settings come from: pure functions of a question, so that nothing has to be stored. */
export interface SamplerRule<Settings = object> {
  /**
   * Whether proposals depend on the history. One that does not proposes any trial at any time; one
   * that does is asked with the lag of the search.
   */
  readonly adaptive: boolean;
  /** Number of different settings; Infinity where there is no end. */
  size(space: Space): number;
  /** The setting of a trial. */
  ask(question: Question, settings: Settings): Params;
  /** What a space lacks for this sampler. */
  complaints(space: Space): ConfigComplaint[];
}

/** All samplers. A new one is an option of the protocol's `Sampler` and a row here. */
export const samplers: { readonly [Name in SamplerName]: SamplerRule<SettingsOf<Name>> } = {
  // Trial n is the number n in the mixed radix of the parameters' grids, the last name the lowest
  // digit: no list of combinations, nothing twice, resumable at any point.
  grid: {
    adaptive: false,
    size: (space) =>
      namesOf(space).reduce((product, name) => product * pointsOf(space, name).length, 1),
    ask: ({ space, trial }) => {
      let rest = trial;
      const digits = namesOf(space)
        .toReversed()
        .map((name): [string, ParamValue] => {
          const points = pointsOf(space, name);
          const value = points[rest % points.length] as ParamValue;
          rest = Math.floor(rest / points.length);
          return [name, value];
        });
      return Object.fromEntries(digits.toReversed());
    },
    complaints: (space) =>
      namesOf(space)
        .filter((name) => gridOf(space, name) === undefined)
        .map((name) => ({
          path: ["search", "space", name],
          at: "value",
          condition: "a range with steps for sampler: grid",
          got: show(space[name]),
          help: "Add for example steps: 5, or list the values with categorical: [...].",
        })),
  },

  // Each parameter draws from a key of its own name and trial: any split of N trials is the same N,
  // and a parameter more moves no other.
  random: {
    adaptive: false,
    size: () => Infinity,
    ask: ({ key, space, trial }) => {
      const ofTrial = fold(key, "trial", trial);
      return Object.fromEntries(
        namesOf(space).map((name) => {
          const axis = axisOf(domainOf(space, name));
          const [share = 0] = uniforms(fold(ofTrial, name), 1);
          return [name, axis.decode(axis.low + share * (axis.high - axis.low))];
        }),
      );
    },
    complaints: () => [],
  },
};

/**
 * The setting of a trial of a search.
 *
 * @param question the experiment's key, the trial's number from 0, and earlier trials with values
 * (lower is better), which samplers that do not adapt leave unread
 */
export function ask(search: SearchSpec, question: Omit<Question, "space">): Params {
  const { space, sampler } = search;
  return ruleOf(sampler).ask({ ...question, space, key: fold(question.key, "search") });
}

/**
 * How many trials a search runs: `trials`, or every combination of a grid, which also bounds them.
 *
 * @throws ManyfoldError where neither says a number
 */
export function trialsOf(search: SearchSpec): number {
  const [complaint] = countComplaints(search);
  if (complaint !== undefined) throw complaintError(complaint);
  return Math.min(search.trials ?? Infinity, ruleOf(search.sampler).size(search.space));
}

/** Whether a search's proposals depend on results, so that `search.lag` applies. */
export function isAdaptive(search: SearchSpec): boolean {
  return ruleOf(search.sampler).adaptive;
}

/** What is wrong with a search in itself, before its names are looked up in an experiment. */
export function samplerComplaints(search: SearchSpec): ConfigComplaint[] {
  return [...ruleOf(search.sampler).complaints(search.space), ...countComplaints(search)];
}

function countComplaints({ sampler, space, trials }: SearchSpec): ConfigComplaint[] {
  const rule = ruleOf(sampler);
  if (trials !== undefined || rule.complaints(space).length > 0) return [];
  if (rule.size(space) <= Number.MAX_SAFE_INTEGER) return [];
  const condition = `a number of trials for sampler: ${tagOf(sampler)}`;
  return [{ path: ["search", "trials"], at: "value", condition, got: "nothing" }];
}

/** A sampler's rule with its settings filled in. */
function ruleOf(sampler: Sampler) {
  const name = tagOf(sampler);
  const rule: SamplerRule<never> = samplers[name];
  const settings = (sampler as Record<SamplerName, never>)[name];
  return { ...rule, ask: (question: Question) => rule.ask(question, settings) };
}

function domainOf(space: Space, name: string) {
  const domain = space[name];
  if (domain === undefined) throw new TypeError(`The space has no ${name}.`);
  return domain;
}

function gridOf(space: Space, name: string): ParamValue[] | undefined {
  return axisOf(domainOf(space, name)).points();
}

function pointsOf(space: Space, name: string): ParamValue[] {
  const points = gridOf(space, name);
  if (points !== undefined) return points;
  const [complaint] = samplers.grid.complaints({ [name]: domainOf(space, name) });
  throw complaint === undefined ? new TypeError(`${name} has no grid.`) : complaintError(complaint);
}
