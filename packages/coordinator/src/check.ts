import { combinersFor, decidesOutOfBag, REGION_SCORES } from "@manyfold/ensemble";
import type { Combiner, ConfigComplaint, Experiment } from "@manyfold/protocol";
import { complaintError, isSecondOrder, nameOf, show, tagOf } from "@manyfold/protocol";
import { isDecided, schedulerOf, searchComplaints } from "@manyfold/search";
import { cellsPerTrial } from "./count.ts";
import { FROM_SEARCH_RULES } from "./from-search-rules.ts";
import { OBJECTIVE_RULES } from "./objective-rules.ts";
import { stepsOf } from "./objective.ts";
import type { Rule } from "./rule.ts";
import { TRAINING_RULES } from "./training-rules.ts";
import { drawOf, hasOutOfBag } from "./units.ts";

const RULES: readonly Rule[] = [
  ...OBJECTIVE_RULES,
  ...FROM_SEARCH_RULES,
  {
    path: ["train", "earlyStopping", "on"],
    broken: ({ train, ensemble, search }) =>
      train.earlyStopping?.on === "oob" &&
      (!hasOutOfBag(drawOf(ensemble)) || search?.each === "model"),
    condition: "holdout where no member leaves rows out",
    got: ({ train }) => train.earlyStopping?.on,
    help: "Out-of-bag rows come with ensemble.bagging; in a search, with each: ensemble.",
  },
  {
    path: ["ensemble", "bagging", "sample"],
    broken: ({ data, ensemble }) =>
      data.task === "regression" && sampleOf(ensemble) === "stratified",
    condition: "another draw than stratified for a regression",
    got: ({ ensemble }) => sampleOf(ensemble),
    help: "It draws within each class; bootstrap draws from all rows.",
  },
  {
    path: ["ensemble", "bagging", "sample"],
    broken: ({ data, ensemble }) =>
      data.split?.group === undefined && sampleOf(ensemble) === "grouped",
    condition: "another draw than grouped without data.split.group",
    got: ({ ensemble }) => sampleOf(ensemble),
    help: "Groups are the equal values of that column; without it the test rows would be of groups trained on.",
  },
  {
    path: ["ensemble", "stop"],
    broken: ({ ensemble }) => ensemble?.stop !== undefined && !hasOutOfBag(drawOf(ensemble)),
    condition: "left out where no member leaves rows out",
    got: ({ ensemble }) => ensemble?.stop,
    help: "The gain from more members is estimated on out-of-bag rows, which come with ensemble.bagging.",
  },
  {
    path: ["ensemble", "stop", "step"],
    broken: ({ ensemble }) =>
      (ensemble?.stop?.step ?? 0) > (ensemble?.bagging?.members ?? Infinity),
    condition: "at most ensemble.bagging.members, the most members there may be",
    got: ({ ensemble }) => ensemble?.stop?.step,
    help: "The bag grows in steps up to that number; 128 is a good one.",
  },
  {
    path: ["ensemble", "stop"],
    broken: ({ ensemble, search }) => ensemble?.stop !== undefined && search?.each === "ensemble",
    condition: "left out where trials are ensembles (search.each: ensemble)",
    got: ({ ensemble }) => ensemble?.stop,
    help: "Trials are compared at one number of members; with each: model the best setting's bag may grow.",
  },
  {
    path: ["ensemble", "combine"],
    broken: ({ data, ensemble }) =>
      ensemble !== undefined && !combinersFor(data.task).includes(tagOf(ensemble.combine)),
    condition: `one of ${combinersFor("regression").join(", ")} for a regression`,
    got: combinerOf,
    help: "Votes and geometric means are of classes' probabilities.",
  },
  {
    path: ["ensemble", "combine"],
    broken: ({ ensemble }) =>
      ensemble !== undefined && needsOutOfBag(ensemble.combine) && !hasOutOfBag(drawOf(ensemble)),
    condition: "a combiner that is not fitted, where no member leaves rows out",
    got: combinerOf,
    help: "Out-of-bag rows come with ensemble.bagging; mean and median need none.",
  },
  {
    path: ["ensemble", "calibrate"],
    broken: ({ data, ensemble }) =>
      ensemble?.calibrate !== undefined &&
      (data.task === "regression" || !hasOutOfBag(drawOf(ensemble))),
    condition: "left out, but for a classification whose members leave rows out",
    got: ({ ensemble }) => ensemble?.calibrate && tagOf(ensemble.calibrate),
    help: "Probabilities are calibrated on out-of-bag rows, which come with ensemble.bagging.",
  },
  {
    path: ["ensemble", "conformal"],
    broken: ({ ensemble }) => ensemble?.conformal !== undefined && !hasOutOfBag(drawOf(ensemble)),
    condition: "left out where no member leaves rows out",
    got: ({ ensemble }) => ensemble?.conformal,
    help: "Out-of-bag rows come with ensemble.bagging.",
  },
  {
    path: ["ensemble", "conformal"],
    broken: ({ ensemble, train }) =>
      ensemble?.conformal !== undefined &&
      (train.earlyStopping?.on === "oob" ||
        ensemble.calibrate !== undefined ||
        ensemble.stop !== undefined ||
        decidesOutOfBag(ensemble.combine)),
    condition:
      "left out where out-of-bag rows stop a training or the bag's growth, weigh members or calibrate",
    got: ({ ensemble }) => ensemble?.conformal,
    help: "Rows that took part in a decision cannot promise a coverage; drop one of the two.",
  },
  {
    path: ["ensemble", "learningCurve"],
    broken: ({ ensemble, data }) =>
      ensemble?.learningCurve !== undefined &&
      ((!ensemble.bagging && !ensemble.initOnly) ||
        data.split === undefined ||
        ["grouped", "ordered", "folds"].includes(tagOf(drawOf(ensemble).sample))),
    condition:
      "left out without data.split, for members of one training, and where rows are drawn by fold, group or time",
    got: ({ ensemble }) => ensemble?.learningCurve && "given",
    help: "A random share of the training rows has to be a smaller table of the same kind, scored on test rows.",
  },
  {
    path: ["ensemble", "conformal", "score"],
    broken: ({ data, ensemble }) => {
      const score = ensemble?.conformal?.score;
      return score !== undefined && !REGION_SCORES[data.task].some((one) => one === score);
    },
    condition:
      "absolute, normalised or quantile for a regression, threshold or adaptive for a classification",
    got: ({ ensemble }) => ensemble?.conformal?.score,
    help: "Intervals are around values, sets are of classes.",
  },
  {
    path: ["model", "output"],
    broken: ({ data, model }) =>
      data.task === "regression" && ["sigmoid", "softmax"].includes(nameOf(model.output)),
    condition: "linear, gaussian, mixture or auto for a regression",
    got: ({ model }) => nameOf(model.output),
    help: "Sigmoid and softmax outputs are probabilities.",
  },
  {
    path: ["model", "output"],
    broken: ({ data, model }) =>
      data.task === "classification" &&
      ["linear", "gaussian", "mixture"].includes(nameOf(model.output)),
    condition: "sigmoid, softmax or auto for a classification",
    got: ({ model }) => nameOf(model.output),
    help: "Such an output is no probability; learn classes 0 and 1 as a regression for that.",
  },
  {
    path: ["data", "target"],
    broken: ({ data }) => data.task === "classification" && Array.isArray(data.target),
    condition: "one column for a classification",
    got: ({ data }) => data.target,
    help: "Several targets are for regression.",
  },
  {
    path: ["search", "scheduler"],
    broken: ({ search, train }) =>
      search !== undefined && schedulerOf(search) !== undefined && isSecondOrder(train.optimizer),
    condition: "none where the optimizer goes over all rows at once",
    got: schedulerName,
    help: "A checkpoint holds weights and moments; such a method keeps more.",
  },
  {
    path: ["search", "scheduler"],
    broken: ({ search }) =>
      search !== undefined &&
      schedulerOf(search) !== undefined &&
      Object.hasOwn(search.space, "train.epochs"),
    condition: "none where train.epochs is searched",
    got: schedulerName,
    help: "A scheduler decides how many epochs of train.epochs a trial gets.",
  },
  {
    path: ["search", "trials"],
    broken: (experiment) => {
      const { search } = experiment;
      const whole = search && schedulerOf(search)?.trials(stepsOf(experiment));
      return whole !== undefined && search?.trials !== undefined && search.trials % whole !== 0;
    },
    condition: "left out or a multiple of the trials of all brackets",
    got: ({ search }) => search?.trials,
    help: "manyfold plan prints the brackets.",
  },
  {
    path: ["search", "scheduler", "asha", "min"],
    broken: (experiment) => {
      const { search } = experiment;
      const asha = search?.scheduler && "asha" in search.scheduler ? search.scheduler.asha : null;
      return (asha?.min ?? 0) > stepsOf(experiment);
    },
    condition: "at most train.epochs, or objective.steps",
    got: ({ search }) =>
      search?.scheduler && "asha" in search.scheduler ? search.scheduler.asha?.min : undefined,
    help: "The first rung has to end before the training does.",
  },
  {
    path: ["search", "budget", "cells"],
    broken: ({ search }) =>
      search?.budget?.cells !== undefined && search.budget.cells < cellsPerTrial(search),
    condition: "at least the cells of one trial (folds x repeats)",
    got: ({ search }) => search?.budget?.cells,
    help: "Trials are begun whole.",
  },
  {
    path: ["search", "order"],
    broken: ({ search }) => search?.order === "free" && !isDecided(search),
    condition: "numbered where no decision waits for results",
    got: ({ search }) => search?.order,
    help: "Such a search never leaves a slot idle: free would give nothing.",
  },
  {
    path: ["search", "confirm", "rounds"],
    broken: ({ search }) => {
      const { trials = 1, rounds = 1 } = search?.confirm ?? {};
      return trials > 1 && rounds === 1 && search !== undefined && "validation" in search.assess;
    },
    condition: "at least 2 where several trials are confirmed on one split",
    got: ({ search }) => search?.confirm?.rounds,
    help: "One round would choose the winner and say what it is worth; or confirm one trial.",
  },
  {
    path: ["search", "each"],
    broken: ({ search, ensemble }) => search?.each === "ensemble" && ensemble === undefined,
    condition: "model without an ensemble section",
    got: ({ search }) => search?.each,
    help: "Add an ensemble section to try ensembles.",
  },
];

