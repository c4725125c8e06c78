// The library: what a program needs to use an ensemble, or to work with experiments.
export { loadEnsemble } from "./load-ensemble.ts";
export type { ArtifactBytes, EnsembleModel } from "./ensemble-model.ts";
export { analyse, forecastError, fitLaw } from "@manyfold/ensemble";
export type { Forecast, LawFit, Members, Prediction, Truth } from "@manyfold/ensemble";
export { ManyfoldError, parseExperiment } from "@manyfold/protocol";
export type { ErrorAnalysis, Experiment, ExperimentInput, RunDocument } from "@manyfold/protocol";
export { createStudy } from "@manyfold/search";
export type { OpenTrial, Study, StudyOptions, StudyTrial } from "@manyfold/search";
