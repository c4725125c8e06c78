import { key } from "@manyfold/core";
import type { Experiment, SearchSpec } from "@manyfold/protocol";
import { beginCourse, isDecided, schedulerOf } from "@manyfold/search";
import type { Cell, Course } from "@manyfold/search";
import { cellsPerTrial, trialCount } from "./count.ts";
import { resultOf, signOf } from "./metric.ts";
import { stepsOf } from "./objective.ts";
import { cellNumber, type RunState } from "./state.ts";

/** How far the decisions of a search have come. */
export interface Decisions extends Pick<
  Course,
  "made" | "settings" | "ended" | "reason" | "verdict"
> {
  /** Places in `made` of a trial's cells, in order. */
  placesOf(trial: number): readonly number[];
  /** The cells whose results a decision saw, as they were told. */
  seenBy(place: number): readonly Cell[];
}

interface Known extends Decisions {
  readonly experiment: Experiment;
  readonly course: Course;
  /** By trial. */
  readonly places: Map<number, number[]>;
  /** By {@link cellNumber}. */
  readonly placeOf: Map<number, number>;
  /** Decisions that the two maps hold. */
  indexed: number;
  /** Cells whose results the course was told of, in that order. */
  readonly told: Cell[];
}

const courses = new WeakMap<RunState, Known>();

/**
 * The decisions of a search as far as results allow; undefined for one that is a plain list of
 * trials. Of one in free order, those that the journal has: each was made by the results that it
 * names, so that a resumed run decides nothing anew.
 */
export function decisionsOf(state: RunState): Decisions | undefined {
  return courseOf(state);
}

/** Whether decisions are made as results arrive and not in numbered order. */
export function isFree({ experiment: { search } }: RunState): boolean {
  return search !== undefined && search.order === "free" && isDecided(search);
}

/**
 * In free order, makes up to so many decisions by all that is known; what the journal is to have of
 * them: how many there are, and how many results they saw. Undefined where nothing may be started.
 */
export function decideFreely(
  state: RunState,
  most: number,
): { seen: number; count: number } | undefined {
  const known = courseOf(state);
  if (known === undefined || known.ended) return undefined;
  const seen = state.arrived.length;
  tellArrived(state, known, seen);
  let count = 0;
  for (; count < most && known.course.next() !== undefined; count++) known.course.accept();
  index(known);
  return count === 0 ? undefined : { seen, count };
}

/** Epochs at which trials pause, the last included; undefined without a scheduler. */
export function rungsOf(experiment: Experiment): number[] | undefined {
  const { search } = experiment;
  return search && schedulerOf(search)?.rungs(stepsOf(experiment));
}

function courseOf(state: RunState): Known | undefined {
  const { experiment, stopped } = state;
  const { search } = experiment;
  if (!search || !isDecided(search)) return undefined;
  const before = courses.get(state);
  // After growth all is decided anew, on the same results.
  const known = before?.experiment === experiment ? before : begin(experiment, search);
  courses.set(state, known);
  const { course } = known;
  const limit = stopped?.cells ?? Infinity;
  if (search.order === "free") replay(state, known, limit);
  else if (!course.ended) {
    course.advance((cell) => {
      const assessment = state.assessed.get(cellNumber(cell));
      if (assessment) known.told.push(cell);
      return assessment && resultOf(experiment, assessment);
    }, limit);
  }
  if (stopped && !course.ended && course.made.length >= limit) course.cut(limit);
  index(known);
  return known;
}

function begin(experiment: Experiment, search: SearchSpec): Known {
  const distance = { epochs: stepsOf(experiment), trials: trialCount(experiment) };
  const most = Math.floor((search.budget?.cells ?? Infinity) / cellsPerTrial(search));
  const course = beginCourse(minimising(experiment, search), key(experiment.seed), distance, most);
  const places = new Map<number, number[]>();
  const told: Cell[] = [];
  return {
    experiment,
    course,
    made: course.made,
    settings: course.settings,
    get ended() {
      return course.ended;
    },
    get reason() {
      return course.reason;
    },
    verdict: (cell) => course.verdict(cell),
    placesOf: (trial) => places.get(trial) ?? [],
    seenBy: (place) => told.slice(0, course.made[place]?.saw ?? 0),
    places,
    placeOf: new Map(),
    indexed: 0,
    told,
  };
}

/** The search with its target turned as values are. */
function minimising(experiment: Experiment, search: SearchSpec): SearchSpec {
  const { budget } = search;
  if (budget?.target === undefined) return search;
  return { ...search, budget: { ...budget, target: signOf(experiment) * budget.target } };
}

/** Makes the decisions that the journal has. */
function replay(state: RunState, known: Known, limit: number): void {
  const { course } = known;
  while (course.made.length < Math.min(state.decided.length, limit)) {
    tellArrived(state, known, state.decided[course.made.length] ?? 0);
    course.next();
    course.accept();
    index(known);
  }
  if (state.arrived.length < course.made.length) return;
  // Nothing is under way: either something is next, or there will be nothing any more.
  tellArrived(state, known, state.arrived.length);
  course.next();
}

/** Tells a course in free order of results up to a number of them, as they came. */
function tellArrived(state: RunState, known: Known, until: number): void {
  while (known.told.length < until) {
    const cell = state.arrived[known.told.length] ?? -1;
    const [place, assessment] = [known.placeOf.get(cell), state.assessed.get(cell)];
    if (place === undefined || assessment === undefined) throw new TypeError("An unknown cell.");
    known.course.tell(place, resultOf(state.experiment, assessment));
    known.told.push(known.made[place] as Cell);
  }
}

function index(known: Known): void {
  for (; known.indexed < known.made.length; known.indexed++) {
    const cell = known.made[known.indexed];
    if (cell === undefined) return;
    const own = known.places.get(cell.trial) ?? [];
    own.push(known.indexed);
    known.places.set(cell.trial, own);
    known.placeOf.set(cellNumber(cell), known.indexed);
  }
}
