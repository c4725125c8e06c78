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
    trimmed: z
      .strictObject({
        fraction: z
          .number()
          .min(0)
          .lt(0.5)
          .default(0.1)
          .describe("Share of the members left out at each end."),
      })
      .describe("Mean per output without the highest and lowest members."),
    geometric: z
      .strictObject({})
      .describe("Geometric mean of probabilities, made to sum to 1 (log opinion pool)."),
    nnls: z
      .strictObject({})
      .describe("Weights that are not negative, of least squared out-of-bag error."),
    minimumVariance: z
      .strictObject({
        shrinkage: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .describe(
            "How far members' error products are drawn to their mean, 0 to 1; without it, estimated.",
          ),
        nonNegative: z.boolean().default(false).describe("Whether no weight may be below 0."),
      })
      .describe("Weights in proportion to the inverse of the out-of-bag error products."),
    greedy: z
      .strictObject({
        picks: z.int().min(1).max(1000).default(25).describe("Members picked at most."),
      })
      .describe(
        "Members picked one at a time, with replacement, by out-of-bag error (Caruana 2004).",
      ),
    stacking: z
      .strictObject({
        penalty: z
          .number()
          .gt(0)
          .default(1)
          .describe("Ridge on how members' coefficients differ; large means equal weights."),
      })
      .describe("Ridge (regression) or logistic regression on out-of-bag predictions."),
  },
  { bare: true, description: "How the members' predictions become one." },
);
export type Combiner = z.infer<typeof Combiner>;

/** How probabilities are corrected after combining. */
export const Calibrator = tagged(
  {
    temperature: z
      .strictObject({})
      .describe("One exponent for all probabilities, made to sum to 1 again (Guo 2017)."),
    isotonic: z
      .strictObject({})
      .describe("A rising step curve per class (Zadrozny and Elkan 2002); wants many rows."),
  },
  { bare: true, description: "How probabilities are corrected, fitted on out-of-bag rows." },
);
export type Calibrator = z.infer<typeof Calibrator>;

/** What a {@link Calibrator} was fitted to. */
export const Calibration = tagged({
  temperature: z.strictObject({
    /** Log probabilities are divided by it; above 1 it makes them less sure. */
    temperature: z.number().gt(0),
  }),
  isotonic: z.strictObject({
    /** Per class the corners of its curve, linear in between and level beyond. */
    curves: z
      .array(
        z.strictObject({ from: z.array(z.number()).min(1), to: z.array(z.number().gt(0)).min(1) }),
      )
      .min(1),
  }),
});
export type Calibration = z.infer<typeof Calibration>;

/** Which classes a conformal set takes in. */
export const SetScore = z.enum(["threshold", "adaptive"]);
export type SetScore = z.infer<typeof SetScore>;

/** How wide a conformal interval is at a row. */
export const IntervalScore = z.enum(["absolute", "normalised", "quantile"]);
export type IntervalScore = z.infer<typeof IntervalScore>;

/** What makes conformal intervals or sets. */
const RegionScore = z
  .enum([...IntervalScore.options, ...SetScore.options])
  .describe(
    "Values. absolute (the default): one width for all rows. normalised: widths in proportion to the predicted deviation. quantile: around quantiles of the members (as CQR, Romano 2019). Classes. threshold (the default): classes above one probability, the smallest sets. adaptive: the most probable classes up to one total (Romano 2020), fairer to hard rows.",
  );

/** Out-of-bag scores in rising order, so that any coverage can be asked for. */
const RegionScores = z.strictObject({
  /** Places of the values among all, from 1, ascending to the last; absent where all are kept. */
  ranks: z.array(z.int().min(1)).min(1).optional(),
  /** Per target column; one list for classes. */
  values: z.array(z.array(z.number()).min(1)).min(1),
});
export type RegionScores = z.infer<typeof RegionScores>;

/** What {@link EnsembleSpec}'s `conformal` was fitted to, on out-of-bag rows. */
export const Conformal = tagged({
  interval: z.strictObject({
    coverage: z.number().gt(0).lt(1),
    /** Out-of-bag rows behind it. */
    rows: z.int().min(1),
    score: IntervalScore.default("absolute"),
    /** Of `quantile`: the levels of the members' quantiles that the interval is around. */
    quantiles: z.tuple([z.number().min(0).max(1), z.number().min(0).max(1)]).optional(),
    /**
     * Half the width per target, target units; `normalised`: in predicted deviations; `quantile`:
     * what is added beyond the quantiles, below 0 where they are too wide.
     */
    radius: z.array(z.number()).min(1),
    /** Absent in artifacts that know one coverage alone. */
    scores: RegionScores.optional(),
  }),
  set: z.strictObject({
    coverage: z.number().gt(0).lt(1),
    rows: z.int().min(1),
    score: SetScore,
    /** Largest score of a class in the set. */
    limit: z.number(),
    scores: RegionScores.optional(),
  }),
});
export type Conformal = z.infer<typeof Conformal>;

