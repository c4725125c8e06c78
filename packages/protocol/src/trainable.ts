import { z } from "zod";

/** A function of the user's own to search over, instead of this program's networks. */
export const ObjectiveSpec = z
  .strictObject({
    module: z
      .string()
      .min(1)
      .max(1000)
      .describe(
        "A JavaScript module: a file relative to this one, or an installed package. A local run may load it since you run it; a worker needs --allow-module.",
      ),
    export: z
      .string()
      .min(1)
      .max(200)
      .default("default")
      .describe(
        "The function's name: (params, context) => value, or { value, ... }, or a promise.",
      ),
    steps: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(1)
      .describe(
        "context.budget: steps that a call may take and report; a scheduler's rungs are parts of them.",
      ),
    direction: z
      .enum(["minimise", "maximise"])
      .default("minimise")
      .describe("Which values are better."),
  })
  .describe(
    "Any trainable instead of a network: a function of the parameters, called in the same workers; model, train and ensemble are left out.",
  );
export type ObjectiveSpec = z.infer<typeof ObjectiveSpec>;
