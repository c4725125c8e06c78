import { z } from "zod";
import { DatasetRef, Preprocessing } from "./data.ts";
import { Experiment } from "./experiment.ts";
import { Failure } from "./failure.ts";
import { Weighing } from "./weighing.ts";
import { Hash } from "./hash.ts";
import { Params, StopReason } from "./search.ts";
import { BlobRef, TaskKey, TaskResult, Variant } from "./task.ts";

/** The rows of one stage, prepared once: the final table, or one fold of a search. */
export const PreparedTable = z.strictObject({ table: DatasetRef, preprocessing: Preprocessing });
export type PreparedTable = z.infer<typeof PreparedTable>;

/** Where a run's data came from, and what was made of it. */
export const PreparedData = z.strictObject({
  source: z.strictObject({ name: z.string(), hash: Hash, rows: z.int().min(1) }),
  /** All training rows (role `train`) and test rows (role `test`). */
  final: PreparedTable,
  /** Training rows only, as role `train` and `validation`, fitted anew on each fold's `train` rows. */
  folds: z.array(PreparedTable),
  /** The same once more, otherwise split: what `search.confirm` assesses leading trials on. */
  fresh: z.array(PreparedTable).optional(),
  /** Lines for people: constant columns, imputed values, ignored columns. */
  notes: z.array(z.string()),
});
export type PreparedData = z.infer<typeof PreparedData>;

/** All tables of a run: without them no task of it can be done. */
export function tablesOf({ final, folds, fresh = [] }: PreparedData): PreparedTable[] {
  return [final, ...folds, ...fresh];
}

/** Copies of an attempt that other workers were given; they are no attempts. */
const copies = z.int().min(1).optional();

/** One line of a run's history. The state is the fold over these, and nothing else. */
export const JournalRecord = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("created"),
    version: z.literal(1),
    run: z.string(),
    experiment: Experiment,
    variant: Variant,
    data: PreparedData,
    /** The configuration as the user wrote it. */
    config: BlobRef.optional(),
    /** Folder that the source is relative to, on the machine that began the run. */
    folder: z.string().optional(),
    /** With an objective: its module's file. */
    module: Hash.optional(),
    /** Milliseconds since 1970, for people; decides nothing. */
    time: z.number(),
    manyfold: z.string(),
  }),
  /** The run was asked to go further: more members or trials. */
  z.strictObject({
    type: z.literal("grown"),
    members: z.int().min(1).optional(),
    trials: z.int().min(1).optional(),
    time: z.number(),
  }),
  z.strictObject({
    type: z.literal("completed"),
    task: Hash,
    /** The place in the order of results that it was started for; for readers, it decides nothing. */
    key: TaskKey.optional(),
    attempt: z.int().min(1),
    worker: z.string(),
    result: TaskResult,
    seconds: z.number(),
    copies,
    time: z.number(),
  }),
  z.strictObject({
    type: z.literal("failed"),
    task: Hash,
    key: TaskKey.optional(),
    attempt: z.int().min(1),
    worker: z.string(),
    failure: Failure,
    seconds: z.number(),
    copies,
    time: z.number(),
  }),
  /** All cells of a trial have ended, and this is what they say of it. */
  z.strictObject({
    type: z.literal("assessed"),
    trial: z.int().min(0),
    /** The rung that it has come to, where a scheduler has it trained in parts. */
    rung: z.int().min(0).optional(),
    /** Mean of the metric over the trial's cells; null if one of them failed. */
    value: z.number().nullable(),
    standardError: z.number().nullable(),
    /** The metric per fold and repeat, in task order. */
    cells: z.array(z.number().nullable()),
    /** Epoch whose weights were kept, median over the cells' networks. */
    epoch: z.int().min(1).nullable(),
    /** The trial's setting; for readers, since it follows from what came before. */
    params: Params.optional(),
    time: z.number(),
  }),
  /** A leading trial was assessed again, on fresh folds: the metric on each. */
  z.strictObject({
    type: z.literal("confirmed"),
    trial: z.int().min(0),
    cells: z.array(z.number().nullable()),
    time: z.number(),
  }),
  /** A growing bag had so many members, and this is what more of them would gain. */
  z.strictObject({ type: z.literal("weighed"), ...Weighing.shape, time: z.number() }),
  /** With `ensemble.fromSearch.refit`: the trials whose settings are trained anew, as members. */
  z.strictObject({
    type: z.literal("chosen"),
    among: z.int().min(1),
    members: z.array(z.strictObject({ trial: z.int().min(0), weight: z.number() })),
    time: z.number(),
  }),
  /** In free order: so many decisions were made, each having seen the first so many results. */
  z.strictObject({
    type: z.literal("decided"),
    seen: z.int().min(0),
    count: z.int().min(1),
    time: z.number(),
  }),
  /** A budget ended the search; so many cells, from the first, still belong to it. */
  z.strictObject({
    type: z.literal("stopped"),
    by: StopReason,
    cells: z.int().min(0),
    time: z.number(),
  }),
  /** A session of the coordinator began (a resume) or was asked to stop. */
  z.strictObject({ type: z.literal("resumed"), time: z.number() }),
  z.strictObject({ type: z.literal("interrupted"), time: z.number() }),
  /** Nothing is left to do; the report and the artifact were written. */
  z.strictObject({
    type: z.literal("finished"),
    status: z.enum(["done", "partial", "error"]),
    ledger: Hash,
    /** Hash of the artifact's manifest, null where there is none. */
    artifact: Hash.nullable(),
    time: z.number(),
  }),
]);
export type JournalRecord = z.infer<typeof JournalRecord>;
