import { key } from "@manyfold/core";
import type { Failure, Params, Span, TaskKey, TrialRow } from "@manyfold/protocol";
import { ManyfoldError, tagOf } from "@manyfold/protocol";
import type { Reason, Verdict } from "@manyfold/search";
import { beginSearch, isAdaptive, seenBy } from "@manyfold/search";
import { decisionsOf, rungsOf } from "./decisions.ts";
import { metricName, signOf } from "./metric.ts";
import { tasksOfTrial } from "./plan.ts";
import { ATTEMPTS } from "./retry.ts";
import { trialRows } from "./search-result.ts";
import type { RunState } from "./state.ts";
import { cellNumber } from "./state.ts";
import { trialCount } from "./count.ts";
import { paramsOf } from "./trials.ts";

/** How a trial's setting came about. */
export interface Proposal {
  readonly sampler: string;
  /** Number of the decision; without a scheduler that of the trial. */
  readonly decision: number;
  /** Whether results had a part in it, and the lag that cut them. */
  readonly adaptive: boolean;
  readonly lag: number;
  /** Trials whose results it knew, and those of which it knew the settings alone. */
  readonly knew: readonly number[];
  readonly pending: readonly number[];
  readonly reason?: Reason;
}

/** What became of a trial at an epoch at which the scheduler looks. */
export interface Look {
  readonly rung: number;
  readonly epochs: number;
  /** Number of the decision that had it trained up to here. */
  readonly decision: number;
  readonly value: number | null;
  /** Undefined while its result is not known or not looked at. */
  readonly verdict?: Verdict;
}

/** An attempt, why it failed, and whether another one was due. */
export type Attempt = Span & { readonly message?: string; readonly triedAgain?: boolean };

/** What a journal says of a trial. */
export interface TrialStory {
  readonly run: string;
  readonly trial: TrialRow;
  readonly metric: string;
  readonly scheduler: string | null;
  readonly proposal: Proposal;
  readonly looks: readonly Look[];
  readonly attempts: readonly Attempt[];
  /** Attempts that a class of failure is allowed, for those that occurred. */
  readonly allowed: { readonly [code: string]: number };
}

/**
 * Why a trial is what it is, worked out again from the journal alone: proposals and promotions are
 * functions of the results before them, so what they knew is known.
 *
 * @throws ManyfoldError `input` where the run has no such trial
 */
export function explainTrial(state: RunState, number: number): TrialStory {
  const { experiment } = state;
  const { search } = experiment;
  if (!search) throw noTrial(state, "a run with a search", "one without trials");
  const trial = trialRows(state)[number];
  if (!trial) {
    const count = trialCount(experiment);
    const known = number < count ? "one that is proposed by now" : `one of 0 to ${count - 1}`;
    throw noTrial(state, known, String(number));
  }
  const { scheduler } = search;
  return {
    run: state.run,
    trial,
    metric: metricName(experiment),
    scheduler: scheduler === undefined || tagOf(scheduler) === "none" ? null : tagOf(scheduler),
    proposal: proposalOf(state, number),
    looks: looksOf(state, number),
    ...attemptsOf(state, number),
  };
}

function noTrial({ run }: RunState, condition: string, got: string): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: `trial of ${run}`,
    condition,
    got,
    help: "manyfold trials RUN lists the trials.",
  });
}

interface Told {
  readonly trial: number;
  readonly rung?: number;
}

/** Asks a sampler that knows what the real one knew, and has it say why. */
function proposalOf(state: RunState, trial: number): Proposal {
  const { experiment } = state;
  const { search } = experiment;
  if (!search) throw new TypeError("There is no search.");
  const decisions = decisionsOf(state);
  const [place = 0] = decisions?.placesOf(trial) ?? [];
  const made = decisions?.made[place];
  const adaptive = isAdaptive(search);
  const told: readonly Told[] = decisions
    ? decisions.seenBy(place)
    : Array.from({ length: seenBy(search, trial) }, (_, one) => ({ trial: one }));
  const learner = beginSearch(search, key(experiment.seed));
  // A sampler numbers trials as it is told of them: in free order not as they were proposed.
  const knew = new Map<number, number>();
  for (const one of adaptive ? told : []) {
    const found = state.assessed.get(cellNumber({ trial: one.trial, rung: one.rung }));
    const value = found && found.value !== null ? signOf(experiment) * found.value : null;
    const rung = one.rung === undefined ? {} : { rung: one.rung };
    const known = knew.get(one.trial) ?? knew.size;
    const observation = { trial: known, params: settingOf(state, one.trial), value, ...rung };
    if (knew.has(one.trial)) learner.revise?.(observation);
    else learner.tell(observation);
    knew.set(one.trial, known);
  }
  const pending = Array.from({ length: trial }, (_, one) => one).filter((one) => !knew.has(one));
  learner.ask(
    trial,
    pending.map((one) => settingOf(state, one)),
  );
  const order = [...knew.keys()];
  const found = learner.reason?.();
  const good = found?.good?.map((one) => order[one] ?? one);
  const near = found?.near === undefined ? undefined : (order[found.near] ?? found.near);
  const reason = found && {
    ...found,
    ...(good && { good }),
    ...(near !== undefined && { near }),
  };
  return {
    sampler: tagOf(search.sampler),
    decision: made?.number ?? trial,
    adaptive,
    lag: search.lag,
    knew: adaptive ? order : [],
    pending: adaptive ? pending : [],
    ...(reason && { reason }),
  };
}

function settingOf(state: RunState, trial: number): Params {
  return paramsOf(state, trial) ?? {};
}

function looksOf(state: RunState, trial: number): Look[] {
  const decisions = decisionsOf(state);
  const ends = rungsOf(state.experiment);
  if (!decisions || !ends) return [];
  return decisions.made
    .filter((one) => one.trial === trial)
    .map(({ rung, number }) => {
      const cell = { trial, rung };
      const verdict = decisions.verdict(cell);
      return {
        rung,
        epochs: ends[rung] ?? 0,
        decision: number,
        value: state.assessed.get(cellNumber(cell))?.value ?? null,
        ...(verdict && { verdict }),
      };
    });
}

function attemptsOf(state: RunState, trial: number): Pick<TrialStory, "attempts" | "allowed"> {
  const name = ({ fold, repeat, rung, unit }: TaskKey) => [fold, repeat, rung, unit].join(" ");
  const failures = new Map<string, readonly Failure[]>(
    tasksOfTrial(state, trial).map(({ key: place, id }) => [
      name(place),
      state.failures.get(id) ?? [],
    ]),
  );
  const spans = state.labour.spans.filter((span) => span.key.trial === trial);
  const attempts = spans.map((span): Attempt => {
    if (span.failure === undefined) return span;
    const message = failures.get(name(span.key))?.[span.attempt - 1]?.message;
    const triedAgain = spans.some(
      (other) => name(other.key) === name(span.key) && other.attempt > span.attempt,
    );
    return { ...span, triedAgain, ...(message !== undefined && { message }) };
  });
  const codes = new Set(spans.flatMap(({ failure }) => failure ?? []));
  return {
    attempts,
    allowed: Object.fromEntries([...codes].map((code) => [code, ATTEMPTS[code]])),
  };
}
