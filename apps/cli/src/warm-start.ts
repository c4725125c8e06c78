import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { earlierRun } from "@manyfold/coordinator";
import type { Experiment } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { readRun } from "./read-run.ts";
import { runPaths } from "./run-folder.ts";

/**
 * The experiment with the trials of the run that `search.warmStart` names in the place of the name:
 * from here on the search depends on no other folder.
 *
 * @param config path of the configuration, which the run's folder is relative to
 */
export async function withEarlier(experiment: Experiment, config: string): Promise<Experiment> {
  const { search } = experiment;
  if (!search || typeof search.warmStart !== "string") return experiment;
  const paths = runPaths(resolve(dirname(config), search.warmStart));
  const isRun = await stat(paths.journal).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isRun) {
    throw new ManyfoldError({
      code: "config",
      path: "search.warmStart",
      condition: "the folder of a run",
      got: search.warmStart,
      help: "A run's folder holds its journal.log; it is named relative to the configuration.",
    });
  }
  const warmStart = earlierRun(await readRun(paths), experiment);
  return { ...experiment, search: { ...search, warmStart } };
}
