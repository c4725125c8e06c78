import type { Key } from "@manyfold/core";
import type { Params, SearchSpec, StopReason } from "@manyfold/protocol";
import { watchOf } from "./budget.ts";
import { beginSearch, isAdaptive } from "./samplers.ts";
import type { Cell, Distance, Pacer, Verdict } from "./scheduler.ts";
import { schedulerOf } from "./schedulers.ts";

/** A decision that started something, and its number among all, those that started nothing included. */
export interface Decision extends Cell {
  readonly number: number;
  /** How many results it saw, of those that were told. */
  readonly saw: number;
}

/** What a cell gave: lower is better, null where it failed. */
export interface Result {
  readonly value: number | null;
  readonly standardError?: number;
}

/**
 * The decisions of a search: a new trial, a trial that goes on to its next rung, or nothing until
 * more is known. They are a function of what was told and when, and of nothing else.
 */
export interface Course {
  /** Decisions that started a cell, in order. */
  readonly made: readonly Decision[];
  /** Of trials from 0. */
  readonly settings: readonly Params[];
  /** Whether no more will be decided. */
  readonly ended: boolean;
  /** The budget that ended it before its trials were used up. */
  readonly reason: StopReason | undefined;
  /** How a cell stands whose result the scheduler has, or stood when it went on. */
  verdict(cell: Cell): Verdict | undefined;
  /** Takes in the result of a cell that was started, by its place in `made`; once each. */
  tell(place: number, result: Result): void;
  /** The next decision by what was told, until it is accepted; undefined where none starts anything. */
  next(): Decision | undefined;
  /** Makes the next decision. */
  accept(): void;
  /**
   * Makes decisions in their numbered order, as far as results allow: decision d is told the results
   * of decisions 0 to d-1-lag, in that order, and of those between only their settings (DESIGN,
   * decision 3). Not to be mixed with the other three.
   *
   * @param limit decisions that start something at most
   */
  advance(resultOf: (cell: Cell) => Result | undefined, limit?: number): void;
  /** Takes decisions back but for so many; no more will be made. */
  cut(cells: number): void;
}

/** Whether a search is a row of decisions, and not merely a list of trials that nothing changes. */
export function isDecided(search: SearchSpec): boolean {
  const known = decided.get(search) ?? readsResults(search);
  decided.set(search, known);
  return known;
}

/** Asked for at every look at a state. */
const decided = new WeakMap<SearchSpec, boolean>();

function readsResults(search: SearchSpec): boolean {
  if (schedulerOf(search) !== undefined || watchOf(search) !== undefined) return true;
  if (search.order === "free" && isAdaptive(search)) return true;
  return search.trials === undefined && isOpenEnded(search);
}

/** Whether nothing but a budget ends it. */
export function isOpenEnded({ trials, sampler, scheduler }: SearchSpec): boolean {
  return trials === undefined && !("grid" in sampler) && !(scheduler && "hyperband" in scheduler);
}

/** The scheduler of those who have none: every trial is one cell. */
function whole({ trials }: Distance): Pacer {
  let begun = 0;
  return {
    tell: () => {},
    verdict: () => undefined,
    next: () => (begun++ < trials ? { kind: "new", rung: 0 } : { kind: "wait" }),
  };
}

/**
 * A search's decisions, none made yet.
 *
 * @param key the experiment's
 * @param distance epochs of a whole training, and trials at most
 * @param cells decisions that start something at most
 */
export function beginCourse(
  search: SearchSpec,
  key: Key,
  distance: Distance,
  cells: number,
): Course {
  const pacer = schedulerOf(search)?.begin(distance) ?? whole(distance);
  const learner = beginSearch(search, key);
  const learns = isAdaptive(search);
  const watch = watchOf(search);
  const made: Decision[] = [];
  const settings: Params[] = [];
  /** By trial, its number among those with a result: learners count those whom they were told of. */
  const toldAs = new Map<number, number>();
  /** Trials without a result, whose settings a learner keeps away from. */
  const open = new Set<number>();
  let [told, number] = [0, 0];
  let pending: Decision | undefined;
  let ended = false;
  let reason: StopReason | undefined;

  const course = {
    made,
    settings,
    get ended() {
      return ended;
    },
    get reason() {
      return reason;
    },
    verdict: (cell: Cell) => pacer.verdict(cell),
    tell: (place: number, result: Result) => {
      const cell = made[place];
      const params = cell && settings[cell.trial];
      if (cell === undefined || params === undefined)
        throw new TypeError(`Nothing is at ${place}.`);
      told += 1;
      pacer.tell(cell, result.value);
      watch?.tell(cell, result.value);
      const known = toldAs.get(cell.trial);
      const trial = known ?? toldAs.size;
      toldAs.set(cell.trial, trial);
      open.delete(cell.trial);
      if (!learns) return;
      const observation = { trial, params, ...result, rung: cell.rung };
      if (known === undefined) learner.tell(observation);
      else learner.revise?.(observation);
    },
    next: (): Decision | undefined => {
      if (ended || pending !== undefined) return pending;
      reason = watch?.reason();
      if (reason !== undefined || made.length >= cells) {
        ended = true;
        return undefined;
      }
      const move = pacer.next();
      if (move.kind === "wait") ended = told === made.length;
      if (move.kind === "go") pending = { ...move.cell, number, saw: told };
      if (move.kind === "new") {
        pending = { trial: settings.length, rung: move.rung, number, saw: told };
      }
      return pending;
    },
    accept: () => {
      if (pending !== undefined && pending.trial === settings.length) {
        const { trial } = pending;
        const near = Array.from(open, (other) => settings[other] ?? {});
        settings.push(learner.ask(trial, near));
        open.add(trial);
      }
      if (pending !== undefined) made.push(pending);
      pending = undefined;
      number += 1;
    },
    cut: (count: number) => {
      ended = true;
      pending = undefined;
      made.length = Math.min(count, made.length);
      settings.length = made.reduce((most, { trial }) => Math.max(most, trial + 1), 0);
    },
    advance: (resultOf: (cell: Cell) => Result | undefined, limit = Infinity) => {
      while (!ended && made.length < limit) {
        for (let one = made[told]; one && one.number < number - search.lag; one = made[told]) {
          const result = resultOf(one);
          if (result === undefined) return;
          course.tell(told, result);
        }
        course.next();
        if (!ended) course.accept();
      }
    },
  };
  return course;
}
