import { z } from "zod";
import { tagged } from "./tagged.ts";

const Fraction = z.number().gt(0).max(1);

const Copies = z.number().gt(0).max(10).default(1);

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
    stratified: z
      .strictObject({
        fraction: Copies.describe("Rows drawn of each class, as a share of the class's rows."),
      })
      .describe("A bootstrap within each class: every member sees each class as often as it is."),
    bayesian: z
      .strictObject({})
      .describe(
        "Every row, each counting by a weight from Dirichlet(1, ..., 1) (Rubin 1981). No row is out of bag.",
      ),
    folds: z
      .strictObject({
        k: z.int().min(2).max(1000).default(10).describe("Parts; each member leaves one out."),
      })
      .describe(
        "All rows but one of k parts, by class where there are classes; k members leave each row out once, further ones part the rows anew.",
      ),
    grouped: z
      .strictObject({
        fraction: Copies.describe("Groups drawn with replacement, as a share of the groups."),
      })
      .describe("Whole groups of data.split.group drawn with replacement; none is torn."),
    ordered: z
      .strictObject({
        least: z
          .number()
          .gt(0)
          .lt(1)
          .default(0.5)
          .describe("Share of the rows that every member sees at least."),
      })
      .describe(
        "The first rows of the source, whose order is that of time, up to a moment of the member's own; later rows are out of bag.",
      ),
  },
  { bare: true, description: "The rows a member trains on." },
);
export type SampleSpec = z.infer<typeof SampleSpec>;

/** A draw: rows by {@link SampleSpec} and a share of the inputs (random subspaces, Ho 1998). */
export const DrawSpec = z.strictObject({
  sample: SampleSpec,
  features: Fraction.default(1).describe("Share of the input columns, drawn without replacement."),
  /**
   * Of a learning curve: the share of the training rows that is drawn from, and which of its subsets;
   * all members of one have the same, and a larger share of one subset holds the smaller ones.
   */
  within: z.strictObject({ share: z.number().gt(0).lt(1), subset: z.int().min(0) }).optional(),
});
export type DrawSpec = z.infer<typeof DrawSpec>;
