import type { Experiment } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { settingOf, trialCount } from "./trials.ts";
import { drawOf, hasOutOfBag } from "./units.ts";

/**
 * What the schema cannot see, because several parts of the experiment are involved. Every setting
 * that a search will try is made once, so that none of them is found out hours later.
 *
 * @throws ManyfoldError
 */
export function checkExperiment(experiment: Experiment): void {
  const { train, ensemble, data, search, model } = experiment;
  if (train.earlyStopping?.on === "oob" && !hasOutOfBag(drawOf(ensemble))) {
    refuse(
      "train.earlyStopping.on",
      "holdout where no member leaves rows out",
      '"oob"',
      "Out-of-bag rows come with ensemble.bagging.",
    );
  }
  if (data.task === "regression" && ensemble && "vote" in ensemble.combine) {
    refuse(
      "ensemble.combine",
      "mean, median or weighted for a regression",
      '"vote"',
      "Votes are for classes.",
    );
  }
  if (data.task === "regression" && !["auto", "linear"].includes(model.output)) {
    refuse(
      "model.output",
      "linear or auto for a regression",
      `"${model.output}"`,
      "Sigmoid and softmax outputs are probabilities.",
    );
  }
  if (data.task === "classification" && model.output === "linear") {
    refuse(
      "model.output",
      "sigmoid, softmax or auto for a classification",
      '"linear"',
      "A linear output is no probability.",
    );
  }
  if (data.task === "classification" && Array.isArray(data.target)) {
    refuse(
      "data.target",
      "one column for a classification",
      JSON.stringify(data.target),
      "Several targets are for regression.",
    );
  }
  if (search?.each === "ensemble" && !ensemble) {
    refuse(
      "search.each",
      "model without an ensemble section",
      '"ensemble"',
      "Add ensemble: to try ensembles.",
    );
  }
  for (let trial = 0; trial < trialCount(experiment); trial++) {
    const { search: _, ...setting } = settingOf(experiment, trial);
    checkExperiment(setting);
  }
}

function refuse(path: string, condition: string, got: string, help: string): never {
  throw new ManyfoldError({ code: "config", path, condition, got, help });
}
