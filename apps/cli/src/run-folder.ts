import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makeFolder } from "@manyfold/files";
import { clock } from "./environment.ts";

/** Where the parts of a run lie in its folder. */
export function runPaths(folder: string) {
  return {
    folder,
    journal: join(folder, "journal.log"),
    blobs: join(folder, "blobs"),
    report: join(folder, "report.json"),
    page: join(folder, "report.html"),
    artifact: join(folder, "artifact"),
    predictions: join(folder, "predictions.csv"),
    best: join(folder, "best.yaml"),
    trials: join(folder, "trials.csv"),
    document: join(folder, "run.json"),
  };
}
export type RunPaths = ReturnType<typeof runPaths>;

/** Makes a new folder for a run: the experiment's name, the time, and four letters of chance. */
export async function createRunFolder(
  parent: string,
  name: string,
): Promise<{ id: string; paths: RunPaths }> {
  const time = new Date(clock.now())
    .toISOString()
    .replace(/[-:]/g, "")
    .replace("T", "-")
    .slice(0, 15);
  const id = `${name.slice(0, 40)}-${time}-${randomBytes(2).toString("hex")}`;
  const folder = join(parent, id);
  await makeFolder(parent);
  await makeFolder(folder);
  return { id, paths: runPaths(folder) };
}
