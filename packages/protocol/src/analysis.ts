import { z } from "zod";
import { IntervalScore, SetScore } from "./ensemble.ts";

/** A value with a two-sided interval. */
export const Interval = z.strictObject({
  low: z.number(),
  high: z.number(),
  /** Nominal coverage, for example 0.95. */
  level: z.number(),
});
export type Interval = z.infer<typeof Interval>;

/** A point of the error curve over the number of members. */
export const ErrorCurvePoint = z.strictObject({
  k: z.int().min(1),
  /** Error of the first k members' mean, in member order. */
  measured: z.number(),
  /** v/k + (k-1)/k c. */
  law: z.number(),
  /** 5 % and 95 % of the error over random orders of the members. */
  low: z.number(),
  high: z.number(),
});
export type ErrorCurvePoint = z.infer<typeof ErrorCurvePoint>;

/** One member in the analysis. */
export const MemberError = z.strictObject({
  /** Member number, as in the task's key. */
  member: z.int().min(0),
  /** Mean squared error (regression) or Brier score (classification) of the member alone. */
  error: z.number(),
  /** Mean product of its errors with the other members' errors; null for a single member. */
  withOthers: z.number().nullable(),
  /** Classification only. */
  accuracy: z.number().optional(),
});
export type MemberError = z.infer<typeof MemberError>;

/**
 * Which rows errors were measured on. A run has `test` or `train`; of predictions from elsewhere
 * their maker may say, and where nothing is said they are `unknown`.
 */
export const ScoredRows = z.enum(["test", "train", "validation", "outOfBag", "unknown"]);
export type ScoredRows = z.infer<typeof ScoredRows>;

/**
 * Why the equal-weight mean beats its parts: E[(1/k sum e_i)^2] = v/k + (k-1)/k c (Goodfellow,
 * Bengio, Courville, *Deep Learning*, eq. 7.51), on the rows `on`.
 *
 * Regression: errors in original target units, several targets averaged. Classification: errors of
 * probabilities, summed over classes, so that v is the mean Brier score.
 */
export const ErrorAnalysis = z.strictObject({
  on: ScoredRows,
  unit: z.string(),
  rows: z.int().min(1),
  k: z.int().min(1),
  /** Mean squared member error, from each member alone. */
  v: z.number(),
  /** Mean product of two members' errors, from explicit pairs; null for one member. */
  c: z.number().nullable(),
  /** c / v. */
  rho: z.number().nullable(),
  /** Error of the averaged prediction, computed from it. */
  ensembleError: z.number(),
  /** v/k + (k-1)/k c. */
  predictedError: z.number(),
  /** ensembleError - predictedError; an identity, so rounding alone. */
  identityGap: z.number(),
  /** Intervals over rows: these members on new rows. */
  intervals: z.strictObject({
    v: Interval,
    c: Interval.nullable(),
    rho: Interval.nullable(),
    ensembleError: Interval,
    gain: Interval.nullable(),
    remaining: Interval.nullable().optional(),
  }),
  /**
   * Intervals over members and rows: the mean of each figure over all members that could be made
   * this way from the same training rows, on new rows. Null for fewer than three members.
   */
  newMembers: z
    .strictObject({
      v: Interval,
      c: Interval,
      rho: Interval.nullable(),
      ensembleError: Interval,
      gain: Interval,
      remaining: Interval,
    })
    .nullable()
    .optional(),
  /** (v - c)/k: what more and more members like these would still gain; null for one member. */
  remaining: z.number().nullable().optional(),
  /** v - ensembleError: what averaging gained (Krogh and Vedelsby's ambiguity). */
  ambiguity: z.strictObject({
    meanMemberError: z.number(),
    ambiguity: z.number(),
    /** ensembleError - (meanMemberError - ambiguity): rounding alone. */
    gap: z.number(),
  }),
  curve: z.array(ErrorCurvePoint),
  /** The limit of many members, c. */
  floor: z.number().nullable(),
  /** Members that bring the forecast within a tolerance (share of the floor) of the floor. */
  enough: z.array(
    z.strictObject({
      tolerance: z.number(),
      members: z.int().min(1).nullable(),
      interval: Interval.nullable(),
    }),
  ),
  members: z.array(MemberError),
  /** Index into `members`. */
  best: z.int().min(0),
  /** Pairwise correlation of errors `[k, k]`: raw (uncentred) and centred; null above 128 members. */
  correlation: z
    .strictObject({ raw: z.array(z.array(z.number())), centred: z.array(z.array(z.number())) })
    .nullable(),
  /** Sentences for people, each true of these numbers. */
  sentences: z.array(z.string()),
});
export type ErrorAnalysis = z.infer<typeof ErrorAnalysis>;

