import { z } from "zod";
import { tagged } from "./tagged.ts";

/** Activation functions of a layer's units. */
export const Activation = z
  .enum(["identity", "sigmoid", "tanh", "relu"])
  .describe("The function applied to each unit's net input.");
export type Activation = z.infer<typeof Activation>;

/** How weights are drawn before training (biases start at 0). */
export const Init = z
  .enum([
    "auto",
    "glorotUniform",
    "glorotNormal",
    "heUniform",
    "heNormal",
    "lecunUniform",
    "lecunNormal",
    "zeros",
  ])
  .describe(
    "How weights are drawn: Glorot for identity, sigmoid and tanh, He for ReLU, LeCun; auto picks by activation.",
  );
export type Init = z.infer<typeof Init>;

export const Units = z.int().min(1).max(65_536).describe("Number of units of the layer.");

const Dense = z.strictObject({
  units: Units,
  activation: Activation.default("identity"),
  init: Init.default("auto"),
  bias: z.boolean().default(true).describe("Whether each unit has a bias, started at 0."),
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
    }),
  )
  .meta({ bareNumber: "rate" });

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

/** What the last linear layer's values mean. */
export const OutputHead = z
  .enum(["auto", "linear", "sigmoid", "softmax"])
  .describe(
    "Meaning of the outputs: linear (regression), sigmoid (one unit for two classes), softmax (a unit per class).",
  );
export type OutputHead = z.infer<typeof OutputHead>;

/**
 * A feedforward network without its output layer: that one follows from the target, a dense layer
 * with one unit per target column (linear), one unit for two classes (sigmoid) or one per class
 * (softmax).
 */
export const ModelSpec = z.strictObject({
  layers: z
    .array(Layer)
    .max(256)
    .describe("Hidden layers from input to output; the output layer follows from the target."),
  output: OutputHead.default("auto"),
  init: Init.default("auto").describe("Default for all layers whose own init is auto."),
});
export type ModelSpec = z.infer<typeof ModelSpec>;
