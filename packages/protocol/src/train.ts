import { z } from "zod";
import { Adversarial, Sparsity } from "./objective.ts";
import { Augment } from "./augment.ts";
import { Clip, Regularizer } from "./regularizer.ts";
import { Loss } from "./loss.ts";
import { Noise } from "./noise.ts";
import { Optimizer } from "./optimizer.ts";
import { Pretrain } from "./pretrain.ts";
import { Probes } from "./probes.ts";
import { Semi } from "./semi.ts";
import { MomentumSchedule, Schedule } from "./schedule.ts";

/** Stops a training when held-out loss no longer falls, and restores the best weights. */
export const EarlyStopping = z.strictObject({
  on: z
    .enum(["holdout", "oob"])
    .default("holdout")
    .describe(
      "Rows that decide: a share of the training rows held out, or the member's out-of-bag rows (whose scores are then marked biased).",
    ),
  fraction: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .describe("Share of the training rows held out (with on: holdout)."),
  patience: z.int().min(1).default(10).describe("Epochs without improvement before stopping."),
  minDelta: z.number().min(0).default(0).describe("Smallest fall of the loss that counts."),
  finish: z
    .enum(["best", "retrain", "continue"])
    .optional()
    .describe(
      "best (default): the weights of the best epoch. retrain: trained anew on all rows for as many epochs. continue: trained on from there on all rows, until the held-out loss is down to the training loss at the best epoch.",
    ),
});
export type EarlyStopping = z.infer<typeof EarlyStopping>;

/** The mean of a training's weights along its way. */
export const WeightAverage = z
  .strictObject({
    from: z
      .number()
      .min(0)
      .lt(1)
      .default(0.75)
      .describe("Share of the epochs after which averaging begins."),
    every: z.int().min(1).max(1_000_000).default(1).describe("Epochs from one point to the next."),
  })
  .describe(
    "The network is the mean of its weights after each of the last epochs, and not the last ones (stochastic weight averaging, Izmailov 2018).",
  );
export type WeightAverage = z.infer<typeof WeightAverage>;

/** How one network is trained. */
export const TrainSpec = z.strictObject({
  epochs: z.int().min(1).max(1_000_000).default(30).describe("Passes over the member's rows."),
  batch: z
    .union([z.int().min(1).max(65_536), z.literal("all")])
    .meta({ condition: "a whole number from 1 to 65536, or all" })
    .default(64)
    .describe("Rows per gradient step; all of them in one for batch: all."),
  optimizer: Optimizer.default({ adam: { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } }),
  schedule: Schedule.default({ constant: {} }),
  regularizers: z.array(Regularizer).max(8).default([]),
  loss: Loss.default("auto"),
  momentumSchedule: MomentumSchedule.optional(),
  clip: Clip.optional(),
  noise: Noise.optional(),
  augment: Augment.optional(),
  sparsity: Sparsity.optional(),
  adversarial: Adversarial.optional(),
  pretrain: Pretrain.optional(),
  semi: Semi.optional(),
  horizon: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      "Epochs that schedules are laid out for, if other than those trained: a training that ends early still follows its first part.",
    ),
  earlyStopping: EarlyStopping.optional(),
  average: WeightAverage.optional(),
  probes: Probes.optional(),
});
export type TrainSpec = z.infer<typeof TrainSpec>;
