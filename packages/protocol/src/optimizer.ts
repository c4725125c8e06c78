import { z } from "zod";
import { tagged } from "./tagged.ts";

const LearningRate = z.number().gt(0).max(1000).describe("Step size (learning rate).");
const Decay = z.number().min(0).lt(1);
const Epsilon = z.number().gt(0);
const Tolerance = z
  .number()
  .min(0)
  .default(1e-6)
  .describe("Training ends where no component of the gradient exceeds it.");

const EpsilonHat = z
  .boolean()
  .optional()
  .describe("Adds epsilon to the root before its bias is corrected, as Keras and scikit-learn do.");

const FIRST_ORDER = {
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
    epsilonUnderRoot: z
      .boolean()
      .optional()
      .describe("Adds epsilon under the root, as Keras and TensorFlow.js do."),
    initial: z.number().min(0).optional().describe("First sum of squares; default 0."),
  }),
  rmsprop: z.strictObject({
    lr: LearningRate.default(0.001),
    decay: Decay.default(0.9).describe("Decay of the mean of squared gradients."),
    epsilon: Epsilon.default(1e-6).describe("Added under the root."),
    epsilonOutside: z
      .boolean()
      .optional()
      .describe("Adds epsilon to the root instead, as PyTorch does."),
  }),
  adam: z.strictObject({
    lr: LearningRate.default(0.001),
    beta1: Decay.default(0.9).describe("Decay of the mean gradient."),
    beta2: Decay.default(0.999).describe("Decay of the mean squared gradient."),
    epsilon: Epsilon.default(1e-8).describe("Added to the root."),
    epsilonHat: EpsilonHat,
  }),
  adamw: z.strictObject({
    lr: LearningRate.default(0.001),
    beta1: Decay.default(0.9).describe("Decay of the mean gradient."),
    beta2: Decay.default(0.999).describe("Decay of the mean squared gradient."),
    epsilon: Epsilon.default(1e-8).describe("Added to the root."),
    epsilonHat: EpsilonHat,
    weightDecay: z.number().min(0).default(0.01).describe("Decoupled decay, scaled by the rate."),
  }),
};

const SECOND_ORDER = {
  newton: z
    .strictObject({
      damping: z
        .number()
        .min(0)
        .default(0.001)
        .describe("First lambda of H + lambda I; 0 is the bare step, which also goes to saddles."),
      tolerance: Tolerance,
    })
    .describe("Newton's method with the whole Hessian, for some hundred weights; batch: all."),
  newtonCg: z
    .strictObject({
      damping: z.number().min(0).default(0.001).describe("First lambda of H + lambda I."),
      products: z.int().min(1).default(100).describe("Hessian-vector products per step."),
      tolerance: Tolerance,
    })
    .describe("Newton's steps solved by conjugate gradients on exact products; batch: all."),
  cg: z
    .strictObject({
      beta: z
        .enum(["polakRibiere", "fletcherReeves"])
        .default("polakRibiere")
        .describe("How the last direction is weighted: Polak-Ribiere+ or Fletcher-Reeves."),
      tolerance: Tolerance,
    })
    .describe("Nonlinear conjugate gradients; batch: all."),
  bfgs: z
    .strictObject({ tolerance: Tolerance })
    .describe("Quasi-Newton with the inverse Hessian as a matrix; batch: all."),
  lbfgs: z
    .strictObject({
      memory: z.int().min(1).max(1000).default(10).describe("Pairs that are kept."),
      tolerance: Tolerance,
    })
    .describe("Quasi-Newton with limited memory, for any size; batch: all."),
};

/**
 * The defaults of other libraries, checked against their sources: PyTorch 1.13 (`torch.optim`), Keras
 * 3 (`keras.optimizers`), scikit-learn 1.2 (`MLPClassifier`), TensorFlow.js 4.22 (`tf.train`, its
 * layers' defaults of the rate). One name each, written out when a configuration is read.
 */
const PRESETS = {
  "torch-sgd": { sgd: { lr: 0.001 } },
  "torch-adagrad": { adagrad: { lr: 0.01, epsilon: 1e-10 } },
  "torch-rmsprop": { rmsprop: { lr: 0.01, decay: 0.99, epsilon: 1e-8, epsilonOutside: true } },
  "torch-adam": { adam: { lr: 0.001, epsilon: 1e-8 } },
  "torch-adamw": { adamw: { lr: 0.001, epsilon: 1e-8, weightDecay: 0.01 } },
  "keras-sgd": { sgd: { lr: 0.01 } },
  "keras-adagrad": { adagrad: { lr: 0.001, epsilon: 1e-7, epsilonUnderRoot: true, initial: 0.1 } },
  "keras-rmsprop": { rmsprop: { lr: 0.001, decay: 0.9, epsilon: 1e-7 } },
  "keras-adam": { adam: { lr: 0.001, epsilon: 1e-7, epsilonHat: true } },
  "keras-adamw": { adamw: { lr: 0.001, epsilon: 1e-7, epsilonHat: true, weightDecay: 0.004 } },
  "sklearn-sgd": { nesterov: { lr: 0.001, momentum: 0.9 } },
  "sklearn-adam": { adam: { lr: 0.001, epsilon: 1e-8, epsilonHat: true } },
  "tfjs-sgd": { sgd: { lr: 0.01 } },
  "tfjs-adagrad": { adagrad: { lr: 0.01, epsilon: 1e-7, epsilonUnderRoot: true, initial: 0.1 } },
  "tfjs-rmsprop": { rmsprop: { lr: 0.001, decay: 0.9, epsilon: 1e-7 } },
  "tfjs-adam": { adam: { lr: 0.001, epsilon: 1e-7 } },
};

/** The methods that see all rows in every step, with line searches in place of a learning rate. */
export const SecondOrder = tagged(SECOND_ORDER);
export type SecondOrder = z.infer<typeof SecondOrder>;

/** The update rules; formulas and sources in `@manyfold/core`, `optimizers` and `minimise`. */
export const Optimizer = tagged(
  { ...FIRST_ORDER, ...SECOND_ORDER },
  {
    bare: true,
    description: "The update rule.",
    presets: PRESETS,
  },
);
export type Optimizer = z.infer<typeof Optimizer>;

/** The rules that step after each batch. */
export type FirstOrder = Exclude<Optimizer, SecondOrder>;

/** Whether a rule needs all rows in every step. */
export function isSecondOrder(optimizer: Optimizer): optimizer is SecondOrder {
  return Object.keys(SECOND_ORDER).some((name) => name in optimizer);
}