/** Errors of ensembles on parts of the training rows: what more rows bring. */
export const LearningCurve = z.strictObject({
  /** Members of each ensemble. */
  members: z.int().min(1),
  /** By rising number of training rows; the last is the whole of them. */
  points: z.array(
    z.strictObject({
      rows: z.int().min(1),
      /** Random subsets behind it; figures are their means. */
      subsets: z.int().min(1),
      v: z.number(),
      c: z.number().nullable(),
      error: z.number(),
    }),
  ),
  /** How much less the error is with more rows; these networks on new rows of the kind scored. */
  gains: z.array(
    z.strictObject({
      from: z.int(),
      to: z.int(),
      gain: z.number(),
      interval: Interval,
    }),
  ),
  /** error = floor + slope / rows by least squares, and what it says of twice the rows. */
  fit: z
    .strictObject({
      floor: z.number(),
      slope: z.number(),
      r2: z.number(),
      doubled: z.number(),
    })
    .nullable(),
  sentences: z.array(z.string()),
});
export type LearningCurve = z.infer<typeof LearningCurve>;

export const ClassificationMetrics = z.strictObject({
  accuracy: z.number(),
  /** Summed over classes, 0 to 2. */
  brier: z.number(),
  /** Mean negative log probability of the true class, nats. */
  nll: z.number(),
});
export type ClassificationMetrics = z.infer<typeof ClassificationMetrics>;

export const RegressionMetrics = z.strictObject({
  /** Original target units; several targets: root of the mean over targets. */
  rmse: z.number(),
  mae: z.number(),
  /**
   * Gaussian with the members' spread and the residual variance, nats per value; original units.
   * Where networks predict distributions: with the mean and variance of the members' mixture.
   */
  nll: z.number(),
  /** The exact mixture of the members' distributions, where networks predict any. */
  mixtureNll: z.number().optional(),
});
export type RegressionMetrics = z.infer<typeof RegressionMetrics>;

/** Scores of the configured combiner. */
export const Metrics = z.union([ClassificationMetrics, RegressionMetrics]);
export type Metrics = z.infer<typeof Metrics>;

/** How right and wrong answers of classifiers go together (Kuncheva and Whitaker 2003). */
export const Diversity = z.strictObject({
  /** Means over pairs of members, of pairs for which the figure is defined; null where none is. */
  pairwise: z.strictObject({
    /** Yule's Q: 1 where members are right on the same rows, 0 where independent. */
    q: z.number().nullable(),
    /** Correlation of being right. */
    phi: z.number().nullable(),
    /** Share of rows that one of the two has right and the other wrong. */
    disagreement: z.number(),
    /** Share of rows that both have wrong. */
    doubleFault: z.number(),
    /** Agreement beyond chance. */
    kappa: z.number().nullable(),
  }),
  /** Of all members at once. */
  group: z.strictObject({
    /** Kohavi-Wolpert variance, (k-1)/(2k) times the mean disagreement. */
    kwVariance: z.number(),
    interRaterKappa: z.number().nullable(),
    /** 0 where all agree on every row, 1 where each row halves them. */
    entropy: z.number(),
    /** Variance over rows of the share of members that are right. */
    difficulty: z.number(),
    /** 1 - P(two random members fail) / P(one fails); null where none ever fails. */
    generalisedDiversity: z.number().nullable(),
    /** 1 where rows are failed by one member at most, 0 where by all or none. */
    coincidentFailure: z.number(),
  }),
});
export type Diversity = z.infer<typeof Diversity>;

