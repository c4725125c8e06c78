import { z } from "zod";
import { Optimizer } from "./optimizer.ts";

/** Hidden layers learn from inputs alone, one after the other, before the training proper. */
export const Pretrain = z
  .strictObject({
    epochs: z.int().min(1).max(1_000_000).default(10).describe("Passes over the rows, per layer."),
    batch: z.int().min(1).max(65_536).default(64).describe("Rows per gradient step."),
    corrupt: z
      .number()
      .min(0)
      .lt(1)
      .default(0.2)
      .describe("Probability that an input is hidden from the layer that has to restore it."),
    optimizer: Optimizer.default({ adam: { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } }),
  })
  .describe(
    "Greedy layerwise pre-training: each hidden layer first learns to restore its own inputs as a denoising autoencoder (Vincent 2008); then all layers are trained together.",
  );
export type Pretrain = z.infer<typeof Pretrain>;

/** How well a hidden layer learned to restore its inputs. */
export const PretrainedLayer = z.strictObject({
  /** Of the dense layer. */
  name: z.string(),
  /** Per epoch the mean over rows of half the squared distance between inputs and restored ones. */
  losses: z.array(z.number()),
});
export type PretrainedLayer = z.infer<typeof PretrainedLayer>;
