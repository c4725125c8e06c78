import { rm } from "node:fs/promises";
import type { Outputs, RunState } from "@manyfold/coordinator";
import { writeFileAtomic, writeFolderAtomic } from "@manyfold/files";
import { bestConfig } from "./best-config.ts";
import { writeCsv } from "./csv.ts";
import { finishedDocument } from "./document.ts";
import type { RunPaths } from "./run-folder.ts";

/** Writes everything that a finished run leaves in its folder, each file whole or not at all. */
export async function publish(outputs: Outputs, state: RunState, paths: RunPaths): Promise<void> {
  const { artifact, predictions, report } = outputs;
  if (artifact) {
    await writeFolderAtomic(paths.artifact, {
      "manifest.json": artifact.manifest,
      "weights.safetensors": artifact.weights,
    });
  } else {
    // A run that grew and then failed must not keep the artifact of before.
    await rm(paths.artifact, { recursive: true, force: true });
  }
  if (predictions) await writeCsv(paths.predictions, predictions.header, predictions.rows());
  const best = bestConfig(state, report.result.search, paths.folder);
  if (best !== null) await writeFileAtomic(paths.best, best);
  await writeFileAtomic(paths.report, `${JSON.stringify(report, null, 2)}\n`);
  // Loaded when needed, as the server is: drawing takes a library as large as all the rest.
  const { renderReport } = await import("@manyfold/report");
  await writeFileAtomic(paths.page, renderReport(report));
  await writeFileAtomic(paths.document, JSON.stringify(finishedDocument(outputs, paths)));
}
