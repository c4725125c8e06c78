import { readArtifact } from "@manyfold/files";
import { type ArtifactBytes, type EnsembleModel, ensembleModel } from "./ensemble-model.ts";

/**
 * Opens an artifact, checking everything in it.
 *
 * @param source the artifact's folder (in a browser its address), or the bytes of its two files
 * @throws ManyfoldError `input` or `artifact`
 *
 * @example
 * const model = await loadEnsemble("runs/iris-tiny-.../artifact");
 * model.predictRows([{ sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }]);
 */
export async function loadEnsemble(source: string | ArtifactBytes): Promise<EnsembleModel> {
  if (typeof source !== "string") return ensembleModel(source, "artifact");
  return ensembleModel(await readArtifact(source), source);
}
