import { z } from "zod";
import { Adversarial, Sparsity } from "./objective.ts";
import { Augment } from "./augment.ts";
import { Clip, Regularizer } from "./regularizer.ts";
import { Noise } from "./noise.ts";
import { Optimizer } from "./optimizer.ts";
import { Pretrain } from "./pretrain.ts";
import { Probes } from "./probes.ts";
import { Semi } from "./semi.ts";
import { MomentumSchedule, Schedule } from "./schedule.ts";
import { named } from "./tagged.ts";

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

const LOSS_NAMES = [
  "auto",
  "squaredError",
  "binaryCrossEntropy",
  "softmaxCrossEntropy",
  "absoluteError",
  "mixtureNll",
] as const;

const LOSS_OPTIONS = {
  huber: z
    .strictObject({
      delta: z
        .number()
        .gt(0)
        .max(1e6)
        .default(1)
        .describe("Error from which on it is linear, in scaled target units."),
    })
    .describe("Squared near 0, absolute beyond delta (Huber 1964)."),
  gaussianNll: z
    .strictObject({
      beta: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe(
          "Weights each row by its variance to this power: 0 is likelihood, 0.5 beta-NLL, 1 fits means as squared error does.",
        ),
    })
    .describe("Negative log likelihood of a gaussian output (beta: Seitzer 2022)."),
};

/** The loss of one of several targets, and how much it counts. */
const TargetLoss = z.strictObject({
  loss: named(LOSS_NAMES, LOSS_OPTIONS, { description: "This target's loss." }).default("auto"),
  weight: z.number().min(0).max(1e6).default(1).describe("What its loss is multiplied by."),
});

/** Loss minimised; `auto` follows from the output head by maximum likelihood. */
export const Loss = named(
  LOSS_NAMES,
  {
    ...LOSS_OPTIONS,
    perTarget: z
      .array(TargetLoss)
      .min(1)
      .max(1024)
      .describe(
        "Several targets on one trunk (multi-task): a loss and a weight for each, in the order of data.target; the sum is minimised.",
      ),
  },
  {
    description:
      "Loss minimised; auto: squared error, cross-entropy or negative log likelihood by output.",
  },
);
export type Loss = z.infer<typeof Loss>;

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
  probes: Probes.optional(),
});
export type TrainSpec = z.infer<typeof TrainSpec>;
