import type { Experiment, SearchMetric } from "@manyfold/protocol";
import type { Result } from "@manyfold/search";
import type { Assessment } from "./state.ts";

/** The metric that a search optimises, with `auto` resolved. */
export function metricOf(experiment: Experiment): Exclude<SearchMetric, "auto"> {
  const metric = experiment.search?.metric ?? "auto";
  if (metric !== "auto") return metric;
  return experiment.data.task === "classification" ? "nll" : "rmse";
}

/** What values of trials are called: an objective's say no more of themselves. */
export function metricName(experiment: Experiment): string {
  return experiment.objective ? "objective" : metricOf(experiment);
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

/** What an assessment tells those who learn from it: its value, lower is better, and how sure it is. */
export function resultOf(experiment: Experiment, { value, standardError }: Assessment): Result {
  return {
    value: value === null ? null : signOf(experiment) * value,
    ...(standardError !== null && { standardError }),
  };
}
