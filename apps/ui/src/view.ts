import { directionOf, metricName, trialCount, unitsOf } from "@manyfold/coordinator";
import type { CurvePoint, Experiment, JournalRecord, Params, TaskKey } from "@manyfold/protocol";
import { FINAL, tagOf } from "@manyfold/protocol";
import { createChanges, type Changes } from "./changes.ts";
import type {
  Count,
  CurveRow,
  MemberRow,
  Row,
  RunSummary,
  Status,
  TrialRow,
  WorkerRow,
} from "./rows.ts";

/** Trials in front whose curves are shown, and members, from the first. */
const LEADERS = 10;
const CURVES = 48;
/** Points of a curve. */
const POINTS = 60;

type RecordOf<Type extends JournalRecord["type"]> = Extract<JournalRecord, { type: Type }>;
type Ended = RecordOf<"completed"> | RecordOf<"failed">;

/** A run as its journal tells it, in rows. */
export interface RunView {
  readonly changes: Changes<Row>;
  /** Undefined before the first record. */
  summary(): RunSummary | undefined;
  /** What the journal does not say. */
  note(facts: {
    readonly isWritten: boolean;
    readonly report: boolean;
    readonly damaged: boolean;
  }): void;
  tell(record: JournalRecord): void;
}

/** Folds a run's journal into rows; equal journals give equal rows. */
export function createView(id: string): RunView {
  const changes = createChanges<Row>();
  const trials = new Map<number, TrialRow>();
  const members = new Map<number, MemberRow>();
  const workers = new Map<string, WorkerRow>();
  /** Curves of trials that are not over, or in front. */
  const curves = new Map<number, CurveRow>();
  let leaders: number[] = [];
  let begun: RecordOf<"created"> | undefined;
  let experiment: Experiment | undefined;
  let ending: Status | undefined;
  let facts = { isWritten: false, report: false, damaged: false };
  let [updated, attempts, trainSeconds] = [0, 0, 0];
  let parameters: readonly string[] = [];
  let totals = { trials: 0, members: 0 };
  const counts = { trials: 0, failedTrials: 0, members: 0, failedMembers: 0 };
  let best: number | null = null;

  const sign = () => (experiment && directionOf(experiment) === "maximise" ? -1 : 1);

  const summary = (): RunSummary | undefined => {
    if (!begun || !experiment) return facts.damaged ? unreadable(id) : undefined;
    const open: Status = facts.isWritten ? "running" : (ending ?? "stopped");
    const isOver = ending !== undefined && ending !== "interrupted";
    const status = facts.damaged ? "damaged" : isOver ? ending : open;
    const of = (done: number, failed: number, total: number): Count => ({
      done,
      failed,
      total: Math.max(total, done),
    });
    return {
      id,
      name: experiment.name,
      status: status ?? open,
      trials: experiment.search ? of(counts.trials, counts.failedTrials, totals.trials) : null,
      members: of(counts.members, counts.failedMembers, totals.members),
      best,
      metric: experiment.search ? metricName(experiment) : null,
      started: begun.time,
      updated,
    };
  };

  const head = () => {
    const own = summary();
    if (!own || !begun || !experiment) return;
    const { search } = experiment;
    changes.set("head", {
      kind: "head",
      summary: own,
      task: experiment.objective ? "objective" : experiment.data.task,
      source: begun.data.source.name,
      sampler: search ? tagOf(search.sampler) : null,
      scheduler: search?.scheduler ? tagOf(search.scheduler) : null,
      direction: directionOf(experiment),
      parameters,
      variant: begun.variant,
      attempts,
      trainSeconds,
      report: facts.report,
    });
  };

  const setTrial = (row: TrialRow) => {
    trials.set(row.trial, row);
    changes.set(`trial ${row.trial}`, row);
  };

  const setCurve = (row: CurveRow) => changes.set(`curve ${row.of} ${row.number}`, row);

  const work = (record: Ended) => {
    const { worker, seconds, time } = record;
    const known = workers.get(worker);
    const failed = record.type === "failed" ? 1 : 0;
    const row: WorkerRow = {
      kind: "worker",
      worker,
      done: (known?.done ?? 0) + 1 - failed,
      failed: (known?.failed ?? 0) + failed,
      seconds: (known?.seconds ?? 0) + seconds,
      last: time,
    };
    workers.set(worker, row);
    changes.set(`worker ${worker}`, row);
    attempts += 1;
    trainSeconds += seconds;
  };

  const member = (key: TaskKey, record: Ended) => {
    const before = members.get(key.unit);
    const points = curveOf(record);
    const row: MemberRow = {
      kind: "member",
      member: key.unit,
      state: record.type,
      epoch: record.type === "completed" && "epoch" in record.result ? record.result.epoch : null,
      train: points.at(-1)?.train ?? null,
      held: points.at(-1)?.held ?? null,
      seconds: (before?.seconds ?? 0) + record.seconds,
      worker: record.worker,
      failure: record.type === "failed" ? record.failure.code : null,
    };
    if (!before) counts.members += 1;
    counts.failedMembers += Number(row.state === "failed") - Number(before?.state === "failed");
    members.set(key.unit, row);
    changes.set(`member ${key.unit}`, row);
    if (points.length > 0 && key.unit < CURVES) {
      setCurve({ kind: "curve", of: "member", number: key.unit, points: thinned(points) });
    }
  };

  const part = (key: TaskKey, record: Ended) => {
    const { trial } = key;
    const known = trials.get(trial);
    setTrial({
      kind: "trial",
      trial,
      state: known?.state ?? "running",
      value: known?.value ?? null,
      error: known?.error ?? null,
      looks: known?.looks ?? 0,
      seconds: (known?.seconds ?? 0) + record.seconds,
      values: known?.values ?? [],
    });
    const points = curveOf(record);
    if (points.length === 0 || key.fold !== 0 || key.unit !== 0) return;
    const row: CurveRow = { kind: "curve", of: "trial", number: trial, points: thinned(points) };
    curves.set(trial, row);
    // A trial in front that went on has a longer curve now.
    if (leaders.includes(trial)) setCurve(row);
  };

  const lead = (trial: number) => {
    const valueOf = (one: number) => sign() * (trials.get(one)?.value ?? Infinity);
    const looksOf = (one: number) => trials.get(one)?.looks ?? 0;
    const before = leaders;
    leaders = [...new Set([...before, trial])]
      .filter((one) => trials.get(one)?.value !== null)
      .sort((a, b) => looksOf(b) - looksOf(a) || valueOf(a) - valueOf(b) || a - b)
      .slice(0, LEADERS);
    for (const one of new Set([...before, trial])) {
      const isIn = leaders.includes(one);
      const row = curves.get(one);
      if (isIn && !before.includes(one) && row) setCurve(row);
      if (isIn) continue;
      if (before.includes(one)) setCurve({ kind: "curve", of: "trial", number: one, points: [] });
      curves.delete(one);
    }
    best = trials.get(leaders[0] ?? -1)?.value ?? null;
  };

  const assessed = (record: RecordOf<"assessed">) => {
    const { trial, value, standardError, params = {} } = record;
    const known = trials.get(trial);
    if (known === undefined || known.looks === 0) counts.trials += 1;
    const failed = value === null;
    counts.failedTrials += Number(failed) - Number(known?.state === "failed");
    learn(params);
    setTrial({
      kind: "trial",
      trial,
      state: failed ? "failed" : "completed",
      value,
      error: standardError,
      looks: (known?.looks ?? 0) + 1,
      seconds: known?.seconds ?? 0,
      values: parameters.map((name) => params[name] ?? null),
    });
    lead(trial);
  };

  /** A name that the space does not have comes from a study of one's own. */
  const learn = (params: Params) => {
    const fresh = Object.keys(params).filter((name) => !parameters.includes(name));
    if (fresh.length > 0) parameters = [...parameters, ...fresh];
  };

  const steps: { readonly [Type in JournalRecord["type"]]?: (record: RecordOf<Type>) => void } = {
    created: (record) => {
      begun = record;
      ({ experiment } = record);
      parameters = Object.keys(experiment.search?.space ?? {});
      const members = experiment.objective ? 0 : unitsOf(experiment.ensemble).length;
      totals = { trials: trialCount(experiment), members };
    },
    grown: (record) => {
      totals = {
        trials: record.trials ?? totals.trials,
        members: record.members ?? totals.members,
      };
      ending = undefined;
    },
    resumed: () => {
      ending = undefined;
    },
    completed: ended,
    failed: ended,
    assessed,
    interrupted: () => {
      ending = "interrupted";
    },
    finished: (record) => {
      ending = record.status;
    },
  };

  function ended(record: Ended) {
    work(record);
    const { key } = record;
    if (key === undefined) return;
    if (key.trial === FINAL) member(key, record);
    else part(key, record);
  }

  return {
    changes,
    summary,
    note(next) {
      const isSame =
        next.isWritten === facts.isWritten &&
        next.report === facts.report &&
        next.damaged === facts.damaged;
      if (isSame) return;
      facts = next;
      head();
    },
    tell(record) {
      updated = record.time;
      const step = steps[record.type] as ((record: JournalRecord) => void) | undefined;
      step?.(record);
      head();
    },
  };
}

/** A run of which nothing can be read. */
function unreadable(id: string): RunSummary {
  const members = { done: 0, total: 0, failed: 0 };
  const none = { trials: null, members, best: null, metric: null, started: 0, updated: 0 };
  return { id, name: id, status: "damaged", ...none };
}

/** Losses over epochs; of an objective, what it reported over its steps. */
function curveOf(record: Ended): Pick<CurvePoint, "epoch" | "train" | "held">[] {
  if (record.type !== "completed") return [];
  const { result } = record;
  if ("curve" in result) return result.curve;
  return result.reported.map(({ step, value }) => ({ epoch: step, train: value }));
}

/** At most so many points of a curve, evenly over its epochs, both ends included. */
function thinned(
  curve: readonly Pick<CurvePoint, "epoch" | "train" | "held">[],
): CurveRow["points"] {
  const most = Math.min(POINTS, curve.length);
  const step = most > 1 ? (curve.length - 1) / (most - 1) : 0;
  return Array.from({ length: most }, (_, i) => curve[Math.round(i * step)]).flatMap((point) =>
    point ? [[rounded(point.epoch), rounded(point.train), point.held ?? null] as const] : [],
  );
}

/** Enough digits for a picture. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
