// The library in a browser: as index.ts, with an artifact's address in place of its folder.
export { loadEnsemble } from "./fetch-ensemble.ts";
export type { ArtifactBytes, EnsembleModel } from "./ensemble-model.ts";
export { analyse, forecastError, fitLaw } from "@manyfold/ensemble";
export type { Forecast, LawFit, Members, Prediction, Truth } from "@manyfold/ensemble";
export { ManyfoldError, parseExperiment } from "@manyfold/protocol";
export type { ErrorAnalysis, Experiment, ExperimentInput, RunDocument } from "@manyfold/protocol";
