import {
  match,
  nameOf,
  tagOf,
  type AnalysisDocument,
  type EnsembleSpec,
  type Loss,
  type MemberRow,
  type Metrics,
  type NameOf,
  type OutputHead,
  type ReportDocument,
  type SampleSpec,
} from "@manyfold/protocol";
import { count, counted, listed, percent, plain } from "./format.ts";

/** What a report is about, in the words and names that all its sections share. */
export interface Subject {
  readonly classification: boolean;
  /** Labels in class order; none for regression. */
  readonly classes: readonly string[];
  readonly target: string;
  /** What was trained: "a bag of 32 networks", and what makes its members differ, if anything. */
  readonly made: string;
  readonly difference: string | null;
  /** Members asked for; 1 for a single network. */
  readonly asked: number;
  readonly ensemble: boolean;
  readonly combiner: string;
  /** Whether a trained network is a member; not so where members are masks of a dropout network. */
  readonly networkIsMember: boolean;
  readonly failed: readonly MemberRow[];
  /** Core-seconds that a member took, on average; null where that is not known. */
  readonly memberSeconds: number | null;
  /** What v, c and the ensemble's error are: "Brier score", "squared error". */
  readonly error: string;
  /** The same with its unit, for axes. */
  readonly errorAxis: string;
  /** What trainings minimised, with its unit. */
  readonly loss: string;
}

const losses: { readonly [L in Exclude<NameOf<Loss>, "auto">]: string } = {
  squaredError: "squared error, scaled target",
  binaryCrossEntropy: "cross-entropy, nats",
  softmaxCrossEntropy: "cross-entropy, nats",
  absoluteError: "absolute error, scaled target",
  huber: "Huber loss, scaled target",
  gaussianNll: "negative log likelihood, nats, scaled target",
  mixtureNll: "negative log likelihood, nats, scaled target",
  perTarget: "weighted sum of the targets' losses, scaled targets",
};

const HEADS = "weighted sum of all targets' losses";

/** What trainings minimise where the configuration leaves it to the output. */
const autoLosses: { readonly [O in NameOf<OutputHead>]: keyof typeof losses | null } = {
  auto: null,
  linear: "squaredError",
  sigmoid: "binaryCrossEntropy",
  softmax: "softmaxCrossEntropy",
  gaussian: "gaussianNll",
  mixture: "mixtureNll",
};

function lossOf(loss: Loss, output: OutputHead, classification: boolean): keyof typeof losses {
  const name = nameOf(loss);
  if (name !== "auto") return name;
  return autoLosses[nameOf(output)] ?? (classification ? "softmaxCrossEntropy" : "squaredError");
}

/** The rows and inputs of a member of a bag. */
function sampleText(spec: NonNullable<EnsembleSpec["bagging"]>): string {
  const rows = match<SampleSpec, string>(spec.sample, {
    all: () => "all training rows",
    bootstrap: ({ fraction }) =>
      fraction === 1
        ? "its own bootstrap sample of the training rows"
        : `its own bootstrap sample of ${percent(fraction, 0)} as many rows as there are training rows`,
    subsample: ({ fraction }) => `its own ${percent(fraction)} of the training rows`,
    stratified: () => "its own bootstrap sample of each class's training rows",
    bayesian: () => "all training rows, weighted by its own draw (Bayesian bootstrap)",
    folds: ({ k }) => `all but one of ${count(k)} parts of the training rows`,
    grouped: () => "its own bootstrap sample of whole groups of training rows",
    ordered: () => "the training rows up to a moment of its own",
  });
  return spec.features === 1 ? rows : `${rows} and ${percent(spec.features, 0)} of the inputs`;
}

/** How each kind of ensemble is made; exactly one of the keys is given. */
function making(
  spec: EnsembleSpec | undefined,
  grown: number,
): Pick<Subject, "asked" | "made" | "difference"> {
  if (spec?.bagging) {
    const asked = spec.stop ? grown : spec.bagging.members;
    const made = `a bag of ${counted(asked, "network")}`;
    return { asked, made, difference: `each on ${sampleText(spec.bagging)}` };
  }
  if (spec?.initOnly) {
    const asked = spec.initOnly.members;
    const difference = "all on the same rows, differing in first weights and batch order alone";
    return { asked, made: `an ensemble of ${counted(asked, "network")}`, difference };
  }
  if (spec?.dropout) {
    const { networks, masks } = spec.dropout;
    const asked = networks * masks;
    const made = `a dropout ensemble of ${counted(asked, "member")}`;
    const difference =
      networks === 1
        ? "each a mask sampled from one dropout network"
        : `${counted(masks, "mask")} sampled from each of ${count(networks)} dropout networks`;
    return { asked, made, difference };
  }
  if (spec?.snapshots) {
    const { members, networks } = spec.snapshots;
    const asked = members * networks;
    const of = networks === 1 ? "one training" : `each of ${count(networks)} trainings`;
    const difference = `${count(members)} of ${of}, taken where a cycle of its learning rate ends`;
    return { asked, made: `an ensemble of ${counted(asked, "snapshot")}`, difference };
  }
  return { asked: 1, made: "one network", difference: null };
}

