import { z } from "zod";
import { tagged } from "./tagged.ts";

const Weight = z.number().gt(0).max(100).default(1);

/** What a classification learns from rows without a target. */
export const Semi = tagged(
  {
    pseudoLabels: z
      .strictObject({
        threshold: z
          .number()
          .min(0)
          .lt(1)
          .default(0.95)
          .describe("Smallest probability at which a predicted class is taken for the row's own."),
        weight: Weight.describe("Weight of such a row; a labelled one has 1."),
        warmUp: z
          .number()
          .min(0)
          .max(1)
          .default(0.3)
          .describe("Share of the epochs over which the weight rises from 0."),
      })
      .describe("Classes that the network itself is sure of, found anew each epoch (Lee 2013)."),
    vat: z
      .strictObject({
        epsilon: z
          .number()
          .gt(0)
          .max(1000)
          .default(0.3)
          .describe("How far each row is moved, in scaled inputs (Euclidean)."),
        weight: Weight.describe("Weight of the divergence between predictions here and there."),
      })
      .describe(
        "Virtual adversarial training: predictions must not change where they would most (Miyato 2018).",
      ),
  },
  { bare: true, description: "Learning from rows without a target too (data.unlabelled: keep)." },
);
export type Semi = z.infer<typeof Semi>;
