import { z } from "zod";
import { tagged } from "./tagged.ts";

const Scalar = z.union([z.string(), z.number(), z.boolean()]);
const Range = z.tuple([z.number(), z.number()]).meta({ condition: "[low, high], two numbers" });

const Scale = z.enum(["linear", "log", "logit"]);
const Steps = z.int().min(2).max(10_000);

interface Numeric {
  scale?: z.infer<typeof Scale> | undefined;
  steps?: number | undefined;
  step?: number | undefined;
}
/** Where a parameter counts: the others' values that it needs, all of them. */
export type When = Record<string, ParamValue | ParamValue[] | Bounds>;
interface Bounds {
  min?: number | undefined;
  max?: number | undefined;
}
/** The values a parameter can take; both ends of a range are included. */
export type Domain = (
  | ({ float: [number, number] } & Numeric)
  | ({ int: [number, number] } & Numeric)
  | { categorical: ParamValue[]; ordered?: boolean | undefined }
  | { boolean: true }
  | { constant: ParamValue }
) & { when?: When | undefined };

const WhenObject = z
  .record(
    z.string().min(1),
    z.union([
      Scalar,
      z.array(Scalar).min(1),
      z.strictObject({ min: z.number().optional(), max: z.number().optional() }),
    ]),
  )
  .describe(
    "The parameter counts only where others have these values: { name: value }, { name: [values] } or { name: { min, max } }; all must hold. Where one of them does not count itself, neither does this.",
  );

const DomainObject = z
  .strictObject({
    float: Range.optional(),
    int: Range.optional(),
    categorical: z.array(Scalar).min(1).optional(),
    boolean: z.literal(true).optional().describe("false or true."),
    constant: Scalar.optional().describe("One value, where a condition asks for it."),
    ordered: z
      .boolean()
      .optional()
      .describe("The listed values are in order: samplers that learn take neighbours for alike."),
    scale: Scale.optional().describe(
      "How values are spread over the range; default linear. log for what matters by factors, logit for shares near 0 and 1.",
    ),
    step: z
      .number()
      .gt(0)
      .optional()
      .describe("Distance of the values from the low end on: [0, 1] with step 0.25 has five."),
    steps: Steps.optional().describe("Number of grid points over the range (grid search only)."),
    when: WhenObject.optional(),
  })
  .meta({
    description:
      "float: [low, high], int: [low, high] (both ends included), categorical: [values], boolean: true or constant: value.",
    exactlyOneOf: ["float", "int", "categorical", "boolean", "constant"],
  })
  .superRefine((value, context) => {
    const complain = (condition: string, path: string[]) =>
      context.addIssue({
        code: "custom",
        message: `must be ${condition}`,
        path,
        params: { condition },
      });
    const kinds = [value.float, value.int, value.categorical, value.boolean, value.constant];
    if (kinds.filter((kind) => kind !== undefined).length !== 1) {
      complain("an object with exactly one of float, int, categorical, boolean, constant", []);
      return;
    }
    for (const name of ["float", "int"] as const) {
      const range = value[name];
      if (range === undefined) continue;
      if (range[0] >= range[1]) complain("[low, high] with low < high", [name]);
      if (value.scale === "log" && range[0] <= 0) complain("above 0 for scale: log", [name]);
      if (value.scale === "logit" && name === "float" && !(range[0] > 0 && range[1] < 1)) {
        complain("above 0 and below 1 for scale: logit", [name]);
      }
      if (value.scale === "logit" && name === "int") complain("linear or log", ["scale"]);
      if (name === "int" && !range.every(Number.isInteger)) complain("two whole numbers", [name]);
    }
    const { step } = value;
    const range = value.float ?? value.int;
    if (!range) {
      for (const key of ["scale", "steps", "step"] as const) {
        if (value[key] !== undefined) complain("left out where there is no range", [key]);
      }
      if (value.ordered !== undefined && !value.categorical) {
        complain("left out but for listed values", ["ordered"]);
      }
    } else if (value.ordered !== undefined) complain("left out for a range", ["ordered"]);
    else if (step !== undefined) {
      if ((value.scale ?? "linear") !== "linear") {
        complain("left out where the scale is not linear", ["step"]);
      } else if (value.int && !Number.isInteger(step)) complain("a whole number", ["step"]);
      else if (step > (range[1] - range[0]) * (1 + 1e-9))
        complain("at most the length of the range", ["step"]);
      if (value.steps !== undefined) complain("left out beside step", ["steps"]);
    }
  });
// The refinement above is what makes the narrower static type true.
export const Domain = DomainObject as z.ZodType as z.ZodType<Domain, Domain>;

/** A parameter's value in a trial. */
export const ParamValue = Scalar;
export type ParamValue = z.infer<typeof ParamValue>;

/** A trial's setting, by the names of the space. */
export const Params = z.record(z.string(), ParamValue);
export type Params = z.infer<typeof Params>;

