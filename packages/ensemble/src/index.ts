// Members' predictions and what is true of the rows.
export { firstMembers, membersOf, truthOf } from "./members.ts";
export type { Member, MemberPredictions, Members, Truth } from "./members.ts";
export { isProbabilistic, mixtureNll, momentsOf, varianceAt, withNoise } from "./predictive.ts";
export type { Distribution, Moments } from "./predictive.ts";
export { outOfBag } from "./oob.ts";
export type { OutOfBagMember, OutOfBagPredictions } from "./oob.ts";

// Combining them, and scoring the result.
export { combine, combinersFor } from "./combiners.ts";
export { decidesOutOfBag, fitCombiner } from "./fits.ts";
export { selectionWeights } from "./fits/selection.ts";
export type { Selection } from "./fits/selection.ts";
export type { CombinerFit, FittingRows } from "./fits.ts";
export { calibrate, fitCalibration } from "./calibration.ts";
export { fitConformal, frameOf, REGION_SCORES, requireCoverage } from "./conformal.ts";
export type { Frame, Region } from "./conformal.ts";
export { conformalCurve, scoreConformal } from "./conformal-score.ts";
export { comparisonOf, residualsOf } from "./comparison.ts";
export { scoreJackknife } from "./jackknife.ts";
export { confusion, gaussianOf, metrics, residualVariance, spreadOf } from "./metrics.ts";
export type { GaussianSpread } from "./metrics.ts";

// Why the average beats its parts, and what more members would bring.
export { analyse } from "./analysis.ts";
export { observe } from "./observatory.ts";
export type { Observed } from "./observatory.ts";
export type { Drawn } from "./observatory/infinitesimal-jackknife.ts";
export { fitLaw, lawError, membersEnough } from "./law.ts";
export type { LawFit } from "./law.ts";
export { forecastError, studentQuantile } from "./forecast.ts";
export type { Forecast } from "./forecast.ts";
export { gainOf } from "./gain.ts";
export type { Gain } from "./gain.ts";
export { learningCurve } from "./learning-curve.ts";

// The artifact and its predictor.
export { encodeArtifact, openArtifact } from "./artifact.ts";
export type { ArtifactFiles, LoadedEnsemble, ManifestContent } from "./artifact.ts";
export { encodeOnnx } from "./onnx/export.ts";
export { buildEnsemble, maskKey, withCoverage } from "./predictor.ts";
export type { Ensemble, EnsembleDescription, HeadPrediction, Prediction } from "./predictor.ts";
export { abstains, csvLine, outputNames, predictionTable } from "./prediction-table.ts";
export type { PredictionTable, TableOptions } from "./prediction-table.ts";
export { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
export type { Tensor } from "./safetensors.ts";

// Ways to make an ensemble, set against each other.
export { contestOf } from "./contest.ts";
export type { ContestOf } from "./contest.ts";
