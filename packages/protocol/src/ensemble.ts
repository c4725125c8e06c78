import { z } from "zod";
import { SampleSpec } from "./sample.ts";
import { tagged } from "./tagged.ts";

/** How the members' predictions become one. */
export const Combiner = tagged(
  {
    mean: z.strictObject({}).describe("Equal-weight mean of probabilities or values (soft vote)."),
    median: z.strictObject({}).describe("Median per output; probabilities are made to sum to 1."),
    vote: z.strictObject({}).describe("Share of members whose most probable class it is."),
    weighted: z
      .strictObject({
        weights: z
          .array(z.number().min(0))
          .min(1)
          .optional()
          .describe("One weight per member; without it, inverse out-of-bag error."),
      })
      .describe("Weighted mean; weights are made to sum to 1."),
  },
  { bare: true, description: "How the members' predictions become one." },
);
export type Combiner = z.infer<typeof Combiner>;

const Members = z.int().min(1).max(100_000).describe("Number of members (k).");
const Features = z
  .number()
  .gt(0)
  .max(1)
  .default(1)
  .describe("Share of the input columns each member sees (random subspaces).");

/** What an ensemble's members are. Exactly one of the three kinds. */
export const EnsembleSpec = z
  .strictObject({
    bagging: z
      .strictObject({
        members: Members.default(10),
        sample: SampleSpec.default({ bootstrap: { fraction: 1 } }),
        features: Features,
      })
      .optional()
      .describe("Each member trains on rows drawn for it."),
    initOnly: z
      .strictObject({ members: Members.default(10) })
      .optional()
      .describe("Members differ by initialisation and batch order alone."),
    dropout: z
      .strictObject({
        networks: Members.default(1).describe("Dropout networks trained, each on all rows."),
        masks: Members.default(32).describe("Thinned networks sampled from each, as members (T)."),
      })
      .optional()
      .describe("Members are thinned networks of one or more dropout networks."),
    combine: Combiner.default({ mean: {} }),
    allowFailed: z
      .number()
      .min(0)
      .lt(1)
      .default(0.1)
      .describe("Share of the members that may fail; above it the run fails."),
  })
  .meta({ exactlyOneOf: ["bagging", "initOnly", "dropout"] })
  .superRefine((value, context) => {
    const given = [value.bagging, value.initOnly, value.dropout].filter(
      (kind) => kind !== undefined,
    );
    if (given.length === 1) return;
    const condition = "an object with exactly one of bagging, initOnly, dropout";
    context.addIssue({ code: "custom", message: `must be ${condition}`, params: { condition } });
  });
export type EnsembleSpec = z.infer<typeof EnsembleSpec>;