/** Names are paths into the experiment: `train.optimizer.adam.lr`, `model.layers.0.dense.units`. */
export const Space = z.record(z.string().min(1), Domain);
export type Space = z.infer<typeof Space>;

const Scramble = z
  .boolean()
  .default(true)
  .describe("Randomised by the seed; without it trial 0 is the lower corner of the space.");

export const Sampler = tagged(
  {
    grid: z.strictObject({}).describe("Every combination, in mixed radix of the trial number."),
    random: z.strictObject({}).describe("Independent draws (Bergstra and Bengio 2012)."),
    sobol: z
      .strictObject({ scramble: Scramble })
      .describe("Sobol's sequence with Joe and Kuo's directions: evenly spread settings."),
    halton: z
      .strictObject({ scramble: Scramble })
      .describe("Halton's sequence: evenly spread settings, a prime base per parameter."),
    tpe: z
      .strictObject({
        startup: z
          .int()
          .min(1)
          .default(10)
          .describe("Results to wait for; trials before are drawn at random."),
        candidates: z.int().min(1).max(10_000).default(24).describe("Draws to choose from."),
        multivariate: z
          .boolean()
          .default(true)
          .describe("Models parameters together; otherwise each by itself."),
        kernels: z
          .enum(["narrow", "neighbours"])
          .default("narrow")
          .describe("How far a result speaks for its surroundings; neighbours as in Optuna."),
        local: z
          .int()
          .min(0)
          .default(3)
          .describe("Every so many-th proposal stays near one of the best trials; 0: none."),
        branches: z
          .int()
          .min(0)
          .default(3)
          .describe(
            "Where parameters have conditions: every so many-th proposal draws among the branches, each of which learns from its own trials; 0: none, as in Optuna.",
          ),
      })
      .describe("Tree-structured Parzen estimator (Bergstra et al. 2011): learns from results."),
    "cma-es": z
      .strictObject({})
      .describe("Covariance matrix adaptation (Hansen 2016): learns from results; numbers only."),
  },
  { bare: true, description: "Where settings come from." },
);
export type Sampler = z.infer<typeof Sampler>;

const Eta = z
  .int()
  .min(2)
  .max(100)
  .default(3)
  .describe("One of so many trials goes on to the next rung, which is so many times as long.");

/** Which trials are trained on after a part of their epochs. */
export const Scheduler = tagged(
  {
    none: z.strictObject({}).describe("Every trial is trained to the end."),
    median: z
      .strictObject({
        every: z.int().min(1).default(1).describe("Epochs between two looks at a trial."),
        startup: z.int().min(1).default(5).describe("Trials that are trained to the end first."),
        warmUp: z.int().min(0).default(0).describe("Epochs that nobody is stopped in."),
      })
      .describe("Stops a trial whose best value is worse than the median of finished ones there."),
    asha: z
      .strictObject({
        min: z.int().min(1).default(1).describe("Epochs of the first rung."),
        eta: Eta,
        mode: z
          .enum(["promote", "stop"])
          .default("promote")
          .describe(
            "promote: trials pause at each rung, and the best are taken up again later. stop: a trial goes on at once or never.",
          ),
      })
      .describe("Asynchronous successive halving (Li et al. 2020)."),
    hyperband: z
      .strictObject({ eta: Eta })
      .describe("Brackets of successive halving from few epochs to all (Li et al. 2018)."),
  },
  { bare: true, description: "Which trials are trained on after a part of their epochs." },
);
export type Scheduler = z.infer<typeof Scheduler>;

/** How a trial is assessed, on training rows only. */
export const Assessment = tagged(
  {
    validation: z
      .strictObject({ fraction: z.number().gt(0).lt(1).default(0.2) })
      .describe("One validation split of the training rows."),
    folds: z
      .strictObject({ k: z.int().min(2).max(100).default(5) })
      .describe("k-fold cross-validation."),
  },
  { bare: true, description: "How a setting is assessed on the training rows." },
);
export type Assessment = z.infer<typeof Assessment>;

/** What is minimised or maximised on the validation rows. */
export const SearchMetric = z.enum(["auto", "nll", "brier", "accuracy", "rmse", "mae"]);
export type SearchMetric = z.infer<typeof SearchMetric>;

/** A second look at the leading trials, on cells that had no part in their lead. */
const Confirmation = z
  .strictObject({
    trials: z.int().min(1).max(100).default(3).describe("How many of the leading trials."),
    rounds: z
      .int()
      .min(1)
      .max(100)
      .default(3)
      .describe("How often each is assessed anew, each time on a new split or on new folds."),
  })
  .describe(
    "The leading trials are assessed again, on new splits and with new random numbers; what they give there decides among them, and is the winner's value without the luck that made it lead.",
  );

