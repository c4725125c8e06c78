import {
  type CurvePoint,
  isSecondOrder,
  ManyfoldError,
  type SecondOrder,
  show,
  tagOf,
  type TrainSpec,
  type Variant,
} from "@manyfold/protocol";
import { arithmeticOf } from "./arithmetic.ts";
import { augmentations, requireImages } from "./augment.ts";
import { averaging, type RunningMean } from "./averaging.ts";
import { type Gather, gatherFrom, gatherWeights, rowCount } from "./batches.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { clippingOf } from "./clipping.ts";
import type { Epochs } from "./epochs.ts";
import { fullBatchEpochs } from "./full-batch.ts";
import { initialize } from "./init.ts";
import type { Values } from "./kernels/kernels.ts";
import type { Network } from "./network.ts";
import { noiseOnRows, weightNoise } from "./noise.ts";
import { startOptimizer } from "./optimizers/optimizer.ts";
import type { OptimizerRule } from "./optimizers/rules.ts";
import { type Pretrained, pretrained } from "./pretraining.ts";
import { startProbe } from "./probes.ts";
import { type Meter, type Part } from "./profile.ts";
import { type Provenance, provenance } from "./provenance.ts";
import { startRegularizers } from "./regularizers.ts";
import { fold, folds, type Key, normals } from "./rng.ts";
import { type Length, type Momentum, momentumOf, startSchedule } from "./schedules.ts";
import { finished } from "./finishing.ts";
import { startSemi, visitedRows } from "./semi.ts";
import { earlyStopping } from "./stopping.ts";
import {
  borrowWorkbench,
  HELD_CHUNK,
  returnWorkbench,
  type Work,
  type Workbench,
  workOf,
} from "./workbench.ts";

/** One training, as data; two functions watch it and change nothing but where it ends. */
export interface TrainJob {
  readonly network: Network;
  readonly spec: TrainSpec;
  /** Arithmetic of the gradient steps. */
  readonly variant: Variant;
  /** `[n, columns]`. */
  readonly x: Float32Array;
  /** `[n, targets]`; `[n]` class indices for a classification. */
  readonly y: Float32Array;
  /** `[n, sides]`, where the network has further heads: a class index, or a value, for each. */
  readonly sides?: Float32Array;
  /** Rows to train on; a row that occurs twice counts twice. */
  readonly rows: Uint32Array;
  /** What each row's loss counts, by row of x, of mean 1 over `rows`; all the same without it. */
  readonly weights?: Float32Array;
  /** Rows whose loss is measured after each epoch and may stop the training. */
  readonly held?: Uint32Array;
  /** Rows whose inputs alone are known, for `spec.pretrain` and `spec.semi`. */
  readonly unlabelled?: Uint32Array;
  /** Columns of x that are the network's inputs, if not all. */
  readonly features?: Uint32Array;
  /** All randomness: starting weights, order of rows, dropout masks. */
  readonly key: Key;
  /** Weights to start from instead of drawn ones, `[parameters]`. */
  readonly start?: Float32Array;
  /** The held-out loss at which the training ends, if it gets there. */
  readonly until?: number;
  /** The last epoch of this part of a training; all without it. */
  readonly pause?: number;
  /** Where an earlier part ended. */
  readonly from?: Uint8Array;
  /** Told each point of the learning curve. */
  readonly onEpoch?: (point: CurvePoint) => void;
  /** Told where the time goes. */
  readonly meter?: Meter | undefined;
  /** Asked before each batch; true ends the training. */
  readonly cancelled?: () => boolean;
}

/** How a training ended. */
export type TrainOutcome =
  | {
      readonly status: "done";
      /** `[parameters]`, laid out as `network.parameters`. */
      readonly weights: Float32Array;
      readonly curve: CurvePoint[];
      /** The epoch, from 1, after which the weights were these. */
      readonly epoch: number;
      /** Whether early stopping ended it before the last epoch. */
      readonly stopped: boolean;
      /** To go on from, where this was a part of a training that has another one. */
      readonly checkpoint?: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly status: "nan";
      readonly epoch: number;
      /** The first layer, from the input, with a value that is not finite. */
      readonly layer: string;
      /** The op that computed it; `weights` or `rows` where it was read. */
      readonly op: string;
    }
  | { readonly status: "cancelled" };

