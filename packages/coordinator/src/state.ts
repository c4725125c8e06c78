import type {
  Experiment,
  Failure,
  Hash,
  JournalRecord,
  PreparedData,
  Span,
  TaskResult,
  Weighing,
} from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { verdict } from "./retry.ts";

type RecordOf<Type extends JournalRecord["type"]> = Extract<JournalRecord, { type: Type }>;

/** What a search found out about a trial. */
export type Assessment = Omit<RecordOf<"assessed">, "type" | "time">;

/** The end of a search by its budget: so many cells, from the first, belong to it. */
export type Stop = Omit<RecordOf<"stopped">, "type" | "time">;

/** The trials that an ensemble is made of, and their weights. */
export type Choice = Pick<RecordOf<"chosen">, "among" | "members">;

/** More than there are epochs at which a scheduler looks. */
const RUNGS = 1e6;

/** One number for a trial, or for a trial's rung where a scheduler has it trained in parts. */
export function cellNumber({ trial, rung }: Pick<Assessment, "trial" | "rung">): number {
  return rung === undefined ? trial : trial * RUNGS + rung;
}

/** Who did what: for the execution part of the report, never for a result. */
export interface Labour {
  /** Completed tasks per worker. */
  readonly tasks: Map<string, number>;
  attempts: number;
  lost: number;
  /** Second copies of attempts; they count as none. */
  copies: number;
  /** Seconds of work, summed over attempts. */
  trainSeconds: number;
  /** Milliseconds in which a coordinator was at work. */
  active: number;
  /** Of both, what was there when the run was grown last. */
  spentActive: number;
  spentTraining: number;
  started: number;
  last: number;
  /** Every attempt whose record says what it was for, in the order in which they ended. */
  readonly spans: Span[];
}

/** A run's state: the fold over its journal, and nothing else. */
export interface RunState {
  /** Records folded so far; the sequence of the next one. */
  length: number;
  readonly run: string;
  readonly created: RecordOf<"created">;
  /** The experiment as grown since. */
  experiment: Experiment;
  readonly data: PreparedData;
  readonly completed: Map<Hash, TaskResult>;
  readonly failures: Map<Hash, Failure[]>;
  /** By {@link cellNumber}. */
  readonly assessed: Map<number, Assessment>;
  /** Values of leading trials' fresh cells. */
  readonly confirmed: Map<number, readonly (number | null)[]>;
  /** Looks at a growing bag, in order. */
  readonly weighed: Weighing[];
  /** Trials that members are made of; undefined before, and where nothing is trained for them. */
  chosen: Choice | undefined;
  /** Cells in the order in which they were assessed, by {@link cellNumber}. */
  readonly arrived: number[];
  /** Of a search in free order: how many results each of its decisions saw. */
  readonly decided: number[];
  /** What ended the search before its trials were used up. */
  stopped: Stop | undefined;
  finished: RecordOf<"finished"> | undefined;
  readonly labour: Labour;
}

/** The state after a run's first record. */
export function begin(record: JournalRecord): RunState {
  if (record.type !== "created") {
    throw new ManyfoldError({
      code: "journal",
      path: "journal.log",
      condition: "a journal whose first record is created",
      got: record.type,
      help: "The file was not written by manyfold, or its beginning is missing.",
    });
  }
  return {
    length: 1,
    run: record.run,
    created: record,
    experiment: record.experiment,
    data: record.data,
    completed: new Map(),
    failures: new Map(),
    assessed: new Map(),
    confirmed: new Map(),
    weighed: [],
    chosen: undefined,
    arrived: [],
    decided: [],
    stopped: undefined,
    finished: undefined,
    labour: {
      tasks: new Map(),
      attempts: 0,
      lost: 0,
      copies: 0,
      trainSeconds: 0,
      active: 0,
      spentActive: 0,
      spentTraining: 0,
      started: record.time,
      last: record.time,
      spans: [],
    },
  };
}

