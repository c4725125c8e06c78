import { z } from "zod";
import { Clip, Regularizer } from "./regularizer.ts";
import { Noise } from "./noise.ts";
import { MomentumSchedule, Schedule } from "./schedule.ts";
import { tagged } from "./tagged.ts";

const LearningRate = z.number().gt(0).max(1000).describe("Step size (learning rate).");
const Decay = z.number().min(0).lt(1);
const Epsilon = z.number().gt(0);

/** The update rules; formulas and sources in `@manyfold/core`, `optimizers`. */
export const Optimizer = tagged(
  {
    sgd: z.strictObject({ lr: LearningRate.default(0.01) }),
    momentum: z.strictObject({
      lr: LearningRate.default(0.01),
      momentum: Decay.default(0.9).describe("Share of the last step that is kept."),
    }),
    nesterov: z.strictObject({
      lr: LearningRate.default(0.01),
      momentum: Decay.default(0.9).describe("Share of the last step that is kept."),
    }),
    adagrad: z.strictObject({
      lr: LearningRate.default(0.01),
      epsilon: Epsilon.default(1e-7).describe("Added to the root of the summed squares."),
    }),
    rmsprop: z.strictObject({
      lr: LearningRate.default(0.001),
      decay: Decay.default(0.9).describe("Decay of the mean of squared gradients."),
      epsilon: Epsilon.default(1e-6).describe("Added under the root."),
    }),
    adam: z.strictObject({
      lr: LearningRate.default(0.001),
      beta1: Decay.default(0.9).describe("Decay of the mean gradient."),
      beta2: Decay.default(0.999).describe("Decay of the mean squared gradient."),
      epsilon: Epsilon.default(1e-8).describe("Added to the root."),
    }),
    adamw: z.strictObject({
      lr: LearningRate.default(0.001),
      beta1: Decay.default(0.9).describe("Decay of the mean gradient."),
      beta2: Decay.default(0.999).describe("Decay of the mean squared gradient."),
      epsilon: Epsilon.default(1e-8).describe("Added to the root."),
      weightDecay: z.number().min(0).default(0.01).describe("Decoupled decay, scaled by the rate."),
    }),
  },
  { bare: true, description: "The update rule." },
);
export type Optimizer = z.infer<typeof Optimizer>;

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
});
export type EarlyStopping = z.infer<typeof EarlyStopping>;

/** Loss minimised; `auto` follows from the output head by maximum likelihood. */
export const Loss = z
  .enum(["auto", "squaredError", "binaryCrossEntropy", "softmaxCrossEntropy"])
  .describe("Loss minimised; auto: squared error, binary or softmax cross-entropy by output.");
export type Loss = z.infer<typeof Loss>;

/** How one network is trained. */
export const TrainSpec = z.strictObject({
  epochs: z.int().min(1).max(1_000_000).default(30).describe("Passes over the member's rows."),
  batch: z.int().min(1).max(65_536).default(64).describe("Rows per gradient step."),
  optimizer: Optimizer.default({ adam: { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } }),
  schedule: Schedule.default({ constant: {} }),
  regularizers: z.array(Regularizer).max(8).default([]),
  loss: Loss.default("auto"),
  momentumSchedule: MomentumSchedule.optional(),
  clip: Clip.optional(),
  noise: Noise.optional(),
  horizon: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      "Epochs that schedules are laid out for, if other than those trained: a training that ends early still follows its first part.",
    ),
  earlyStopping: EarlyStopping.optional(),
});
export type TrainSpec = z.infer<typeof TrainSpec>;