/** Rows of a histogram or of a reliability diagram that fall into a range. */
const Bin = z.strictObject({ low: z.number(), high: z.number(), rows: z.int().min(0) });

export const ReliabilityBin = Bin.extend({
  /** Mean probability of the most probable class, and the share of rows where it is the true one. */
  confidence: z.number(),
  accuracy: z.number(),
});
export type ReliabilityBin = z.infer<typeof ReliabilityBin>;

/** Whether probabilities mean what they say. */
export const ClassCalibration = z.strictObject({
  /** Expected calibration error of the most probable class, over 15 bins. */
  ece: z.strictObject({ equalWidth: z.number(), equalMass: z.number() }),
  /** Largest gap of a bin of equal width. */
  mce: z.number(),
  /** Bins of equal width that hold any row. */
  bins: z.array(ReliabilityBin),
  /** Brier score = reliability - resolution + uncertainty + what bins hide within them. */
  brier: z.strictObject({
    score: z.number(),
    reliability: z.number(),
    resolution: z.number(),
    uncertainty: z.number(),
    withinBins: z.number(),
  }),
});
export type ClassCalibration = z.infer<typeof ClassCalibration>;

/** A member's share of wrong answers, parted (Domingos 2000). */
export const ZeroOne = z.strictObject({
  /** Mean over members = bias + unbiasedVariance - biasedVariance. */
  memberError: z.number(),
  /** Share of rows that most members have wrong, all in the same way. */
  bias: z.number(),
  /** Share of members' answers that are not their majority's: on all rows, */
  variance: z.number(),
  /** where the majority is right, so that they cost, */
  unbiasedVariance: z.number(),
  /** and where it is wrong and the answer is right, so that they help. */
  biasedVariance: z.number(),
});
export type ZeroOne = z.infer<typeof ZeroOne>;

/** What is gained by not answering the rows that the ensemble is least sure of. */
export const Selective = z.strictObject({
  /** What ranks the rows: probability of the most probable class, or spread of the members. */
  by: z.enum(["probability", "spread"]),
  /** Share of wrong classes, or mean squared error, if every row is answered. */
  risk: z.number(),
  /** Mean risk over 1, 2, ..., all rows answered, the surest first. */
  aurc: z.number(),
  /** The same if rows were ranked by their error itself: the least there can be. */
  oracle: z.number(),
  /** Rows answered with `--abstain threshold`, and the risk among them. */
  points: z.array(z.strictObject({ share: z.number(), threshold: z.number(), risk: z.number() })),
});
export type Selective = z.infer<typeof Selective>;

/** How far a bag's mean would move with other training rows (infinitesimal jackknife). */
export const ResamplingVariance = z.strictObject({
  /** Members behind it, and the training rows that they were drawn from. */
  members: z.int().min(2),
  from: z.int().min(1),
  /** Mean over values of the variance = raw - correction; squared units of the prediction. */
  variance: z.number(),
  raw: z.number(),
  /** What a finite number of members adds to `raw` by chance. */
  correction: z.number(),
  /** Standard error of a single value's variance by that chance, its mean. */
  noise: z.number(),
  /** Share of values whose variance comes out at 0 or below: too few members to tell. */
  below: z.number(),
  /** Some of the values: deviation of the prediction over training sets, 0 where not told. */
  values: z.array(
    z.strictObject({
      row: z.int().min(0),
      prediction: z.number(),
      error: z.number(),
      /** Regression only. */
      truth: z.number().optional(),
    }),
  ),
});
export type ResamplingVariance = z.infer<typeof ResamplingVariance>;