/** Rows that say what each record does to the state. */
const STEPS: {
  [Type in JournalRecord["type"]]: (state: RunState, record: RecordOf<Type>) => void;
} = {
  created: (state) => {
    throw new ManyfoldError({
      code: "journal",
      path: `journal.log record ${state.length}`,
      condition: "a record that follows created",
      got: "a second created",
    });
  },
  grown: (state, record) => {
    state.experiment = grow(state.experiment, record);
    state.finished = undefined;
    // What it may spend is counted from here on.
    state.stopped = undefined;
    state.chosen = undefined;
    const { active, trainSeconds } = state.labour;
    Object.assign(state.labour, { spentActive: active, spentTraining: trainSeconds });
  },
  completed: (state, record) => {
    // The first result wins; a second one of the same task has the same bits anyway.
    if (!state.completed.has(record.task)) state.completed.set(record.task, record.result);
    const { labour } = state;
    labour.tasks.set(record.worker, (labour.tasks.get(record.worker) ?? 0) + 1);
    labour.attempts += 1;
    labour.copies += record.copies ?? 0;
    labour.trainSeconds += record.seconds;
    noteSpan(labour, record);
  },
  failed: (state, record) => {
    const failures = state.failures.get(record.task) ?? [];
    state.failures.set(record.task, [...failures, record.failure]);
    state.labour.attempts += 1;
    state.labour.copies += record.copies ?? 0;
    state.labour.trainSeconds += record.seconds;
    if (record.failure.code === "lost") state.labour.lost += 1;
    noteSpan(state.labour, record);
  },
  assessed: (state, { trial, rung, value, standardError, cells, epoch }) => {
    const assessment = { trial, value, standardError, cells, epoch };
    const found = rung === undefined ? assessment : { ...assessment, rung };
    const number = cellNumber(found);
    if (!state.assessed.has(number)) state.arrived.push(number);
    state.assessed.set(number, found);
  },
  decided: (state, { seen, count }) => {
    for (let one = 0; one < count; one++) state.decided.push(seen);
  },
  stopped: (state, { by, cells }) => {
    state.stopped = { by, cells };
  },
  confirmed: (state, { trial, cells }) => {
    state.confirmed.set(trial, cells);
  },
  chosen: (state, { among, members }) => {
    state.chosen = { among, members };
  },
  weighed: (state, { members, estimate, enough }) => {
    state.weighed.push({ members, estimate, enough });
  },
  resumed: () => {},
  interrupted: () => {},
  finished: (state, record) => {
    state.finished = record;
  },
};

function noteSpan(labour: Labour, record: RecordOf<"completed"> | RecordOf<"failed">): void {
  const { key, attempt, worker, seconds, copies, time } = record;
  if (key === undefined) return;
  const to = Math.max(0, (time - labour.started) / 1000);
  const from = Math.max(0, to - seconds);
  const failure = "failure" in record ? { failure: record.failure.code } : {};
  const copied = copies === undefined ? {} : { copies };
  labour.spans.push({ key, attempt, worker, from, to, ...failure, ...copied });
}

/** Records after which time passed without a coordinator. */
const PAUSES: ReadonlySet<JournalRecord["type"]> = new Set(["resumed", "grown"]);

/** Folds one record into the state, which the caller owns and which is changed in place. */
export function fold(state: RunState, record: JournalRecord): RunState {
  const step = STEPS[record.type] as (state: RunState, record: JournalRecord) => void;
  step(state, record);
  const { labour } = state;
  if (!PAUSES.has(record.type)) labour.active += Math.max(0, record.time - labour.last);
  labour.last = record.time;
  state.length += 1;
  return state;
}

/** How a task ended: its result, the failure that ended it, or undefined while it is open. */
export function outcomeOf(state: RunState, task: Hash): TaskResult | Failure | undefined {
  return state.completed.get(task) ?? verdict(state.failures.get(task) ?? []);
}

/** The number of the next attempt at a task. */
export function nextAttempt(state: RunState, task: Hash): number {
  return (state.failures.get(task)?.length ?? 0) + 1;
}

function grow(
  experiment: Experiment,
  by: Pick<RecordOf<"grown">, "members" | "trials">,
): Experiment {
  const { ensemble, search } = experiment;
  const grown = { ...experiment };
  if (by.members !== undefined && ensemble) {
    const { members } = by;
    grown.ensemble = {
      ...ensemble,
      ...(ensemble.bagging && { bagging: { ...ensemble.bagging, members } }),
      ...(ensemble.initOnly && { initOnly: { ...ensemble.initOnly, members } }),
      ...(ensemble.dropout && { dropout: { ...ensemble.dropout, masks: members } }),
    };
  }
  if (by.trials !== undefined && search) grown.search = { ...search, trials: by.trials };
  return grown;
}
