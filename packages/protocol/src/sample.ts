import { z } from "zod";
import { tagged } from "./tagged.ts";

const Fraction = z.number().gt(0).max(1);

/** Which training rows (and inputs) a member trains on, drawn from its own key. */
export const SampleSpec = tagged(
  {
    all: z.strictObject({}).describe("Every training row: members differ by initialisation alone."),
    bootstrap: z
      .strictObject({
        fraction: z
          .number()
          .gt(0)
          .max(10)
          .default(1)
          .describe("Rows drawn with replacement, as a share of the training rows."),
      })
      .describe("Rows drawn with replacement (Breiman 1996)."),
    subsample: z
      .strictObject({ fraction: Fraction.default(0.632).describe("Share of the training rows.") })
      .describe("Rows drawn without replacement (pasting)."),
  },
  { bare: true, description: "The rows a member trains on." },
);
export type SampleSpec = z.infer<typeof SampleSpec>;

/** A draw: rows by {@link SampleSpec} and a share of the inputs (random subspaces, Ho 1998). */
export const DrawSpec = z.strictObject({
  sample: SampleSpec,
  features: Fraction.default(1).describe("Share of the input columns, drawn without replacement."),
});
export type DrawSpec = z.infer<typeof DrawSpec>;
