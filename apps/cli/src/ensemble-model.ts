import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { type LoadedEnsemble, openArtifact, type Prediction } from "@manyfold/ensemble";

/** The bytes of an artifact's two files, `manifest.json` and `weights.safetensors`. */
export interface ArtifactBytes {
  readonly manifest: Uint8Array;
  readonly weights: Uint8Array;
}

/** An artifact in memory, ready to predict. */
export interface EnsembleModel extends LoadedEnsemble {
  /**
   * Predicts records, a value per input column each; `null` is a missing value. The same bits as
   * `manyfold predict` and the server.
   *
   * @throws ManyfoldError `input` naming the row and column that is wrong
   */
  predictRows(rows: readonly Readonly<Record<string, unknown>>[]): Prediction;
}

/** Opens an artifact's bytes, checking everything in them. */
export function ensembleModel({ manifest, weights }: ArtifactBytes, name: string): EnsembleModel {
  const ensemble = openArtifact(manifest, weights, name);
  const { preprocessing } = ensemble.manifest;
  return {
    ...ensemble,
    predictRows: (rows) =>
      ensemble.predict(encodeRows(preprocessing, inputsFromRecords(preprocessing, rows))),
  };
}
