import { z } from "zod";

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
 * Why the equal-weight mean beats its parts: E[(1/k sum e_i)^2] = v/k + (k-1)/k c (Goodfellow,
 * Bengio, Courville, *Deep Learning*, eq. 7.51), on the rows `on`.
 *
 * Regression: errors in original target units, several targets averaged. Classification: errors of
 * probabilities, summed over classes, so that v is the mean Brier score.
 */
export const ErrorAnalysis = z.strictObject({
  on: z.enum(["test", "train"]),
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
  }),
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
  /** Gaussian with the members' spread and the residual variance, nats per value; original units. */
  nll: z.number(),
});
export type RegressionMetrics = z.infer<typeof RegressionMetrics>;

/** Scores of the configured combiner. */
export const Metrics = z.union([ClassificationMetrics, RegressionMetrics]);
export type Metrics = z.infer<typeof Metrics>;
