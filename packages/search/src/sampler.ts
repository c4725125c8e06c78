import type { Key } from "@manyfold/core";
import type { ConfigComplaint, Params, Space } from "@manyfold/protocol";
import { treeOf } from "./tree.ts";

/** A trial that a sampler may learn from. */
export interface Observation {
  readonly trial: number;
  readonly params: Params;
  /** Lower is better; null where it failed or is not known yet. */
  readonly value: number | null;
  /** Of the value, over rows, folds and repeats; left out where it is not known. */
  readonly standardError?: number;
  /** How far its training has come; results of a higher rung count before all of lower ones. */
  readonly rung?: number;
}

/** Whether a setting keeps the constraints of a search. */
export type Allows = (params: Params) => boolean;

/** What a search's proposals depend on besides its trials. */
export interface Premise {
  /** The search's own key. */
  readonly key: Key;
  readonly space: Space;
  /** Whether a setting keeps the search's constraints; without it, all do. */
  readonly allows?: Allows;
  /** Trials before a proposal whose results it does not see. */
  readonly lag: number;
}

/**
 * A sampler at work on one search. What it proposes is a function of its premise, of what it has
 * been told and of the pending settings alone; being told trial by trial only saves doing the work
 * again.
 */
export interface Learner {
  /** Takes in the next trial's result, in the order of their numbers, none left out. */
  tell(observation: Observation): void;
  /** Takes in what a told trial gives after more training; left out where only the first counts. */
  revise?(observation: Observation): void;
  /**
   * The setting of a trial.
   *
   * @param pending settings of the trials between what was told and this one, in their order
   */
  ask(trial: number, pending: readonly Params[]): Params;
  /**
   * Why the setting last asked for is what it is; left out where the trial's number alone decides.
   */
  reason?(): Reason | undefined;
}

/** How a setting came about. */
export interface Reason {
  /**
   * Drawn since too little is known yet, preferred by a model, drawn for want of an allowed one, or
   * asked for by the user.
   */
  readonly by: "start-up" | "model" | "chance" | "queue";
  /** Results with a value that were known, and so many it takes for a model. */
  readonly results: number;
  readonly needed: number;
  /** Trials that the model took for the good ones. */
  readonly good?: readonly number[];
  /** Settings that it was chosen from, and how much likelier it is among the good than the others (log). */
  readonly candidates?: number;
  readonly score?: number;
  /** The good trial that all candidates were near. */
  readonly near?: number;
  /** Whether the branch of a space with conditions was drawn at random. */
  readonly branch?: boolean;
  /** Of an evolution: how often its distribution had been moved. */
  readonly generation?: number;
}

/** Where settings come from: pure functions of earlier trials, so that nothing has to be stored. */
export interface SamplerRule<Settings = object> {
  /**
   * Whether proposals depend on results. One that does not proposes any trial at any time and is
   * told nothing; one that does is told with the lag of the search.
   */
  readonly adaptive: boolean;
  /** Number of different settings that are allowed; Infinity where there is no end. */
  size(space: Space, allows?: Allows): number;
  begin(premise: Premise, settings: Settings): Learner;
  /** What a space lacks for this sampler. */
  complaints(space: Space): ConfigComplaint[];
}

/** A learner that reads no results. */
export function unmoved(ask: (trial: number) => Params): Learner {
  return { tell: () => {}, ask };
}

/**
 * A setting from a share in [0, 1) per parameter, in the order of the space's names; those that do
 * not count beside the values before them are left out.
 *
 * @param given values that are not to be decided
 */
export function settingAt(
  space: Space,
  share: (name: string, index: number) => number,
  given: Params = {},
): Params {
  const tree = treeOf(space);
  const params: Params = {};
  tree.names.forEach((name, index) => {
    const axis = tree.axes[index];
    if (axis === undefined || !tree.isActive(index, params)) return;
    params[name] =
      given[name] ?? axis.decode(axis.low + share(name, index) * (axis.high - axis.low));
  });
  return params;
}
