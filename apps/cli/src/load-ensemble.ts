import { encodeRows, inputsFromRecords } from "@manyfold/data";
import type { LoadedEnsemble, Prediction } from "@manyfold/ensemble";
import { openArtifact } from "@manyfold/ensemble";
import { readArtifact } from "@manyfold/files";

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

/**
 * Opens an artifact's folder, checking everything in it.
 *
 * @throws ManyfoldError `input` or `artifact`
 *
 * @example
 * const model = await loadEnsemble("runs/iris-tiny-.../artifact");
 * model.predictRows([{ sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }]);
 */
export async function loadEnsemble(folder: string): Promise<EnsembleModel> {
  const { manifest, weights } = await readArtifact(folder);
  const ensemble = openArtifact(manifest, weights, folder);
  const { preprocessing } = ensemble.manifest;
  return {
    ...ensemble,
    predictRows: (rows) =>
      ensemble.predict(encodeRows(preprocessing, inputsFromRecords(preprocessing, rows))),
  };
}