/**
 * Trains a network: each epoch visits all rows in an order of its own, in batches (the last may be
 * short), one step of the optimizer a batch. Pure and synchronous: the outcome follows from the
 * job's data alone, to the bit, on every machine.
 *
 * With `spec.earlyStopping` and held-out rows, the weights of the epoch with the lowest held-out
 * loss are returned, also where all epochs were run; without held-out rows nothing stops it. How it
 * goes on from there is `finish`.
 *
 * With `spec.average` the weights are the mean of those after the last epochs: see `averaging`.
 *
 * With `spec.pretrain`, and without weights to start from, the hidden layers first learn from the
 * inputs alone: see `pretrained`.
 *
 * Under Nesterov's method the weights are those at which the next gradient would be taken.
 *
 * @throws ManyfoldError for a variant, rows or columns that cannot be trained on
 */
export function train(job: TrainJob): TrainOutcome {
  requireRows(job);
  requireImages(job.network.inputs, job.spec.augment);
  requireParts(job);
  const { meter } = job;
  const { pretrain } = job.spec;
  const wanted = pretrain !== undefined && job.start === undefined && job.from === undefined;
  const before = wanted ? pretrained(job, pretrain, train) : null;
  if (before !== null && before.status !== "done") return before;
  const visiting = { ...job, rows: visitedRows(job) };
  const { network, spec, variant } = job;
  const weighted = job.weights !== undefined;
  const work = { ...workOf(network, spec, visiting.rows.length, variant, weighted), meter };
  const bench = borrowWorkbench(work);
  const outcome = trainOn(bench, work, visiting, before);
  returnWorkbench(bench);
  meter?.mark("rest");
  // What comes after the last epoch comes after the last part.
  if (outcome.status === "done" && outcome.checkpoint !== undefined) return outcome;
  const { from: _, pause: __, ...whole } = job;
  return finished(whole, outcome, train);
}

function trainOn(
  bench: Workbench,
  work: Work,
  job: TrainJob,
  before: Pretrained | null,
): TrainOutcome {
  const { network, spec, held } = job;
  const start = before?.weights ?? job.start;
  const semi = spec.semi && job.unlabelled ? startSemi(job, spec.semi) : null;
  const gather = followed(job.meter, "gather", semi?.gather ?? gatherFrom(job));
  const stopping = spec.earlyStopping ? earlyStopping(spec.earlyStopping) : null;
  const best = { weights: new Float32Array(0), epoch: 0 };
  const mean: RunningMean = { weights: new Float32Array(0), count: 0 };
  const average = spec.average ? averaging(spec.average, mean, spec.epochs) : null;
  const paused = job.from && continued(job.from, bench);
  const epochs =
    work.rule === null
      ? fullBatchEpochs(bench, work, spec.optimizer as SecondOrder, job, gather)
      : batchEpochs(bench, work, work.rule, job, gather, paused);
  const { rows } = job;
  const { probes } = spec;
  const every = probes?.every ?? 1;
  const probe = probes ? startProbe({ network, loss: work.loss, rows, gather, probes }) : null;
  const pause = Math.min(job.pause ?? spec.epochs, spec.epochs);
  let last = pause;
  const curve: CurvePoint[] = [];

  if (paused !== undefined) {
    bench.parameters.set(paused.parameters);
    Object.assign(best, paused.best);
    Object.assign(mean, paused.average);
    for (const point of paused.curve) {
      curve.push(point);
      epochs.observe?.(point.held ?? point.train);
      if (point.held !== undefined) stopping?.(point.held);
    }
  } else if (start === undefined) initialize(network, job.key, bench.parameters);
  else bench.parameters.set(start);
  let ended = false;
  for (let epoch = (paused?.epoch ?? 0) + 1; epoch <= pause; epoch++) {
    semi?.prepare(epoch, bench.parameters);
    const loss = epochs.run(epoch);
    if (loss === null) return { status: "cancelled" };
    const point: CurvePoint = { epoch, train: loss };
    if (epoch === 1 && before !== null) point.pretraining = [...before.layers];
    if (held !== undefined && held.length > 0) point.held = heldLoss(bench, gather, held);
    if (!Number.isFinite(point.train) || !Number.isFinite(point.held ?? 0)) {
      return { status: "nan", epoch, ...fault(bench, work, job) };
    }
    if (probe !== null && (epoch - 1) % every === 0) {
      point.probes = probe(bench.parameters, epochs.rate());
    }
    curve.push(point);
    epochs.observe?.(point.held ?? point.train);
    job.onEpoch?.(point);
    average?.(epoch, bench.parameters);
    ended = epochs.ended?.() === true;
    if (ended) last = epoch;
    const verdict = point.held === undefined ? undefined : stopping?.(point.held);
    if (verdict === "best") {
      if (best.epoch === 0) best.weights = new Float32Array(bench.parameters.length);
      best.weights.set(bench.parameters);
      best.epoch = epoch;
    }
    if (verdict === "stop" && epoch < spec.epochs) {
      return { status: "done", weights: best.weights, curve, epoch: best.epoch, stopped: true };
    }
    if (ended) break;
    if (job.until !== undefined && (point.held ?? Infinity) <= job.until) {
      last = epoch;
      ended = true;
      break;
    }
  }
  const { parameters, slots } = bench;
  const rest =
    pause < spec.epochs && !ended
      ? {
          checkpoint: encodeCheckpoint({
            epoch: pause,
            parameters,
            slots,
            best,
            average: mean,
            curve,
          }),
        }
      : {};
  if (best.epoch > 0) {
    const { weights, epoch } = best;
    return { status: "done", weights, curve, epoch, stopped: false, ...rest };
  }
  // The last step has no loss of its own to show what it did.
  if (!bench.parameters.every(Number.isFinite)) {
    return { status: "nan", epoch: last, ...fault(bench, work, job) };
  }
  const weights = mean.count > 0 ? mean.weights : bench.parameters.slice();
  return { status: "done", weights, curve, epoch: last, stopped: false, ...rest };
}