/** The subject of a report. */
export function subjectOf({ result, execution }: ReportDocument): Subject {
  const { target } = result.data.preprocessing;
  const classification = target.task === "classification";
  const spec = result.experiment.ensemble;
  const { model, train } = result.experiment;
  const { loss } = train;
  return {
    ...making(spec, result.members.length),
    classification,
    classes: classification ? target.classes : [],
    target: classification ? target.column : listed(target.columns.map(({ name }) => name)),
    ensemble: spec !== undefined,
    combiner: spec ? tagOf(spec.combine) : "none",
    networkIsMember: spec?.dropout === undefined,
    memberSeconds: memberSecondsOf(result, execution),
    failed: result.members.filter(({ state }) => state === "failed"),
    ...errorNames(classification),
    loss: model.heads ? HEADS : losses[lossOf(loss, model.output, classification)],
  };
}

/** Of a run whose every task trains a member. */
function memberSecondsOf(
  { search, learningCurve, experiment }: ReportDocument["result"],
  { seconds, workers }: ReportDocument["execution"],
): number | null {
  const tasks = workers.reduce((sum, worker) => sum + worker.tasks, 0);
  const { bagging, initOnly } = experiment.ensemble ?? {};
  if (search !== null || learningCurve !== undefined || (!bagging && !initOnly)) return null;
  return tasks === 0 ? null : seconds.train / tasks;
}

/** The subject of predictions that came from anywhere: members and their equal-weight mean. */
export function subjectOfAnalysis({ target, analysis }: AnalysisDocument): Subject {
  const classification = target.task === "classification";
  return {
    classification,
    classes: classification ? target.classes : [],
    target: classification ? target.column : listed(target.columns.map(({ name }) => name)),
    made: counted(analysis.k, "member"),
    difference: null,
    asked: analysis.k,
    ensemble: analysis.k > 1,
    combiner: "mean",
    networkIsMember: true,
    memberSeconds: null,
    failed: [],
    loss: "",
    ...errorNames(classification),
  };
}

function errorNames(classification: boolean): Pick<Subject, "error" | "errorAxis"> {
  return {
    error: classification ? "Brier score" : "squared error",
    errorAxis: classification ? "Brier score" : "squared error (target units\u00b2)",
  };
}

/** A column of a table of scores. */
export interface Score {
  readonly name: string;
  /** What it is, its unit, and which way is better. */
  readonly help: string;
  readonly value: (metrics: Metrics) => number | null;
  readonly share: boolean;
  readonly higherIsBetter: boolean;
}

const classificationScores: readonly Score[] = [
  {
    name: "accuracy",
    help: "share of rows whose most probable class is the true one; higher is better",
    value: (metrics) => ("accuracy" in metrics ? metrics.accuracy : null),
    share: true,
    higherIsBetter: true,
  },
  {
    name: "Brier score",
    help: "squared error of the probabilities, summed over classes, 0 to 2; lower is better",
    value: (metrics) => ("brier" in metrics ? metrics.brier : null),
    share: false,
    higherIsBetter: false,
  },
  {
    name: "NLL (nats)",
    help: "mean negative log probability of the true class; lower is better",
    value: (metrics) => metrics.nll,
    share: false,
    higherIsBetter: false,
  },
];

const regressionScores: readonly Score[] = [
  {
    name: "RMSE",
    help: "root mean squared error in the target's unit; lower is better",
    value: (metrics) => ("rmse" in metrics ? metrics.rmse : null),
    share: false,
    higherIsBetter: false,
  },
  {
    name: "MAE",
    help: "mean absolute error in the target's unit; lower is better",
    value: (metrics) => ("mae" in metrics ? metrics.mae : null),
    share: false,
    higherIsBetter: false,
  },
  {
    name: "NLL (nats)",
    help: "mean negative log density of the true value under a Gaussian; lower is better",
    value: (metrics) => metrics.nll,
    share: false,
    higherIsBetter: false,
  },
];

/** The scores that a task has. */
export function scoresOf(subject: Subject): readonly Score[] {
  return subject.classification ? classificationScores : regressionScores;
}

/** A parameter's value as the configuration would hold it. */
export function paramText(value: string | number | boolean | undefined): string {
  if (value === undefined) return "\u2013";
  return typeof value === "number" ? plain(value) : String(value);
}