function sampleOf(ensemble: Experiment["ensemble"]): string | undefined {
  return ensemble?.bagging && tagOf(ensemble.bagging.sample);
}

function schedulerName({ search }: Experiment): string | undefined {
  return search?.scheduler && tagOf(search.scheduler);
}

function combinerOf({ ensemble }: Experiment): string | undefined {
  return ensemble && tagOf(ensemble.combine);
}

/** `weighted` has equal weights where nothing is known; the others are nothing without rows. */
function needsOutOfBag(combiner: Combiner): boolean {
  return decidesOutOfBag(combiner) && !("weighted" in combiner);
}

/**
 * What is wrong with an experiment beyond what its schema sees, because several parts of it are
 * involved: found before anything runs, each with the place to point to in the file.
 */
export function experimentComplaints(experiment: Experiment): ConfigComplaint[] {
  const broken = [...RULES, ...TRAINING_RULES]
    .filter((rule) => rule.broken(experiment))
    .map(({ path, condition, got, help }): ConfigComplaint => ({
      path: [...(typeof path === "function" ? path(experiment) : path)],
      at: "value",
      condition,
      got: show(got(experiment)),
      help,
    }));
  return [...broken, ...searchComplaints(experiment)];
}

/**
 * Refuses an experiment that could not be run as it stands.
 *
 * @throws ManyfoldError with the first complaint
 */
export function checkExperiment(experiment: Experiment): void {
  const [first] = experimentComplaints(experiment);
  if (first !== undefined) throw complaintError(first);
}
