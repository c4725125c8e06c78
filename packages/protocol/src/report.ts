import { z } from "zod";
import { ErrorAnalysis, LearningCurve, Metrics, Observatory } from "./analysis.ts";
import { FittedTarget, Preprocessing } from "./data.ts";
import { Experiment } from "./experiment.ts";
import { FailureCode } from "./failure.ts";
import { Hash } from "./hash.ts";
import { Params, ParamValue, StopReason } from "./search.ts";
import { CurvePoint, TaskKey, Variant } from "./task.ts";
import { Weighing } from "./weighing.ts";

/** One setting that a search tried. */
export const TrialRow = z.strictObject({
  trial: z.int().min(0),
  params: Params,
  /** The metric over its cells; null if any cell failed. */
  value: z.number().nullable(),
  /** Standard error of the value over rows, folds and repeats. */
  standardError: z.number().nullable(),
  /** Mean of the metric over fresh folds, for a leading trial that was assessed again. */
  confirmed: z.number().nullable().optional(),
  state: z.enum(["waiting", "running", "completed", "failed"]),
  /** Epochs that its networks were trained for, all together. */
  epochs: z.int().min(0).optional(),
  /** With a scheduler: what it was worth after so many epochs, at each look. */
  rungs: z
    .array(
      z.strictObject({
        epochs: z.int().min(1),
        value: z.number().nullable(),
        standardError: z.number().nullable(),
      }),
    )
    .optional(),
});
export type TrialRow = z.infer<typeof TrialRow>;

/** A parameter's share of what sets a search's best trials apart; all shares sum to 1. */
const ParameterImportance = z.strictObject({
  name: z.string(),
  share: z.number(),
  /** Where the share lies in 90 of 100 resamples of the trials. */
  low: z.number(),
  high: z.number(),
});

/** The best trial's value without the luck that made it the best. */
export const CorrectedValue = z.strictObject({
  /**
   * `fresh`: on folds that had no part in the choice; `crossed`: on each fold the value of the trial
   * that the other folds chose; `shrunken`: drawn towards the median trial by the share of noise.
   */
  method: z.enum(["fresh", "crossed", "shrunken"]),
  value: z.number(),
  /** Ends of an interval of 95 %; null where nothing says how wide it is. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Settings that it was chosen among, and cells that the value is the mean of. */
  among: z.int().min(1),
  cells: z.int().min(1),
});
export type CorrectedValue = z.infer<typeof CorrectedValue>;

/** Trials of a part of a parameter's range, or of one of its values. */
const SliceBin = z.strictObject({
  /** The range, or the value twice. */
  from: ParamValue,
  to: ParamValue,
  trials: z.int().min(1),
  best: z.number(),
  median: z.number(),
});

/** A parameter's range in cells of equal width on its own scale. */
const SurfaceAxis = z.strictObject({
  name: z.string(),
  /** Ends of the cells, one more than there are cells; of a list, its values, one per cell. */
  edges: z.array(z.number()).optional(),
  values: z.array(ParamValue).optional(),
});

/** What the trials of a search show together. */
export const SearchInsight = z.strictObject({
  /** Trials that were better than all before them. */
  progress: z.array(z.strictObject({ trial: z.int().min(0), value: z.number() })),
  /** Values that so large a share of the trials reaches or beats, from the best to the worst. */
  distribution: z.array(z.strictObject({ share: z.number(), value: z.number() })),
  /** The values over each parameter by itself. */
  slices: z.array(z.strictObject({ name: z.string(), bins: z.array(SliceBin) })),
  /**
   * The value over the two most important parameters: means of near trials, weighted by nearness;
   * null where none is near. `cells[row][column]`, rows along `y`.
   */
  surface: z
    .strictObject({
      x: SurfaceAxis,
      y: SurfaceAxis,
      cells: z.array(z.array(z.number().nullable())),
      /** Values beyond this one count as this one, so that a few bad ones do not hide the others. */
      limit: z.number(),
    })
    .nullable(),
});
export type SearchInsight = z.infer<typeof SearchInsight>;

/** An ensemble of networks that the search trained; see `ensemble.fromSearch`. */
export const SearchEnsemble = z.strictObject({
  choose: z.string(),
  /** Trials that were looked at. */
  among: z.int().min(1),
  /** Of the chosen trials, by number. */
  members: z.array(z.strictObject({ trial: z.int().min(0), weight: z.number() })),
  /** The ensemble beside the best trial alone. */
  validation: z
    .strictObject({ ensemble: Metrics, best: Metrics })
    .describe("On the rows that chose both: it assesses neither."),
  test: z.strictObject({ ensemble: Metrics, best: Metrics }).nullable(),
});
export type SearchEnsemble = z.infer<typeof SearchEnsemble>;