function continued(bytes: Uint8Array, { parameters, slots }: Workbench): Checkpoint {
  return decodeCheckpoint(bytes, { parameters: parameters.length, slots: slots.length });
}

/** A method over all rows keeps more than weights and moments, which no checkpoint holds. */
function requireParts({ pause, from, spec }: TrainJob): void {
  if ((pause === undefined && from === undefined) || !isSecondOrder(spec.optimizer)) return;
  throw new ManyfoldError({
    code: "config",
    path: "train.optimizer",
    condition: "a method of steps where a training pauses",
    got: tagOf(spec.optimizer),
    help: "search.scheduler: none trains every trial to the end.",
  });
}

/** One step of the optimizer a batch, in an order of rows of each epoch's own. */
function batchEpochs(
  bench: Workbench,
  work: Work,
  rule: OptimizerRule,
  job: TrainJob,
  gather: Gather,
  paused: Checkpoint | undefined,
): Epochs {
  const { network, spec, rows, key, weights } = job;
  const { training, x, y, parameters, gradients } = bench;
  const { updates, regularizers: table, permutation } = arithmeticOf(work.variant);
  const batch = work.batches[0] ?? 1;
  const perEpoch = Math.ceil(rows.length / batch);
  const length = { epoch: perEpoch, total: perEpoch * (spec.horizon ?? spec.epochs) };
  const schedule = startSchedule(spec.schedule, length);
  const momentum = momentumSchedule(spec, rule, length);
  const regularizers = startRegularizers(spec.regularizers, network, table);
  let step = (paused?.epoch ?? 0) * perEpoch;
  const optimizer = startOptimizer(rule, updates, bench.slots, bench.coefficients, step);
  paused?.slots.forEach((slot, index) => bench.slots[index]?.set(slot));
  const update = followed<Parameters<typeof optimizer.step>>(job.meter, "optimizer", (...step) =>
    optimizer.step(...step),
  );
  const clip = spec.clip && clippingOf(spec.clip);
  const perturbations = [
    ...augmentations(spec.augment, network, key),
    ...noiseOnRows(spec.noise, network, key),
  ];
  const { adversarial } = spec;
  if (adversarial !== undefined) fillBox(training.box, network, rows, gather, adversarial.epsilon);
  const directions = folds(key, "virtual adversarial direction");
  const { direction } = training;
  const shaken = spec.noise?.weights;
  const shake = shaken === undefined ? undefined : weightNoise(network, shaken, key);
  const masked = network.layers.some((layer) => layer.kind === "dropout");
  const masks = folds(key, "dropout");
  const run = (epoch: number): number | null => {
    const order = permutation(fold(key, "shuffle", epoch), rows.length);
    let total = 0;
    for (let from = 0; from < rows.length; from += batch) {
      if (job.cancelled?.() === true) return null;
      const to = Math.min(from + batch, rows.length);
      gather(rows, order, from, to, x, y);
      if (weights !== undefined) gatherWeights(weights, rows, order, from, to, training.weights);
      for (const perturb of perturbations) perturb(x, y, to - from, step);
      if (direction.length > 0) direction.set(normals(directions(step), direction.length));
      shake?.put(parameters, step);
      const loss = training.run(to - from, masked ? masks(step) : key);
      if (!Number.isFinite(loss)) return loss;
      shake?.take(parameters);
      total += loss * (to - from);
      const share = schedule.factor(step);
      regularizers.gradient(parameters, gradients);
      clip?.(gradients);
      update(parameters, gradients, share, momentum?.(step));
      regularizers.project(parameters, rule.lr * share);
      step += 1;
    }
    return total / rows.length;
  };
  const rate = (): number => rule.lr * schedule.factor(Math.max(0, step - 1));
  return { run, rate, observe: schedule.observe };
}