/** The budgets that can end a search; the first two by a clock. */
export const StopReason = z.enum(["seconds", "cpuSeconds", "target", "failures", "stagnation"]);
export type StopReason = z.infer<typeof StopReason>;

/** What a search may spend at most, besides trials. */
const Budget = z
  .strictObject({
    cells: z
      .int()
      .min(1)
      .optional()
      .describe("Trainings in all: folds x repeats of every trial, and of every rung of it."),
    seconds: z
      .number()
      .gt(0)
      .optional()
      .describe("Time on the clock. What runs is finished; where the search ends is chance."),
    cpuSeconds: z
      .number()
      .gt(0)
      .optional()
      .describe("Time of all workers, summed over tasks. Where the search ends is chance."),
    target: z.number().optional().describe("Value of the best trial that is good enough."),
    failures: z.int().min(1).optional().describe("Failed trials."),
    stagnation: z.int().min(1).optional().describe("Results in a row without a better one."),
  })
  .describe(
    "Ends the search before its trials are used up; the best trial so far is fitted. cells, target, failures and stagnation end it at the same trial on any number of workers.",
  )
  .superRefine((value, context) => {
    if (Object.values(value).some((limit) => limit !== undefined)) return;
    const condition = "an object with at least one limit";
    context.addIssue({ code: "custom", message: `must be ${condition}`, params: { condition } });
  });

/** A trial of an earlier run. */
export const EarlierTrial = z.strictObject({
  params: Params,
  value: z
    .number()
    .nullable()
    .describe("To be minimised: negative where the metric is maximised. Null where it failed."),
});
export type EarlierTrial = z.infer<typeof EarlierTrial>;

/** Trials of an earlier run, as they were when this one was created. */
export const EarlierRun = z.strictObject({
  run: z.string(),
  hash: z.string().describe("sha256 of the trials."),
  trials: z.array(EarlierTrial),
});
export type EarlierRun = z.infer<typeof EarlierRun>;

/** A search over settings of the experiment. */
export const SearchSpec = z.strictObject({
  sampler: Sampler.default({ random: {} }),
  trials: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("Number of trials; a grid without it runs every combination."),
  space: Space.superRefine((value, context) => {
    if (Object.keys(value).length > 0) return;
    const condition = "an object with at least one parameter";
    context.addIssue({ code: "custom", message: `must be ${condition}`, params: { condition } });
  }).describe("What is searched: paths into model, train and ensemble, and their values."),
  constraints: z
    .array(z.string().min(1).max(1000))
    .max(100)
    .optional()
    .describe(
      'What has to hold of every setting, over names of the space: "model.layers.0.dense.units >= model.layers.1.dense.units". Numbers, strings, + - * /, comparisons, and, or, not, brackets. One that names a parameter that does not count holds.',
    ),
  enqueue: z
    .array(z.record(z.string().min(1), Scalar))
    .max(10_000)
    .optional()
    .describe(
      "Settings to try first, in this order; what one leaves out is drawn at random: [{ train.optimizer.adam.lr: 0.001 }].",
    ),
  duplicates: z
    .enum(["reuse", "reject", "replicate"])
    .optional()
    .describe(
      "What a setting that was tried before becomes. reuse (default): the same result again, at no cost. reject: another setting is drawn. replicate: the next repeat of it, with other random numbers.",
    ),
  warmStart: z
    .union([z.string().min(1), EarlierRun])
    .optional()
    .describe(
      "Folder of an earlier run, relative to this file: samplers that learn begin with its trials, as far as they are settings of this space.",
    ),
  scheduler: Scheduler.optional().describe("Without it, every trial is trained to the end."),
  assess: Assessment.default({ validation: { fraction: 0.2 } }),
  repeats: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe(
      "Trainings of a trial per fold, each with its own random numbers: a value that depends less on luck.",
    ),
  confirm: Confirmation.optional(),
  lag: z
    .int()
    .min(0)
    .max(10_000)
    .default(8)
    .describe(
      "Samplers that learn: results that a proposal does not wait for. Trial t sees the results of trials 0 to t-1-lag, so that equal experiments give equal trials at any number of workers; more slots than lag + 1 trials need stay idle.",
    ),
  order: z
    .enum(["numbered", "free"])
    .default("numbered")
    .describe(
      "numbered: a decision sees the results of those more than search.lag before it, and equal experiments give equal trials on any number of workers. free: it sees what is there, no slot ever waits, and another run tries other settings.",
    ),
  budget: Budget.optional(),
  metric: SearchMetric.default("auto").describe(
    "auto: nll for classification, rmse for regression.",
  ),
  each: z
    .enum(["model", "ensemble"])
    .default("model")
    .describe("A cell trains one network, or the members of the configured ensemble."),
});
export type SearchSpec = z.infer<typeof SearchSpec>;
/** A search as it is written: short forms, and defaults left out. */
export type SearchInput = z.input<typeof SearchSpec>;
