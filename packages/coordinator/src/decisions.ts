import { key } from "@manyfold/core";
import type { Experiment, Params } from "@manyfold/protocol";
import { beginSearch, isAdaptive, schedulerOf } from "@manyfold/search";
import type { Cell, Pacer, Verdict } from "@manyfold/search";
import { stepsOf } from "./objective.ts";
import { cellNumber, type RunState } from "./state.ts";
import { signOf } from "./metric.ts";

/** A decision that started something, and its number among all, those that started nothing included. */
export interface Decision extends Cell {
  readonly number: number;
  /** Of the decisions that started something, from the first, those whose results it saw. */
  readonly saw: number;
}

/** How far the decisions of a search with a scheduler have come. */
export interface Decisions {
  readonly made: readonly Decision[];
  /** Of trials from 0. */
  readonly settings: readonly Params[];
  /** Whether no more will be made. */
  readonly ended: boolean;
  /** How a cell stands whose result the scheduler has, or stood when it went on. */
  verdict(cell: Cell): Verdict | undefined;
}

interface Course extends Decisions {
  readonly made: Decision[];
  readonly settings: Params[];
  ended: boolean;
  /** After so much growth of the experiment; another one is decided anew, on the same results. */
  readonly experiment: Experiment;
  readonly step: () => boolean;
}

const courses = new WeakMap<RunState, Course>();

/**
 * The decisions of a search with a scheduler as far as results allow; undefined without one.
 *
 * Decisions are numbered: a new trial, a trial going on, or, where nothing may be started by what is
 * known, none. Decision d sees the results of decisions 0 to d-1-lag and of those between only their
 * settings (DESIGN, decision 3).
 */
export function decisionsOf(state: RunState): Decisions | undefined {
  const { search } = state.experiment;
  if (!search || !schedulerOf(search)) return undefined;
  let course = courses.get(state);
  if (course?.experiment !== state.experiment) {
    course = begin(state);
    courses.set(state, course);
  }
  while (!course.ended && course.step());
  return course;
}

/** Epochs at which trials pause, the last included; undefined without a scheduler. */
export function rungsOf(experiment: Experiment): number[] | undefined {
  const { search } = experiment;
  return search && schedulerOf(search)?.rungs(stepsOf(experiment));
}

function begin(state: RunState): Course {
  const { experiment } = state;
  const { search, seed } = experiment;
  const steps = stepsOf(experiment);
  const scheduler = search && schedulerOf(search);
  if (!search || !scheduler) throw new TypeError("The search has no scheduler.");
  const trials = search.trials ?? scheduler.trials(steps) ?? 0;
  const pacer: Pacer = scheduler.begin({ epochs: steps, trials });
  const learner = beginSearch(search, key(seed));
  const learns = isAdaptive(search);
  const made: Decision[] = [];
  const settings: Params[] = [];
  const toldTrials = new Set<number>();
  let [told, next] = [0, 0];

  /** Has the results of all decisions before a number told; false where one is not known yet. */
  const tellBefore = (number: number): boolean => {
    for (let one = made[told]; one !== undefined && one.number < number; one = made[told]) {
      const assessment = state.assessed.get(cellNumber(one));
      const params = settings[one.trial];
      if (assessment === undefined || params === undefined) return false;
      const value = assessment.value === null ? null : signOf(experiment) * assessment.value;
      pacer.tell(one, value);
      const observation = { trial: one.trial, params, value, rung: one.rung };
      if (learns) {
        if (toldTrials.has(one.trial)) learner.revise?.(observation);
        else learner.tell(observation);
      }
      toldTrials.add(one.trial);
      told += 1;
    }
    return true;
  };

  const course: Course = {
    made,
    settings,
    ended: false,
    experiment,
    verdict: (cell) => pacer.verdict(cell),
    step: () => {
      if (!tellBefore(next - search.lag)) return false;
      const move = pacer.next();
      if (move.kind === "wait" && told === made.length) {
        course.ended = true;
        return false;
      }
      if (move.kind === "go") made.push({ ...move.cell, number: next, saw: told });
      if (move.kind === "new") {
        const trial = settings.length;
        settings.push(learner.ask(trial, settings.slice(toldTrials.size)));
        made.push({ trial, rung: move.rung, number: next, saw: told });
      }
      next += 1;
      return true;
    },
  };
  return course;
}
