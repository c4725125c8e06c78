import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { openArtifact, type LoadedEnsemble, type Prediction } from "@manyfold/ensemble";
import { readArtifact } from "@manyfold/files";
import type { EnsembleManifest } from "@manyfold/protocol";
import type { PredictRequest } from "./request.ts";

/** The folder of an artifact, or an ensemble that `openArtifact` opened. */
export type Artifact = string | LoadedEnsemble;

/** Reads and checks an artifact, if that is still to be done. */
export async function openEnsemble(artifact: Artifact): Promise<LoadedEnsemble> {
  if (typeof artifact !== "string") return artifact;
  const { manifest, weights } = await readArtifact(artifact);
  return openArtifact(manifest, weights, artifact);
}

/** Predictions of some of the rows. */
export interface Slice {
  /** Number of its first row. */
  readonly first: number;
  readonly prediction: Prediction;
}

/**
 * Predicts rows slice by slice, each when it is asked for: a row's prediction does not depend on
 * the others, so slices change no bit of it, and between two of them others have their turn.
 *
 * @throws ManyfoldError `input` for a value that the networks cannot take
 */
export function* predictSlices(
  ensemble: LoadedEnsemble,
  rows: PredictRequest["rows"],
): Generator<Slice> {
  const { preprocessing } = ensemble.manifest;
  const x = encodeRows(preprocessing, inputsFromRecords(preprocessing, rows));
  const step = rowsPerSlice(ensemble.manifest);
  for (let first = 0; first < rows.length; first += step) {
    const { width } = preprocessing;
    yield {
      first,
      prediction: ensemble.predict(x.subarray(first * width, (first + step) * width)),
    };
  }
}

/** Multiplications that a slice takes at most, some 0.1 s; a single row may take more. */
const SLICE_WORK = 5e7;
const SLICE_ROWS = 256;
const FLOAT32_BYTES = 4;

/** Rows that are predicted before others have their turn. */
function rowsPerSlice({ weights, members }: EnsembleManifest): number {
  const networks = new Set(members.map(({ network }) => network)).size;
  const perRow = (weights.bytes / FLOAT32_BYTES / networks) * members.length;
  return Math.min(SLICE_ROWS, Math.max(1, Math.floor(SLICE_WORK / perRow)));
}