export const SearchResult = z.strictObject({
  sampler: z.string(),
  metric: z.string(),
  direction: z.enum(["minimise", "maximise"]),
  best: z.strictObject({ trial: z.int().min(0), params: Params, value: z.number() }).nullable(),
  corrected: CorrectedValue.optional(),
  /** The budget that ended it before its trials were used up. */
  stopped: StopReason.optional(),
  /** Where decisions saw the results that happened to be there. */
  order: z.literal("free").optional(),
  trials: z.array(TrialRow),
  /** The run that it goes on from, and how many of its trials. */
  earlier: z.strictObject({ run: z.string(), hash: Hash, trials: z.int().min(1) }).optional(),
  ensemble: SearchEnsemble.optional(),
  /** With an objective: the best setting's value on the test rows, from all training rows. */
  test: z
    .strictObject({ value: z.number(), values: z.record(z.string(), z.number()).optional() })
    .optional(),
  /**
   * What sets the best trials apart (PED-ANOVA), the most important parameter first; left out where
   * too few trials have values.
   */
  importance: z.array(ParameterImportance).optional(),
  insight: SearchInsight.optional(),
});
export type SearchResult = z.infer<typeof SearchResult>;

/** A member (or trial's task) as it ended. */
export const MemberRow = z.strictObject({
  member: z.int().min(0),
  task: Hash,
  state: z.enum(["completed", "failed"]),
  /** Epoch whose weights were kept. */
  epoch: z.int().optional(),
  curve: z.array(CurvePoint).optional(),
  failure: z
    .strictObject({
      code: FailureCode,
      message: z.string(),
      epoch: z.int().optional(),
      layer: z.string().optional(),
      op: z.string().optional(),
    })
    .optional(),
});
export type MemberRow = z.infer<typeof MemberRow>;

/** Out-of-bag coverage: every training row is scored by the members that did not see it. */
export const OutOfBag = z.strictObject({
  metrics: Metrics,
  rows: z.int().min(1),
  /** Row numbers of the source that every member saw: they have no out-of-bag prediction. */
  uncovered: z.array(z.int().min(0)),
  /** Mean number of members per scored row. */
  membersPerRow: z.number(),
  /** True where out-of-bag rows took part in a decision; such a score assesses nothing. */
  biased: z.boolean(),
});
export type OutOfBag = z.infer<typeof OutOfBag>;

const Errors = z.strictObject({
  /** Mean training loss over the rows. */
  loss: z.number(),
  /** Share of rows of a wrong class; null for a regression. */
  error: z.number().nullable(),
});

/** With adversarial training: networks on scored rows that an attack on each of them has moved. */
export const Robustness = z.strictObject({
  on: z.enum(["test", "train"]),
  rows: z.int().min(1),
  /** As `train.adversarial.epsilon`. */
  epsilon: z.number(),
  /** Steps of projected gradient ascent. */
  steps: z.int().min(1),
  clean: Errors,
  moved: Errors,
});
export type Robustness = z.infer<typeof Robustness>;

/** A further target of the model, scored on the analysed rows: the equal-weight mean of all members. */
export const HeadScore = z.strictObject({
  target: z.string(),
  task: z.enum(["classification", "regression"]),
  on: z.enum(["test", "train"]),
  metrics: Metrics,
  /** The members' own scores, their mean. */
  member: Metrics,
});
export type HeadScore = z.infer<typeof HeadScore>;

/** What the experiment determined: equal for every executor, worker count and history of crashes. */
export const RunResult = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  experiment: Experiment,
  variant: Variant,
  ledger: Hash,
  data: z.strictObject({
    source: z.strictObject({ name: z.string(), hash: Hash, rows: z.int() }),
    rows: z.strictObject({ train: z.int(), test: z.int() }),
    preprocessing: Preprocessing,
    notes: z.array(z.string()),
  }),
  members: z.array(MemberRow),
  /** With `ensemble.stop`: each look at the growing bag, and how it ended, in a sentence. */
  growth: z.strictObject({ looks: z.array(Weighing), ended: z.string() }).optional(),
  metrics: z.strictObject({ test: Metrics.nullable(), oob: Metrics.nullable() }),
  oob: OutOfBag.nullable(),
  /** Scores of members alone and other combiners on the test rows, for the comparison table. */
  comparison: z.array(z.strictObject({ name: z.string(), metrics: Metrics })),
  analysis: ErrorAnalysis.nullable(),
  /** What else the analysed rows say; absent where there is no analysis. */
  observatory: Observatory.optional(),
  /** What more training rows bring, where `ensemble.learningCurve` asks for it. */
  learningCurve: LearningCurve.optional(),
  robustness: Robustness.optional(),
  /** Of `model.heads`, in their order. */
  heads: z.array(HeadScore).optional(),
  /** Classification: `[true class, predicted class]` counts on the analysed rows. */
  confusion: z.array(z.array(z.int())).nullable(),
  /** Regression: predicted value, residual and spread per analysed row, original units. */
  residuals: z
    .array(z.strictObject({ predicted: z.number(), residual: z.number(), spread: z.number() }))
    .nullable(),
  search: SearchResult.nullable(),
});
export type RunResult = z.infer<typeof RunResult>;

