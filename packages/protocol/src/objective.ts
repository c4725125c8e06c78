import { z } from "zod";

/** A penalty on activations, so that few units of each hidden layer are active at a time. */
export const Sparsity = z
  .strictObject({
    alpha: z.number().gt(0).max(1e6).default(0.001).describe("Strength of the penalty."),
    kind: z
      .enum(["l1", "kl"])
      .default("l1")
      .describe("l1: the absolute activations; kl: how far mean activations are from the target."),
    target: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.05)
      .describe("kl: the mean activation wanted of each (sigmoid) unit."),
  })
  .describe("Sparse representations: a penalty on the activations of hidden layers.");
export type Sparsity = z.infer<typeof Sparsity>;

/** Training on rows that were moved to where the loss is higher. */
export const Adversarial = z
  .strictObject({
    epsilon: z
      .number()
      .gt(0)
      .max(1)
      .default(0.01)
      .describe("How far each input moves, as a share of its range over the training rows."),
    weight: z
      .number()
      .min(0)
      .lt(1)
      .default(0.5)
      .describe("Weight of the loss on the rows as they are; the moved ones have the rest."),
  })
  .describe(
    "Adversarial training by the fast gradient sign (Goodfellow 2015), within the data's box.",
  );
export type Adversarial = z.infer<typeof Adversarial>;
