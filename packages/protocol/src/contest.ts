import { z } from "zod";
import { Hash } from "./hash.ts";
import { Variant } from "./task.ts";

/** What `manyfold compare` sets against each other, in this order. */
export const ContestantName = z.enum(["net", "dropout", "masks", "bag", "initOnly", "dropoutBag"]);
export type ContestantName = z.infer<typeof ContestantName>;

/** One contestant with one seed: what its run found out on the test rows. */
export const ContestRow = z.strictObject({
  contestant: ContestantName,
  seed: z.int().min(0),
  /** Of experiment, source and variant: a row is used again only where all are the same. */
  id: Hash,
  /** Members averaged, and networks trained for them. */
  k: z.int().min(1),
  networks: z.int().min(1),
  v: z.number(),
  /** Null for one member. */
  c: z.number().nullable(),
  /** Of the averaged prediction: Brier score, or mean squared error. */
  error: z.number(),
  /** Accuracy, or root mean squared error. */
  score: z.number(),
  nll: z.number(),
  /** Expected calibration error, or continuous ranked probability score. */
  calibration: z.number(),
  /** Seconds of training, summed over slots. */
  seconds: z.number(),
  ledger: Hash,
});
export type ContestRow = z.infer<typeof ContestRow>;

/** A mean over seeds, with its 95 % interval (Student's t); no interval from one seed. */
export const SeedMean = z.strictObject({
  mean: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});
export type SeedMean = z.infer<typeof SeedMean>;

/** A contestant over all seeds. */
export const Contestant = z.strictObject({
  name: ContestantName,
  label: z.string(),
  k: z.int().min(1),
  networks: z.int().min(1),
  v: SeedMean,
  c: SeedMean.nullable(),
  error: SeedMean,
  score: SeedMean,
  nll: SeedMean,
  calibration: SeedMean,
  seconds: SeedMean,
});
export type Contestant = z.infer<typeof Contestant>;

/** `contest.json`, and what `manyfold compare --json` prints. */
export const Contest = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  task: z.enum(["classification", "regression"]),
  /** Of v, c and the error. */
  unit: z.string(),
  variant: Variant,
  seeds: z.array(z.int().min(0)).min(1),
  contestants: z.array(Contestant),
  /** Error of the first less that of the second, seed by seed. */
  differences: z.array(
    z.strictObject({ first: ContestantName, second: ContestantName, difference: SeedMean }),
  ),
  /** Sentences for people, each true of these numbers. */
  sentences: z.array(z.string()),
  rows: z.array(ContestRow),
});
export type Contest = z.infer<typeof Contest>;