/** Whether the predictive Gaussian is as wide as the residuals. */
export const GaussianCalibration = z.strictObject({
  /** Mean continuous ranked probability score, target units. */
  crps: z.number(),
  /** Values per tenth of the probability integral transform; level where calibrated. */
  pit: z.array(z.int().min(0)),
  /** Share of values within the central interval of a level. */
  coverage: z.array(z.strictObject({ level: z.number(), share: z.number() })),
});
export type GaussianCalibration = z.infer<typeof GaussianCalibration>;

/** How often intervals or sets held the truth, on rows that had no part in making them. */
export const ConformalScore = z.strictObject({
  /** `split`: what the artifact applies. `jackknife+ab`: needs every training row at prediction. */
  method: z.enum(["split", "jackknife+ab"]),
  /** Of `split`: what made the intervals or sets. */
  score: z.union([IntervalScore, SetScore]).optional(),
  /** Asked for. */
  coverage: z.number(),
  /** Share of values, or rows, found. */
  achieved: z.number(),
  /** Mean width in target units, or mean number of classes. */
  size: z.number(),
  /** Out-of-bag rows behind it, and values or rows that it was tried on. */
  from: z.int().min(1),
  on: z.int().min(1),
});
export type ConformalScore = z.infer<typeof ConformalScore>;

/**
 * What else the rows of the analysis say: of the members, but for `margins`, `hardest` and
 * `calibration`, which are of the configured combiner's prediction.
 */
export const Observatory = z.strictObject({
  /**
   * The law with each member's mean error taken off (Ueda and Nakano 1996, over rows): error =
   * bias2 + variance / k + (1 - 1/k) covariance. The bias is that of the mean of the members.
   */
  centred: z.strictObject({
    bias2: z.number(),
    variance: z.number(),
    covariance: z.number().nullable(),
    error: z.number(),
  }),
  /** Means over rows: entropies in nats, or variances in squared target units. */
  uncertainty: z.strictObject({
    total: z.number(),
    /** What the members say themselves. */
    aleatoric: z.number(),
    /** What their disagreement adds. */
    epistemic: z.number(),
  }),
  /** Rows of the largest error, the worst first; numbers as in the source. */
  hardest: z.array(
    z.strictObject({
      row: z.int().min(0),
      error: z.number(),
      /** Mean error of a member alone on this row. */
      memberError: z.number(),
    }),
  ),
  /** Classification only. */
  logLoss: z
    .strictObject({
      /** Mean negative log probability of a member alone, of the mean, of the geometric mean. */
      members: z.number(),
      mean: z.number(),
      geometric: z.number(),
      /** What averaging gains, never below 0 (Jensen). */
      jensenGap: z.number(),
      /** Mean divergence of the geometric mean from a member: what that one gains. */
      divergence: z.number(),
    })
    .nullable(),
  /** Classification: probability of the true class less the largest other one. */
  margins: z.array(Bin).nullable(),
  /** Classification with two members or more. */
  diversity: Diversity.nullable(),
  /** Classification only. */
  zeroOne: ZeroOne.nullable().optional(),
  /** Of the equal-weight mean of a bag of bootstraps; absent elsewhere. */
  jackknife: ResamplingVariance.nullable().optional(),
  /** Of the configured combiner; null where nothing ranks the rows. */
  selective: Selective.nullable().optional(),
  calibration: z.union([ClassCalibration, GaussianCalibration]),
  /** On test rows, where `ensemble.conformal` asks for it; empty if out-of-bag rows were too few. */
  conformal: z.array(ConformalScore).optional(),
  /** The same of what the artifact applies, for other coverages that may be asked of it. */
  conformalCurve: z.array(ConformalScore).optional(),
});
export type Observatory = z.infer<typeof Observatory>;
