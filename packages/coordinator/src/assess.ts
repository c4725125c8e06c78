import type { Table } from "@manyfold/data";
import { decodeTable, rowsOf } from "@manyfold/data";
import type { Distribution, Members, Truth } from "@manyfold/ensemble";
import {
  combine,
  fitCombiner,
  gaussianOf,
  isProbabilistic,
  membersOf,
  metrics,
  residualVariance,
  spreadOf,
  truthOf,
} from "@manyfold/ensemble";
import type {
  BlobStore,
  ClassificationMetrics,
  Combiner,
  Experiment,
  FittedTarget,
  Hash,
  Metrics,
  RegressionMetrics,
  TaskResult,
} from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { mean, medianSorted, sampleStandardDeviation } from "simple-statistics";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import { tasksOfCell } from "./plan.ts";
import type { Assessment, RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { metricOf } from "./metric.ts";
import { assessmentAt, cellAt, cellCount, firstOpen, settingOf } from "./trials.ts";

/** A trial, or a rung of one. */
type Place = Pick<Assessment, "trial" | "rung">;

/**
 * Trials (with a scheduler, a rung of one) whose tasks have all ended and that nobody has assessed
 * yet, in order.
 *
 * @param inFlight tasks that are being done: a plan starts tasks in order, so that behind one that
 *   is neither done nor in flight nothing has begun, and the search for more ends there
 */
export function dueTrials(state: RunState, inFlight?: ReadonlySet<Hash>): Place[] {
  const due: Place[] = [];
  const count = cellCount(state);
  for (let place = firstOpen(state); place < count; place++) {
    if (assessmentAt(state, place)) continue;
    const cell = cellAt(state, place);
    const open = tasksOfCell(state, cell).filter(({ id }) => outcomeOf(state, id) === undefined);
    if (open.length === 0) due.push(cell);
    else if (inFlight && open.some(({ id }) => !inFlight.has(id))) break;
  }
  return due;
}

/**
 * What a trial's cells say of its setting: the metric of each fold's combined predictions on its
 * validation rows, their mean, and a standard error (over folds; of one validation split, over its
 * rows).
 */
export async function assessTrial(
  state: RunState,
  blobs: BlobStore,
  place: Place,
): Promise<Assessment> {
  const { trial } = place;
  const setting = settingOf(state, trial);
  const tasks = tasksOfCell(state, place);
  const cells: Cell[] = [];
  const epochs: number[] = [];
  for (const [fold, { table, preprocessing }] of state.data.folds.entries()) {
    const outcomes = tasks
      .filter(({ key }) => key.fold === fold)
      .map(({ key, id }) => ({ member: key.unit, outcome: outcomeOf(state, id) }));
    const done = outcomes.flatMap(({ member, outcome }) =>
      outcome && "weights" in outcome ? [{ member, result: outcome }] : [],
    );
    const allowed = setting.search?.each === "ensemble" ? (setting.ensemble?.allowFailed ?? 0) : 0;
    if (done.length < outcomes.length * (1 - allowed)) {
      cells.push(FAILED);
      continue;
    }
    epochs.push(...done.map(({ result }) => result.epoch));
    const view = decodeTable(await blobOf(blobs, table.hash), table);
    try {
      cells.push(await cellOf(blobs, setting, preprocessing.target, view, done));
    } catch (error) {
      // A setting that does not fit the data is a trial that failed, not a run that did.
      if (!(error instanceof ManyfoldError) || error.code !== "config") throw error;
      cells.push(FAILED);
    }
  }
  const values = cells.map(({ value }) => value);
  const known = values.filter((value) => value !== null);
  const complete = known.length === values.length;
  epochs.sort((a, b) => a - b);
  return {
    ...place,
    value: complete ? mean(known) : null,
    standardError: !complete
      ? null
      : known.length > 1
        ? sampleStandardDeviation(known) / Math.sqrt(known.length)
        : (cells[0]?.standardError ?? null),
    cells: values,
    epoch: epochs.length > 0 ? Math.max(1, Math.round(medianSorted(epochs))) : null,
  };
}

interface Cell {
  readonly value: number | null;
  readonly standardError: number | null;
}

const FAILED: Cell = { value: null, standardError: null };

async function cellOf(
  blobs: BlobStore,
  setting: Experiment,
  target: FittedTarget,
  table: Table,
  done: readonly { member: number; result: TaskResult }[],
): Promise<Cell> {
  const rows = rowsOf(table, "validation");
  const truth = truthOf(target, table.y, rows);
  const predictions = await inTurn(done, async ({ member, result }) => ({
    member,
    values: floatsOf(await blobOf(blobs, result.predictions.validation?.hash)),
  }));
  const members = membersOf(target, predictions, setting.model.output);
  const ensemble = setting.search?.each === "ensemble" ? setting.ensemble : undefined;
  const combiner = ensemble?.combine ?? { mean: {} };
  const metric = metricOf(setting);
  const score = (kept: Uint32Array) =>
    valueOf(scoreOf(combiner, pickMembers(members, kept), pickTruth(truth, kept)), metric);
  const all = Uint32Array.from({ length: truth.rows }, (_, row) => row);
  return { value: score(all), standardError: jackknife(all, score) };
}

type Metric = keyof ClassificationMetrics | keyof RegressionMetrics;

function scoreOf(combiner: Combiner, members: Members, truth: Truth): Metrics {
  const numbers = members.members.map(({ member }) => member);
  const combined = combine(combiner, members, fitCombiner(combiner, numbers, null));
  if (truth.task === "classification") return metrics(truth, combined);
  const residual = isProbabilistic(members)
    ? null
    : residualVariance(truth, combined, spreadOf(members));
  return metrics(truth, combined, gaussianOf(members, residual));
}

function valueOf(scores: Metrics, metric: Metric): number | null {
  const value = (scores as Partial<Record<Metric, number>>)[metric];
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Groups of rows left out in turn. */
const GROUPS = 20;

/** Standard error over rows of any score, by leaving out one group of rows at a time (Quenouille). */
function jackknife(rows: Uint32Array, score: (kept: Uint32Array) => number | null): number | null {
  const groups = Math.min(GROUPS, rows.length);
  if (groups < 2) return null;
  const scores: number[] = [];
  for (let group = 0; group < groups; group++) {
    const value = score(rows.filter((_, at) => at % groups !== group));
    if (value === null) return null;
    scores.push(value);
  }
  return sampleStandardDeviation(scores) * ((groups - 1) / Math.sqrt(groups));
}

function pickMembers(members: Members, rows: Uint32Array): Members {
  const { outputs } = members;
  return {
    ...members,
    rows: rows.length,
    members: members.members.map(({ member, values, distribution }) => ({
      member,
      values: pickRows(values, outputs, rows),
      ...(distribution && { distribution: pickDistribution(distribution, outputs, rows) }),
    })),
  };
}

function pickDistribution(own: Distribution, outputs: number, rows: Uint32Array): Distribution {
  const { components, weights, means, variances } = own;
  const pick = (values: Float64Array) => pickRows(values, outputs * components, rows);
  return { components, weights: pick(weights), means: pick(means), variances: pick(variances) };
}

function pickTruth(truth: Truth, rows: Uint32Array): Truth {
  return truth.task === "classification"
    ? { ...truth, rows: rows.length, labels: rows.map((row) => truth.labels[row] ?? 0) }
    : { ...truth, rows: rows.length, values: pickRows(truth.values, truth.targets, rows) };
}

function pickRows(values: Float64Array, width: number, rows: Uint32Array): Float64Array {
  const picked = new Float64Array(rows.length * width);
  rows.forEach((row, at) =>
    picked.set(values.subarray(row * width, (row + 1) * width), at * width),
  );
  return picked;
}
