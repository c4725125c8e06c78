import type { Experiment, SearchMetric } from "@manyfold/protocol";

/** The metric that a search optimises, with `auto` resolved. */
export function metricOf(experiment: Experiment): Exclude<SearchMetric, "auto"> {
  const metric = experiment.search?.metric ?? "auto";
  if (metric !== "auto") return metric;
  return experiment.data.task === "classification" ? "nll" : "rmse";
}

/** Accuracy is the one metric of which more is better; an objective says it itself. */
export function directionOf(experiment: Experiment): "minimise" | "maximise" {
  if (experiment.objective) return experiment.objective.direction;
  return metricOf(experiment) === "accuracy" ? "maximise" : "minimise";
}

/** What values are multiplied by to be minimised. */
export function signOf(experiment: Experiment): 1 | -1 {
  return directionOf(experiment) === "maximise" ? -1 : 1;
}
