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
  PreparedTable,
  RegressionMetrics,
  TrainResult,
} from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { mean, medianSorted, sampleStandardDeviation, sampleVariance } from "simple-statistics";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import { freshTasks, tasksOfCell, type Wanted } from "./plan.ts";
import type { Assessment, RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { metricOf } from "./metric.ts";
import { assessmentAt, cellAt, cellCount, firstOpen, settingOf } from "./trials.ts";
import { leadersOf } from "./winner.ts";

/** A trial, or a rung of one. */
type Place = Pick<Assessment, "trial" | "rung">;

/**
 * Trials (with a scheduler, a rung of one) whose tasks have all ended and that nobody has assessed
 * yet, in order.
 *
 * @param inFlight tasks that are being done: a plan starts tasks in order, so that behind one that
 *   is neither done nor in flight nothing has begun, and the search for more ends there
 */
export function dueTrials(state: RunState, inFlight?: Pick<ReadonlySet<Hash>, "has">): Place[] {
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

/** Leading trials whose fresh cells have all ended and that nobody has looked at yet. */
export function dueConfirmations(state: RunState): number[] {
  return leadersOf(state)
    .map(({ trial }) => trial)
    .filter(
      (trial) =>
        !state.confirmed.has(trial) &&
        freshTasks(state, trial).every(({ id }) => outcomeOf(state, id) !== undefined),
    );
}

/**
 * What a trial's cells say of its setting: the metric of each fold's and repeat's combined
 * predictions on its validation rows, their mean, and a standard error: over the means of folds, or,
 * of one validation split, over its rows and the repeats.
 */
export async function assessTrial(
  state: RunState,
  blobs: BlobStore,
  place: Place,
): Promise<Assessment> {
  const { folds } = state.data;
  const setting = settingOf(state, place.trial);
  const { cells, epochs } = await cellsOf(state, blobs, setting, tasksOfCell(state, place), folds);
  const values = cells.map(({ value }) => value);
  const known = values.filter((value) => value !== null);
  const complete = known.length === values.length;
  epochs.sort((a, b) => a - b);
  return {
    ...place,
    value: complete ? mean(known) : null,
    standardError: complete ? errorOf(cells, folds.length) : null,
    cells: values,
    epoch: epochs.length > 0 ? Math.max(1, Math.round(medianSorted(epochs))) : null,
  };
}

/** The metric on each of a leading trial's fresh folds. */
export async function confirmTrial(
  state: RunState,
  blobs: BlobStore,
  trial: number,
): Promise<(number | null)[]> {
  const { folds, fresh = [] } = state.data;
  const setting = settingOf(state, trial);
  const all = [...folds, ...fresh];
  const { cells } = await cellsOf(state, blobs, setting, freshTasks(state, trial), all);
  return cells.map(({ value }) => value);
}

interface Cell {
  readonly value: number | null;
  /** The metric without each of some groups of rows; empty where it has none. */
  readonly without: readonly number[];
}

const FAILED: Cell = { value: null, without: [] };

/** The cells that some tasks are of, in task order, and the epochs whose weights their nets kept. */
async function cellsOf(
  state: RunState,
  blobs: BlobStore,
  setting: Experiment,
  tasks: readonly Wanted[],
  folds: readonly PreparedTable[],
): Promise<{ cells: Cell[]; epochs: number[] }> {
  const cells: Cell[] = [];
  const epochs: number[] = [];
  const allowed = setting.search?.each === "ensemble" ? (setting.ensemble?.allowFailed ?? 0) : 0;
  for (const own of byCell(tasks)) {
    const fold = folds[own[0]?.key.fold ?? 0];
    const called = own.map(({ id }) => outcomeOf(state, id)).find((one) => one && "value" in one);
    if (called && "value" in called) {
      cells.push({ value: called.value, without: [] });
      continue;
    }
    const done = own.flatMap(({ key, id }) => {
      const outcome = outcomeOf(state, id);
      return outcome && "weights" in outcome ? [{ member: key.unit, result: outcome }] : [];
    });
    if (fold === undefined || done.length < own.length * (1 - allowed)) {
      cells.push(FAILED);
      continue;
    }
    epochs.push(...done.map(({ result }) => result.epoch));
    const { table, preprocessing } = fold;
    const view = decodeTable(await blobOf(blobs, table.hash), table);
    try {
      cells.push(await cellOf(blobs, setting, preprocessing.target, view, done));
    } catch (error) {
      // A setting that does not fit the data is a trial that failed, not a run that did.
      if (!(error instanceof ManyfoldError) || error.code !== "config") throw error;
      cells.push(FAILED);
    }
  }
  return { cells, epochs };
}

/** Tasks by fold and repeat. */
function byCell(tasks: readonly Wanted[]): Wanted[][] {
  const cells = new Map<string, Wanted[]>();
  for (const task of tasks) {
    const cell = `${task.key.fold} ${task.key.repeat}`;
    const own = cells.get(cell) ?? [];
    own.push(task);
    cells.set(cell, own);
  }
  return [...cells.values()];
}

/** The standard error of the mean over cells that all have values, so many repeats to a fold. */
function errorOf(cells: readonly Cell[], folds: number): number | null {
  const repeats = cells.length / folds;
  const values = cells.map(({ value }) => value ?? 0);
  if (folds > 1) {
    const means = Array.from({ length: folds }, (_, fold) =>
      mean(values.slice(fold * repeats, (fold + 1) * repeats)),
    );
    return sampleStandardDeviation(means) / Math.sqrt(folds);
  }
  // The groups of rows are the same in each repeat: it is their mean that is left out of.
  const groups = Math.min(...cells.map(({ without }) => without.length));
  if (groups < 2) return null;
  const without = Array.from({ length: groups }, (_, group) =>
    mean(cells.map((cell) => cell.without[group] ?? 0)),
  );
  const ofRows = sampleStandardDeviation(without) * ((groups - 1) / Math.sqrt(groups));
  if (repeats === 1) return ofRows;
  return Math.sqrt(ofRows ** 2 + sampleVariance(values) / repeats);
}

async function cellOf(
  blobs: BlobStore,
  setting: Experiment,
  target: FittedTarget,
  table: Table,
  done: readonly { member: number; result: TrainResult }[],
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
  return { value: score(all), without: withoutGroups(all, score) };
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

/** Any score without one group of rows at a time: the jackknife's values (Quenouille). */
function withoutGroups(
  rows: Uint32Array,
  score: (kept: Uint32Array) => number | null,
): readonly number[] {
  const groups = Math.min(GROUPS, rows.length);
  if (groups < 2) return [];
  const scores: number[] = [];
  for (let group = 0; group < groups; group++) {
    const value = score(rows.filter((_, at) => at % groups !== group));
    if (value === null) return [];
    scores.push(value);
  }
  return scores;
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
