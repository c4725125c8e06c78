import { z } from "zod";
import { DatasetRef, FittedTarget } from "./data.ts";
import { Hash, hashJson } from "./hash.ts";
import { ModelSpec } from "./model.ts";
import { PretrainedLayer } from "./pretrain.ts";
import { ProbePoint } from "./probes.ts";
import { DrawSpec } from "./sample.ts";
import { Params } from "./search.ts";
import { TrainSpec } from "./train.ts";

/**
 * The arithmetic of gradient steps. Part of every task: results of one variant have equal bits
 * everywhere. `js` and `wasm-plain` agree to the bit in float32.
 */
export const Variant = z.enum(["js", "wasm-plain", "wasm-fma", "blas"]);
export type Variant = z.infer<typeof Variant>;

/** Which rows a task reports predictions for, besides its training. */
export const Report = z.enum(["oob", "validation", "test", "train"]);
export type Report = z.infer<typeof Report>;

/** A blob by its content. */
export const BlobRef = z.strictObject({ hash: Hash, bytes: z.int().min(0) });
export type BlobRef = z.infer<typeof BlobRef>;

/** What all tasks have. */
const OF_ALL = {
  version: z.literal(1),
  variant: Variant,
  data: DatasetRef,
  /** Training keys fold in these three only, besides the experiment's seed. */
  seed: z.int().min(0),
  fold: z.int().min(0),
  repeat: z.int().min(0),
  member: z.int().min(0),
  /** Of a training in parts: the epoch to pause after, and the checkpoint of the part before. */
  part: z.strictObject({ until: z.int().min(1), from: BlobRef.optional() }).optional(),
};

/** A network to train. */
export const TrainTask = z.strictObject({
  ...OF_ALL,
  kind: z.literal("train"),
  model: ModelSpec,
  train: TrainSpec,
  draw: DrawSpec,
  report: z.array(Report),
});
export type TrainTask = z.infer<typeof TrainTask>;

/** A function of a module of the user's own: named, never sent. */
export const ModuleRef = z.strictObject({
  /** As the configuration names it; a worker loads what it was allowed to under this very name. */
  name: z.string().min(1).max(1000),
  export: z.string().min(1).max(200),
  /** Of the file's bytes (not of what it imports): a worker with another file refuses. */
  hash: Hash,
});
export type ModuleRef = z.infer<typeof ModuleRef>;

/** A call of the user's own objective: see `Experiment.objective`. */
export const ObjectiveTask = z.strictObject({
  ...OF_ALL,
  kind: z.literal("objective"),
  /** How the table's targets are scaled: the function sees them in their own units. */
  target: FittedTarget,
  module: ModuleRef,
  params: Params,
  /** Steps that a whole call may take; a part goes to `part.until` of them. */
  steps: z.int().min(1),
});
export type ObjectiveTask = z.infer<typeof ObjectiveTask>;

/**
 * Exactly what changes a task's result, and nothing else: no run, trial, number of members, worker
 * or time. Its hash is the task's id.
 */
export const TaskSpec = z.discriminatedUnion("kind", [TrainTask, ObjectiveTask]);
export type TaskSpec = z.infer<typeof TaskSpec>;

/**
 * A task's place in the order of results; compared from left to right. Trials come first in the
 * order they were proposed; the final fit has `trial` = {@link FINAL}.
 */
export const TaskKey = z.strictObject({
  trial: z.int().min(-1),
  fold: z.int().min(0),
  repeat: z.int().min(0),
  rung: z.int().min(0),
  unit: z.int().min(0),
});
export type TaskKey = z.infer<typeof TaskKey>;

/** The trial number of the final fit (an experiment without a search is nothing but a final fit). */
export const FINAL = -1;

/** The unit that is farmed out: self-contained data, never code. */
export const Task = z.strictObject({ id: Hash, attempt: z.int().min(1), spec: TaskSpec });
export type Task = z.infer<typeof Task>;

/** The id of a task: the hash of its canonical spec. */
export function taskId(spec: TaskSpec): Hash {
  return hashJson(spec);
}

/** Orders results: search trials first, the final fit last; then fold, repeat, rung, unit. */
export function compareKeys(a: TaskKey, b: TaskKey): number {
  return (
    trialRank(a.trial) - trialRank(b.trial) ||
    a.fold - b.fold ||
    a.repeat - b.repeat ||
    a.rung - b.rung ||
    a.unit - b.unit
  );
}

/** Kept below 2^53 so that differences stay exact. */
function trialRank(trial: number): number {
  return trial === FINAL ? Number.MAX_SAFE_INTEGER / 2 : trial;
}

/** One point of a learning curve. */
export const CurvePoint = z.strictObject({
  /** From 1. */
  epoch: z.int().min(1),
  /** Mean training loss over the epoch's batches, penalties excluded. */
  train: z.number(),
  /** Mean loss on the rows that may stop the training, if there are any. */
  held: z.number().optional(),
  /** With `train.probes`. */
  probes: ProbePoint.optional(),
  /** With `train.pretrain`, at the first epoch: what came before it. */
  pretraining: z.array(PretrainedLayer).optional(),
});
export type CurvePoint = z.infer<typeof CurvePoint>;

/**
 * What a training yields: one network's weights (float32, in the order of the model's parameters) and
 * its predictions per kind of row (float32 `[rows, outputs]`: probabilities per class, or values in
 * scaled target units; rows ascending), all as blobs, and its curve. Every field is determined by
 * the task's spec.
 */
export const TrainResult = z.strictObject({
  weights: BlobRef,
  /** Number of weights. */
  parameters: z.int().min(1),
  predictions: z.strictObject({
    oob: BlobRef.optional(),
    validation: BlobRef.optional(),
    test: BlobRef.optional(),
    train: BlobRef.optional(),
  }),
  curve: z.array(CurvePoint),
  /** Epoch (from 1) whose weights these are. */
  epoch: z.int().min(1),
  /** Whether early stopping ended the training before the last epoch. */
  stopped: z.boolean(),
  /** Weights, moments and curve to go on from, where the training has another part. */
  checkpoint: BlobRef.optional(),
});
export type TrainResult = z.infer<typeof TrainResult>;

/** What a call of the user's own objective yields. */
export const ObjectiveResult = z.strictObject({
  value: z.number(),
  /** Other numbers that it returned beside the value. */
  values: z.record(z.string(), z.number()).optional(),
  /** What it reported on the way; in parts, from the first on. */
  reported: z.array(z.strictObject({ step: z.int().min(1), value: z.number() })),
  /** What it saved last, where there may be another part. */
  checkpoint: BlobRef.optional(),
});
export type ObjectiveResult = z.infer<typeof ObjectiveResult>;

/** What a task yields; which of the two follows from its kind. */
export const TaskResult = z.union([TrainResult, ObjectiveResult]);
export type TaskResult = z.infer<typeof TaskResult>;

/** The blobs that a result names. */
export function blobsOf(result: TaskResult): BlobRef[] {
  const named = "weights" in result ? [result.weights, ...Object.values(result.predictions)] : [];
  return [...named, result.checkpoint].filter((ref) => ref !== undefined);
}
