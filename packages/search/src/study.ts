import { key } from "@manyfold/core";
import {
  complaintError,
  complaintsOf,
  ManyfoldError,
  SearchSpec,
  show,
  type ConfigComplaint,
  type Params,
  type SearchInput,
} from "@manyfold/protocol";
import { conditionComplaints, constraintComplaints } from "./conditions.ts";
import { beginSearch, isAdaptive, samplerComplaints, trialsOf } from "./samplers.ts";
import { stopRule } from "./stop-rule.ts";

/** A search whose loop is the user's own: what is asked for, tried and told happens outside. */
export interface StudyOptions extends Pick<
  SearchInput,
  "space" | "sampler" | "constraints" | "enqueue" | "duplicates" | "scheduler"
> {
  /** Equal seeds propose equal settings for equal values; default 0. */
  readonly seed?: number;
  /** Default minimise. */
  readonly direction?: "minimise" | "maximise";
  /**
   * Results that a proposal does not wait for: with lag 7, eight trials can run at once, and what is
   * proposed does not depend on which of them ends first. Default 0.
   */
  readonly lag?: number;
}

/** A trial as it is kept: what {@link createStudy} needs to go on later. */
export interface StudyTrial {
  readonly number: number;
  readonly params: Params;
  /** Null where it failed; undefined while it runs. */
  readonly value: number | null | undefined;
  /** Values on the way, as [step, value]. */
  readonly reports: readonly (readonly [step: number, value: number])[];
}

/** A trial to try. */
export interface OpenTrial {
  readonly number: number;
  readonly params: Params;
  /** Says a value on the way, of ascending steps; NaN counts as the worst. */
  report(step: number, value: number): void;
  /** Whether the study's scheduler would end the trial after its last report; tell its value then. */
  shouldStop(): boolean;
}

export interface Study {
  /**
   * The next trial.
   *
   * @throws ManyfoldError where `lag` trials and more are open before it, or all settings are used up
   */
  ask(): OpenTrial;
  /**
   * A trial's value, in any order; null (or NaN) where it failed.
   *
   * @throws ManyfoldError for a trial that was not asked for, or was told
   */
  tell(trial: number | Pick<OpenTrial, "number">, value: number | null): void;
  /** All trials asked for, in their order. */
  readonly trials: readonly StudyTrial[];
  /** The best told trial; of equals the first; undefined without any. */
  readonly best: (StudyTrial & { readonly value: number }) | undefined;
}

interface Kept {
  readonly number: number;
  readonly params: Params;
  value: number | null | undefined;
  readonly reports: [number, number][];
}

/**
 * A study: settings by {@link Study.ask}, values by {@link Study.tell}. A function of its options and
 * of the values told: trial t sees those of trials 0 to t-1-lag, in whatever order they came.
 *
 * @param earlier trials of this very study, as {@link Study.trials} gave them, to go on from
 * @throws ManyfoldError for options that are none, or earlier trials of another study
 */
export function createStudy(options: StudyOptions, earlier: readonly StudyTrial[] = []): Study {
  const { seed = 0, direction = "minimise", ...rest } = options;
  const search = parsed({ lag: 0, ...rest });
  const rule = stopRule(search.scheduler);
  const sign = direction === "maximise" ? -1 : 1;
  const learner = beginSearch(search, key(seed));
  const adaptive = isAdaptive(search);
  const size = samplerSize(search);
  const trials: Kept[] = [];
  let told = 0;
  let best: Kept | undefined;

  const ask = (): OpenTrial => {
    const number = trials.length;
    if (number >= size) throw refusal("ask", `called at most ${size} times`, "one call more");
    const seen = Math.max(0, number - search.lag);
    const open = trials.findIndex((one, place) => place < seen && one.value === undefined);
    if ((adaptive || rule) && open >= 0) {
      const help = "A larger lag lets more trials run at once.";
      throw refusal("ask", `called after trial ${open} was told`, `lag ${search.lag}`, help);
    }
    for (; adaptive && told < seen; told++) {
      const { params, value = null } = trials[told] as Kept;
      learner.tell({ trial: told, params, value: value === null ? null : sign * value });
    }
    const pending = adaptive ? trials.slice(told).map(({ params }) => params) : [];
    const kept: Kept = {
      number,
      params: learner.ask(number, pending),
      value: undefined,
      reports: [],
    };
    trials.push(kept);
    return {
      number,
      params: kept.params,
      report: (step, value) => {
        const last = kept.reports.at(-1)?.[0] ?? -Infinity;
        if (!(step > last)) throw refusal("report", `of a step above ${last}`, show(step));
        kept.reports.push([step, value]);
      },
      shouldStop: () =>
        rule?.(
          kept.reports.map(([step, value]) => [step, sign * value]),
          trials.slice(0, seen).map(({ value, reports }) => ({
            isDone: value !== null,
            reports: reports.map(([step, one]) => [step, sign * one]),
          })),
        ) ?? false,
    };
  };

  const tell: Study["tell"] = (trial, given) => {
    const number = typeof trial === "number" ? trial : trial.number;
    const kept = trials[number];
    if (!kept) throw refusal("tell", "of a trial that was asked for", show(number));
    if (kept.value !== undefined) {
      throw refusal("tell", "called once per trial", `trial ${number} again`);
    }
    const value = given === null || Number.isNaN(given) ? null : given;
    kept.value = value;
    if (value === null) return;
    const gain = best === undefined ? 1 : sign * ((best.value ?? Infinity) - value);
    if (gain > 0 || (gain === 0 && number < (best?.number ?? 0))) best = kept;
  };

  // What was asked and told before is asked and told again: nothing else is known of it.
  for (const one of earlier) {
    const again = ask();
    if (JSON.stringify(again.params) !== JSON.stringify(one.params)) {
      throw refusal("trials", "those of this study", `trial ${one.number} of another one`);
    }
    for (const [step, value] of one.reports) again.report(step, value);
    if (one.value !== undefined) tell(one.number, one.value);
  }
  return {
    ask,
    tell,
    trials,
    get best() {
      return best as Study["best"];
    },
  };
}

function parsed(options: Record<string, unknown>): SearchSpec {
  const found = SearchSpec.safeParse(options);
  if (!found.success) {
    const [first] = complaintsOf(found.error, options, SearchSpec);
    throw first ? complaintError(first) : found.error;
  }
  const search = found.data;
  // How long a study goes on is up to its loop.
  const bounded = { ...search, trials: search.enqueue?.length || 1 };
  const [first] = [
    ...conditionComplaints(search.space),
    ...constraintComplaints(search),
    ...samplerComplaints(search.duplicates === "reject" ? { ...bounded, trials: 1 } : bounded),
  ];
  if (first) throw complaintError(ofStudy(first));
  return search;
}

const ofStudy = (complaint: ConfigComplaint): ConfigComplaint => ({
  ...complaint,
  path: complaint.path.filter((part, place) => place > 0 || part !== "search"),
});

/** Settings that there are: of a grid its points, otherwise without end. */
function samplerSize(search: SearchSpec): number {
  return trialsOf({ ...search, trials: Number.MAX_SAFE_INTEGER });
}

function refusal(what: string, condition: string, got: string, help?: string): ManyfoldError {
  return new ManyfoldError({
    code: "usage",
    path: `study.${what}`,
    condition,
    got,
    ...(help !== undefined && { help }),
  });
}
