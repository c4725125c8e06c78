import { z } from "zod";
import { tagged } from "./tagged.ts";

const Strength = z.number().min(0).max(1e6);

/** A penalty or constraint on weights; biases are exempt. */
export const Regularizer = tagged(
  {
    l2: Strength.describe("Adds alpha/2 times the sum of squared weights to the loss."),
    l1: Strength.describe("Adds alpha times the sum of absolute weights to the loss."),
    proximalL1: Strength.describe(
      "The same penalty by its proximal step: after each step weights shrink by rate times alpha, to 0 and not beyond. Gives true zeros; for sgd, momentum and nesterov.",
    ),
    elastic: z
      .strictObject({
        alpha: Strength.default(0.0001).describe("Strength of both penalties together."),
        ratio: z.number().min(0).max(1).default(0.5).describe("Share of L1; the rest is L2."),
      })
      .describe("alpha (ratio |w| + (1 - ratio) / 2 w^2), as in elastic nets."),
    maxNorm: z
      .number()
      .gt(0)
      .describe("Largest norm of a unit's incoming weights, kept after each step."),
    tie: z
      .strictObject({
        between: z.array(z.string().min(1)).min(2).max(64).meta({
          condition: "a list of at least two names, as layers.0",
          description:
            "Layers whose weights are drawn together (layers.0 is the first, repeats written out; output is the last), or parameters by their whole names (layers.0.dense.bias). All of one shape.",
        }),
        strength: Strength.default(0.01).describe(
          "Adds half of this times the sum of squared differences of each pair to the loss.",
        ),
      })
      .describe(
        "Soft tying: parameters that should be alike without being one (dense.share makes them one).",
      ),
  },
  {
    description:
      "A penalty on, or constraint of, the weights (never the biases, but for a tie that names them).",
  },
);
export type Regularizer = z.infer<typeof Regularizer>;

/** What becomes of a gradient that is too long; penalties' gradients are included. */
export const Clip = tagged(
  {
    norm: z.number().gt(0).describe("Largest norm of the whole gradient, which is scaled to it."),
    value: z.number().gt(0).describe("Largest absolute value of any component."),
  },
  { description: "Gradients that are too long are cut (Pascanu et al. 2013)." },
);
export type Clip = z.infer<typeof Clip>;
