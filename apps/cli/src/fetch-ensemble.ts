import { ManyfoldError } from "@manyfold/protocol";
import { type ArtifactBytes, type EnsembleModel, ensembleModel } from "./ensemble-model.ts";

/**
 * Opens an artifact in a browser, checking everything in it. The same bits as in Node.
 *
 * @param source the address below which `manifest.json` and `weights.safetensors` are, or their bytes
 * @throws ManyfoldError `input` where they cannot be fetched, or `artifact`
 *
 * @example
 * const model = await loadEnsemble("/models/iris");
 * model.predictRows([{ sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }]);
 */
export async function loadEnsemble(source: string | ArtifactBytes): Promise<EnsembleModel> {
  if (typeof source !== "string") return ensembleModel(source, "artifact");
  const [manifest, weights] = await Promise.all([
    bytesAt(`${source}/manifest.json`),
    bytesAt(`${source}/weights.safetensors`),
  ]);
  return ensembleModel({ manifest, weights }, source);
}

async function bytesAt(url: string): Promise<Uint8Array> {
  const answer = await fetch(url).catch((error: unknown) => String(error));
  if (typeof answer !== "string" && answer.ok) return new Uint8Array(await answer.arrayBuffer());
  throw new ManyfoldError({
    code: "input",
    path: url,
    condition: "a file of the artifact",
    got: typeof answer === "string" ? answer : `status ${answer.status}`,
    help: "Serve the folder that a run leaves as RUN_DIR/artifact, and name its address.",
  });
}