/** A function with a mark behind it; without a meter the function itself. */
function followed<A extends unknown[]>(
  meter: Meter | undefined,
  part: Part,
  run: (...args: A) => void,
): (...args: A) => void {
  if (meter === undefined) return run;
  return (...args) => {
    run(...args);
    meter.mark(part);
  };
}

/** How far each input may move, and its least and greatest value, over the training rows. */
function fillBox(
  [reach, low, high]: readonly Values[],
  { inputs, targets }: Network,
  rows: Uint32Array,
  gather: Gather,
  epsilon: number,
): void {
  if (reach === undefined || low === undefined || high === undefined) return;
  const [x, y] = [new Float32Array(inputs), new Float32Array(targets)];
  const order = Uint32Array.of(0);
  low.fill(Infinity);
  high.fill(-Infinity);
  for (let row = 0; row < rows.length; row++) {
    gather(rows.subarray(row, row + 1), order, 0, 1, x, y);
    for (let i = 0; i < inputs; i++) {
      low[i] = Math.min(low[i]!, x[i]!);
      high[i] = Math.max(high[i]!, x[i]!);
    }
  }
  for (let i = 0; i < inputs; i++) reach[i] = epsilon * (high[i]! - low[i]!);
}

function momentumSchedule(
  { momentumSchedule: schedule }: TrainSpec,
  { momentum }: OptimizerRule,
  length: Length,
): Momentum | undefined {
  if (schedule === undefined || momentum === undefined) return undefined;
  return momentumOf(schedule, momentum, length);
}

/** Mean loss over held-out rows, dropout off, in chunks of {@link HELD_CHUNK}. */
function heldLoss(bench: Workbench, gather: Gather, held: Uint32Array): number {
  const { program, x, y, order } = bench.held();
  let total = 0;
  for (let from = 0; from < held.length; from += HELD_CHUNK) {
    const chunk = held.subarray(from, from + HELD_CHUNK);
    gather(chunk, order, 0, chunk.length, x, y);
    total += program.evaluate(bench.parameters, x, y, chunk.length) * chunk.length;
  }
  return total / held.length;
}

function requireRows({ network, x, y, rows, features }: TrainJob): void {
  const columns = features?.length ?? x.length / rowCount({ network, y });
  if (rows.length === 0) {
    throw new ManyfoldError({
      code: "input",
      path: "training rows",
      condition: "at least one",
      got: "none",
      help: "The draw, the split or the held-out share leaves nothing to train on.",
    });
  }
  if (columns !== network.inputs) {
    throw new ManyfoldError({
      code: "internal",
      path: "columns of x",
      condition: `${network.inputs}, as the network reads`,
      got: show(columns),
      help: "A network is built for the columns that its member draws.",
    });
  }
}

/** Looks for the fault where the training stands: present weights, last batch. */
function fault({ x, y, parameters }: Workbench, { loss }: Work, { network }: TrainJob): Provenance {
  const rows = x.length / network.inputs;
  // What is finite in plain arithmetic without dropout was not so where it was computed.
  const unknown = { layer: "output", op: "loss" };
  return provenance(network, loss, parameters, x, y, rows) ?? unknown;
}