/** When a growing bag has members enough. */
export const EnoughSpec = z.strictObject({
  tolerance: z
    .number()
    .gt(0)
    .max(10)
    .describe(
      "Gain still to be had from more members, (v - c) / k, that is not worth more of them, as a share of the floor c: 0.05 ends within 5 % of it.",
    ),
  step: z
    .int()
    .min(4)
    .max(10_000)
    .default(8)
    .describe("Members added at a time; after each step the gain is estimated anew."),
  confidence: z
    .number()
    .min(0.5)
    .lt(1)
    .default(0.9)
    .describe("How sure each estimate must be that the gain is below the tolerance."),
});
export type EnoughSpec = z.infer<typeof EnoughSpec>;

const Members = z.int().min(1).max(100_000).describe("Number of members (k).");
const Features = z
  .number()
  .gt(0)
  .max(1)
  .default(1)
  .describe("Share of the input columns each member sees (random subspaces).");

/** What {@link EnsembleSpec}'s `learningCurve` asks for. */
const LearningCurveSpec = z.strictObject({
  shares: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .max(10)
    .default([0.25, 0.5])
    .describe("Shares of the training rows; the whole is what the ensemble itself has."),
  subsets: z
    .int()
    .min(1)
    .max(20)
    .default(2)
    .describe("Random subsets per share; a larger share of one holds the smaller ones."),
  members: z.int().min(2).max(1000).default(8).describe("Members on each; at most the ensemble's."),
});

/** What members can be. */
const KINDS = ["bagging", "initOnly", "dropout", "snapshots", "fromSearch"] as const;

/** What an ensemble's members are. Exactly one of the kinds. */
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
    snapshots: z
      .strictObject({
        members: Members.default(5).describe("Snapshots of each training, as members."),
        networks: Members.default(1).describe("Trainings, each on all rows from its own start."),
      })
      .optional()
      .describe(
        "Members are one training's weights at the end of each cycle of a cosine that falls to 0 and starts again (Huang 2017): several for the cost of one.",
      ),
    stop: EnoughSpec.optional().describe(
      "Adds members in steps until more would gain too little, by out-of-bag estimates; the number of members is then the most there may be.",
    ),
    fromSearch: z
      .strictObject({
        choose: z
          .enum(["greedy", "minimumVariance", "top"])
          .default("greedy")
          .describe(
            "greedy: picked one at a time, with replacement, by the error of the picks' mean, averaged over random halves of the trials (Caruana 2004). minimumVariance: weights of least error by the trials' error products (shrunken; none below 0). top: the best trials, weighed equally.",
          ),
        size: z.int().min(1).max(1000).default(15).describe("Trials that are chosen, at most."),
        among: z
          .int()
          .min(1)
          .max(1000)
          .default(100)
          .describe("Only so many of the best trials are looked at."),
        refit: z
          .boolean()
          .default(false)
          .describe(
            "Chosen settings are trained anew on all training rows: one more training each. Needed with folds, whose networks see inputs scaled in their own ways.",
          ),
      })
      .optional()
      .describe(
        "Members are networks that the search has trained already, chosen by their predictions of its validation rows: nothing more is trained, unless refit.",
      ),
    combine: Combiner.default({ mean: {} }),
    calibrate: Calibrator.optional(),
    conformal: z
      .strictObject({
        coverage: z
          .number()
          .gt(0)
          .lt(1)
          .default(0.9)
          .describe("Share of new rows whose interval or set should hold the truth."),
        score: RegionScore.optional(),
      })
      .optional()
      .describe("Intervals or sets around predictions, from out-of-bag rows."),
    learningCurve: LearningCurveSpec.optional().describe(
      "Ensembles of a few members on shares of the training rows, to see what more rows bring.",
    ),
    allowFailed: z
      .number()
      .min(0)
      .lt(1)
      .default(0.1)
      .describe("Share of the members that may fail; above it the run fails."),
  })
  .meta({ exactlyOneOf: [...KINDS] })
  .superRefine((value, context) => {
    const given = KINDS.filter((kind) => value[kind] !== undefined);
    if (given.length === 1) return;
    const condition = `an object with exactly one of ${KINDS.join(", ")}`;
    context.addIssue({ code: "custom", message: `must be ${condition}`, params: { condition } });
  });
export type EnsembleSpec = z.infer<typeof EnsembleSpec>;