/** An attempt at a task: where and when. */
const Span = z.strictObject({
  key: TaskKey,
  attempt: z.int().min(1),
  worker: z.string(),
  /** Seconds since the run began. */
  from: z.number(),
  to: z.number(),
  /** Why it failed, if it did. */
  failure: FailureCode.optional(),
  /** Copies of it that other workers were given; the first to finish is the `worker`. */
  copies: z.int().min(1).optional(),
});
export type Span = z.infer<typeof Span>;

/** `manyfold analyze`: predictions of members that were trained anywhere. */
export const AnalysisDocument = z.strictObject({
  version: z.literal(1),
  source: z.strictObject({ name: z.string(), rows: z.int().min(1) }),
  /** Classes or value columns; scale and offset are 1 and 0, since predictions come as they are. */
  target: FittedTarget,
  /** Columns of the table that hold each member's predictions, in the order of member numbers. */
  members: z.array(z.string()),
  notes: z.array(z.string()),
  /** Of the equal-weight mean. */
  metrics: Metrics,
  comparison: RunResult.shape.comparison,
  analysis: ErrorAnalysis,
  observatory: Observatory,
  confusion: RunResult.shape.confusion,
  residuals: RunResult.shape.residuals,
});
export type AnalysisDocument = z.infer<typeof AnalysisDocument>;

/** Who did it, when, on what, how often. */
export const Execution = z.strictObject({
  runId: z.string(),
  executor: z.string(),
  variant: Variant,
  workers: z.array(z.strictObject({ id: z.string(), host: z.string(), tasks: z.int() })),
  attempts: z.int(),
  lost: z.int(),
  /** Attempts that took too long and were given to a second worker too; absent before there were any. */
  copies: z.int().min(0).optional(),
  /** ISO 8601. */
  started: z.string(),
  finished: z.string(),
  seconds: z.strictObject({
    total: z.number(),
    /** Sum over tasks. */
    train: z.number(),
  }),
  reproducible: z.boolean(),
  /** Why not, one line each. */
  reasons: z.array(z.string()),
  /** Every attempt, in the order in which they ended. */
  timeline: z.array(Span).optional(),
  manyfold: z.string(),
  node: z.string(),
});
export type Execution = z.infer<typeof Execution>;

/** `report.json`. */
export const ReportDocument = z.strictObject({ result: RunResult, execution: Execution });
export type ReportDocument = z.infer<typeof ReportDocument>;

const PROFILED = ["gemm", "elementwise", "loss", "optimizer", "gather", "rest", "waiting"] as const;

/** Where the time of the slots went: `manyfold run --profile`. */
export const RunProfile = z.strictObject({
  /** Of all slots together. `rest` is what tasks do besides steps, `waiting` is without a task. */
  seconds: z.record(z.enum(PROFILED), z.number()),
  /** The same as shares; they sum to 1. */
  shares: z.record(z.enum(PROFILED), z.number()),
  /** Seconds in which records were made durable, beside the slots, and their share of the session. */
  journal: z.strictObject({ seconds: z.number(), share: z.number() }),
  /** Billions of operations a second within products, a slot; null where none was computed. */
  gigaflops: z.number().nullable(),
  /** The most that one thread could reach, measured at the end; null for `js`. */
  peak: z.number().nullable(),
});
export type RunProfile = z.infer<typeof RunProfile>;

const AnalysisSummary = ErrorAnalysis.pick({
  on: true,
  rows: true,
  k: true,
  v: true,
  c: true,
  rho: true,
  ensembleError: true,
  predictedError: true,
  identityGap: true,
});

export const RunStatus = z.enum(["done", "partial", "interrupted", "error"]);
export type RunStatus = z.infer<typeof RunStatus>;

/** What `manyfold run --json` prints. */
export const RunDocument = z.strictObject({
  runId: z.string(),
  runDir: z.string(),
  artifact: z.string().nullable(),
  status: RunStatus,
  reproducible: z.boolean(),
  tasks: z.strictObject({ total: z.int(), completed: z.int(), failed: z.int() }),
  metrics: z.strictObject({ test: Metrics.nullable(), oob: Metrics.nullable() }),
  heads: z.array(HeadScore).optional(),
  analysis: AnalysisSummary.nullable(),
  ledger: Hash,
  execution: Execution.pick({
    variant: true,
    workers: true,
    attempts: true,
    lost: true,
    copies: true,
  }).extend({
    profile: RunProfile.optional(),
  }),
  seconds: z.strictObject({ total: z.number(), train: z.number() }),
  best: SearchResult.shape.best.optional(),
  corrected: CorrectedValue.optional(),
  trials: z.array(TrialRow).optional(),
  /** Present with status `error`. */
  error: z.strictObject({ code: z.string(), message: z.string(), path: z.string() }).optional(),
});
export type RunDocument = z.infer<typeof RunDocument>;
