import { z } from "zod";
import { LossWeight, OwnLoss } from "./loss.ts";
import { named, tagged } from "./tagged.ts";

/** Activation functions of a layer's units; formulas and sources in `@manyfold/core`. */
export const Activation = named(
  [
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "hardTanh",
    "abs",
    "rbf",
  ],
  {
    leakyRelu: z.strictObject({
      slope: z.number().min(0).max(1).default(0.01).describe("Slope below 0."),
    }),
    prelu: z.strictObject({
      slope: z
        .number()
        .min(0)
        .max(1)
        .default(0.25)
        .describe("Slope below 0 to start from; each unit learns its own."),
    }),
    elu: z.strictObject({
      alpha: z.number().gt(0).max(10).default(1).describe("What it falls to below 0, negated."),
    }),
    maxout: z.strictObject({
      pieces: z
        .int()
        .min(2)
        .max(64)
        .default(2)
        .describe("Linear pieces of which each unit takes the largest."),
    }),
  },
  { description: "The function applied to each unit's net input." },
);
export type Activation = z.infer<typeof Activation>;

/** How weights are drawn before training (biases start at 0). */
export const Init = named(
  [
    "auto",
    "glorotUniform",
    "glorotNormal",
    "heUniform",
    "heNormal",
    "lecunUniform",
    "lecunNormal",
    "zeros",
  ],
  {
    orthogonal: z.strictObject({
      gain: z
        .number()
        .gt(0)
        .max(100)
        .default(1)
        .describe("What the orthogonal matrix is multiplied by."),
    }),
    uniform: z.strictObject({
      limit: z.number().gt(0).max(100).default(0.05).describe("Largest absolute weight."),
    }),
    normal: z.strictObject({
      deviation: z.number().gt(0).max(100).default(0.01).describe("Standard deviation."),
    }),
    constant: z.strictObject({
      value: z
        .number()
        .min(-100)
        .max(100)
        .describe("Every weight: nothing breaks the symmetry of units."),
    }),
  },
  {
    description:
      "How weights are drawn: Glorot for identity, sigmoid and tanh, He for ReLU and its kin, LeCun for SELU; auto picks by activation.",
  },
);
export type Init = z.infer<typeof Init>;

export const Units = z.int().min(1).max(65_536).describe("Number of units of the layer.");

/** `share: layers.0` is short for `share: { layer: layers.0 }`. */
const Share = z
  .preprocess(
    (value) => (typeof value === "string" ? { layer: value } : value),
    z.strictObject({
      layer: z.string().meta({
        condition: "the name of an earlier dense layer, as layers.0",
        description: "Its name: layers.0 is the first, repeats written out.",
      }),
      transpose: z
        .boolean()
        .default(false)
        .describe("Whether rows and columns change places, as in a decoder."),
    }),
  )
  .meta({ bareKey: "layer" });

const Dense = z.strictObject({
  units: Units,
  activation: Activation.default("identity"),
  init: Init.default("auto"),
  bias: z.boolean().default(true).describe("Whether each unit has a bias, started at 0."),
  share: Share.optional().describe(
    "An earlier dense layer whose weights this one uses as its own (biases stay its own).",
  ),
});

/** A probability of dropping a unit; `0.5` is short for `{ rate: 0.5 }`. */
const Dropout = z
  .preprocess(
    (value) => (typeof value === "number" ? { rate: value } : value),
    z.strictObject({
      rate: z
        .number()
        .min(0)
        .lt(1)
        .describe("Probability that a unit is left out of a training step (inverted dropout)."),
      noise: z
        .enum(["bernoulli", "gaussian"])
        .optional()
        .describe(
          "bernoulli (default): units are left out. gaussian: each is multiplied by a normal number of mean 1 and of the same variance, rate / (1 - rate) (Srivastava 2014, section 10).",
        ),
    }),
  )
  .meta({ bareKey: "rate" });

const SimpleLayer = tagged(
  { dense: Dense, dropout: Dropout, activation: Activation },
  { description: "One layer." },
);

const Repeat = z.strictObject({
  times: z.int().min(0).max(256).describe("How often the layer is repeated; a search may vary it."),
  layer: SimpleLayer,
});

/** One layer: `dense`, `dropout`, `activation`, or `repeat` of one of these. */
export const Layer = tagged(
  { dense: Dense, dropout: Dropout, activation: Activation, repeat: Repeat },
  { description: "One layer: dense, dropout, activation, or a repeated layer." },
);
export type Layer = z.infer<typeof Layer>;

const MinVariance = z
  .number()
  .min(0)
  .max(1)
  .default(1e-6)
  .describe("Smallest variance, in units of the scaled target: variance = softplus + this.");

/** What the last linear layer's values mean. */
export const OutputHead = named(
  ["auto", "linear", "sigmoid", "softmax"],
  {
    gaussian: z
      .strictObject({ minVariance: MinVariance })
      .describe("Regression: a mean and a variance per target (Nix and Weigend 1994)."),
    mixture: z
      .strictObject({
        components: z.int().min(1).max(64).default(3).describe("Gaussians per target."),
        minVariance: MinVariance,
      })
      .describe("Regression: a mixture of Gaussians per target (Bishop 1994)."),
  },
  {
    description:
      "Meaning of the outputs: linear (regression), sigmoid (one unit for two classes), softmax (a unit per class), gaussian or mixture (a distribution per target).",
  },
);
export type OutputHead = z.infer<typeof OutputHead>;

/**
 * A further target that a network learns beside `data.target`, by a head of its own on the last
 * hidden layer: hard parameter sharing (Caruana 1997; Goodfellow, Bengio, Courville 2016, section 7.7).
 */
export const SideHead = z.strictObject({
  target: z.string().min(1).meta({
    condition: "a column name",
    description: "Column that it predicts; no input then.",
  }),
  task: z
    .enum(["classification", "regression"])
    .describe("classification: a class per row; regression: a number per row."),
  output: OutputHead.default("auto"),
  loss: OwnLoss.default("auto"),
  weight: LossWeight,
});
export type SideHead = z.infer<typeof SideHead>;

/**
 * A feedforward network without its output layer: that one follows from the target, a dense layer
 * with one unit per target column (linear; more where a distribution is predicted), one unit for two
 * classes (sigmoid) or one per class (softmax).
 */
export const ModelSpec = z.strictObject({
  layers: z
    .array(Layer)
    .max(256)
    .describe("Hidden layers from input to output; the output layer follows from the target."),
  output: OutputHead.default("auto"),
  init: Init.default("auto").describe("Default for all layers whose own init is auto."),
  heads: z
    .array(SideHead)
    .min(1)
    .max(64)
    .optional()
    .describe(
      "Further targets learned on the same hidden layers, of any kind; data.target is what is combined, searched for and analysed.",
    ),
});
export type ModelSpec = z.infer<typeof ModelSpec>;
