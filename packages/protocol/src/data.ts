import { z } from "zod";
import { Hash } from "./hash.ts";

/** What the values of a source column are. */
export const ColumnKind = z
  .enum(["numeric", "categorical", "boolean", "ignore"])
  .describe("numeric; categorical (one input per value seen in training); boolean; ignore.");
export type ColumnKind = z.infer<typeof ColumnKind>;

/** How numeric inputs are scaled; fitted on training rows. */
export const Scaling = z
  .enum(["standard", "minmax", "none"])
  .describe("standard: mean 0, deviation 1; minmax: 0 to 1; a constant column becomes 0.");
export type Scaling = z.infer<typeof Scaling>;

/** Which rows are held out to be scored once, at the end. */
export const SplitSpec = z.strictObject({
  test: z.number().gt(0).lt(1).describe("Share of the rows held out for the final score."),
  stratify: z
    .boolean()
    .default(false)
    .describe("Keep each class's share equal in both parts (classification)."),
  group: z.string().optional().describe("Column whose equal values stay on one side."),
});
export type SplitSpec = z.infer<typeof SplitSpec>;

/** Where the rows come from, and what they mean. */
export const DataSpec = z.strictObject({
  source: z.string().min(1).meta({
    condition: "the name of a file",
    description: "A CSV file, relative to this configuration.",
  }),
  target: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).meta({
    condition: "a column name, or a list of column names",
    description: "Column to predict; several for multi-output regression.",
  }),
  task: z
    .enum(["classification", "regression"])
    .describe("classification: a class per row; regression: one or several numbers per row."),
  columns: z
    .record(z.string(), ColumnKind)
    .default({})
    .describe("Kinds of columns whose inferred kind is not wanted."),
  split: SplitSpec.optional().describe("Without it nothing is held out: no test score."),
  scale: Scaling.default("standard"),
  missing: z
    .enum(["impute", "error"])
    .default("impute")
    .describe(
      "Missing values: the training mean (or most frequent value) and an indicator input, or an error.",
    ),
  unlabelled: z
    .enum(["error", "keep"])
    .optional()
    .describe(
      "Rows without a target: an error (default), or kept, never scored, for train.semi and train.pretrain.",
    ),
});
export type DataSpec = z.infer<typeof DataSpec>;

/** One input column as fitted on training rows: everything needed to turn text into numbers. */
export const FittedColumn = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("numeric"),
    name: z.string(),
    /** x is mapped to (x - offset) * factor; factor 0 for a constant column. */
    offset: z.number(),
    factor: z.number(),
    /** Value put in for a missing one, before scaling. */
    impute: z.number(),
    /** Whether an input that says "was missing" follows. */
    indicator: z.boolean(),
    /** Smallest and largest training value, for forms and warnings. */
    min: z.number(),
    max: z.number(),
  }),
  z.strictObject({
    kind: z.literal("boolean"),
    name: z.string(),
    impute: z.boolean(),
    indicator: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal("categorical"),
    name: z.string(),
    /** One input per level; a value not seen in training sets none of them. */
    levels: z.array(z.string()),
    impute: z.string(),
    indicator: z.boolean(),
  }),
]);
export type FittedColumn = z.infer<typeof FittedColumn>;

/** The target as fitted on training rows. */
export const FittedTarget = z.discriminatedUnion("task", [
  z.strictObject({
    task: z.literal("classification"),
    column: z.string(),
    /** Labels in class order; integers in numeric order, texts by code unit. */
    classes: z.array(z.string()).min(2),
  }),
  z.strictObject({
    task: z.literal("regression"),
    columns: z
      .array(
        z.strictObject({
          name: z.string(),
          /** Networks learn (y - offset) / scale; predictions are given back in original units. */
          offset: z.number(),
          scale: z.number(),
        }),
      )
      .min(1),
  }),
]);
export type FittedTarget = z.infer<typeof FittedTarget>;

/** Preprocessing fitted on training rows; stored in the artifact. */
export const Preprocessing = z.strictObject({
  inputs: z.array(FittedColumn).min(1),
  target: FittedTarget,
  /** The targets of `model.heads`, in their order. */
  heads: z.array(FittedTarget).optional(),
  /** Number of network inputs after encoding. */
  width: z.int().min(1),
});
export type Preprocessing = z.infer<typeof Preprocessing>;

/**
 * What a row of a table is for. A draw takes rows of role `train`, and where a training learns from
 * inputs alone, of role `unlabelled`: these have no target, and are never scored.
 */
export const Role = z.enum(["train", "validation", "test", "unlabelled"]);
export type Role = z.infer<typeof Role>;

/**
 * A prepared table by the hash of its content: float32 inputs `[rows, inputs]`, float32 targets
 * `[rows, targets]` (a class index, or scaled target values), roles and row numbers. Workers see
 * nothing else of the data.
 */
export const DatasetRef = z.strictObject({
  hash: Hash,
  bytes: z.int().min(0),
  rows: z.int().min(1),
  inputs: z.int().min(1),
  targets: z.int().min(1),
  /** Number of classes; 0 for regression. */
  classes: z.int().min(0),
  /** Classes of each target of `model.heads`, 0 for a regression; a float32 per row and head. */
  heads: z.array(z.int().min(0)).optional(),
});
export type DatasetRef = z.infer<typeof DatasetRef>;
