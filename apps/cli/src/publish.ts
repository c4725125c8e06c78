import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Outputs, RunState } from "@manyfold/coordinator";
import { writeFileAtomic, writeFolderAtomic } from "@manyfold/files";
import { bestConfig } from "./best-config.ts";
import { writeCsv } from "./csv.ts";
import { finishedDocument } from "./document.ts";
import type { RunPaths } from "./run-folder.ts";
import { trialTable } from "./trial-table.ts";

/** Writes everything that a finished run leaves in its folder, each file whole or not at all. */
export async function publish(outputs: Outputs, state: RunState, paths: RunPaths): Promise<void> {
  const { artifact, predictions, report } = outputs;
  await sweep(paths.folder);
  if (artifact) {
    await writeFolderAtomic(paths.artifact, {
      "manifest.json": artifact.manifest,
      "weights.safetensors": artifact.weights,
    });
  } else {
    // A run that grew and then failed must not keep what it was before.
    await rm(paths.artifact, { recursive: true, force: true });
  }
  if (predictions) await writeCsv(paths.predictions, predictions.header, predictions.rows());
  else await rm(paths.predictions, { force: true });
  const best = bestConfig(state, report.result.search, paths.folder);
  if (best !== null) await writeFileAtomic(paths.best, best);
  else await rm(paths.best, { force: true });
  const { search } = report.result;
  if (search) {
    const { header, rows } = trialTable(search.trials, report.execution.timeline ?? []);
    await writeCsv(paths.trials, header, rows);
  } else await rm(paths.trials, { force: true });
  await writeFileAtomic(paths.report, `${JSON.stringify(report, null, 2)}\n`);
  // Loaded when needed, as the server is: drawing takes a library as large as all the rest.
  const { renderReport } = await import("@manyfold/report");
  await writeFileAtomic(paths.page, renderReport(report));
  await writeFileAtomic(paths.document, JSON.stringify(finishedDocument(outputs, paths)));
}

/** Takes away what a session that was killed left half-written; nobody else writes to the folder. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^\..*\.tmp$/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
