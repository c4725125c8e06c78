import { z } from "zod";

/** Noise of a training, drawn anew in every step and absent from predictions. */
export const Noise = z
  .strictObject({
    inputs: z
      .number()
      .gt(0)
      .max(100)
      .optional()
      .describe("Deviation of normal noise on every scaled input (jitter)."),
    weights: z
      .number()
      .gt(0)
      .max(100)
      .optional()
      .describe("Deviation of normal noise on every weight; the gradient is taken there."),
    labels: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe(
        "Label smoothing: the class is learned as 1 - epsilon, each other one as epsilon / (K - 1).",
      ),
  })
  .describe("Noise on inputs, weights and outputs while training (regularisation).");
export type Noise = z.infer<typeof Noise>;
