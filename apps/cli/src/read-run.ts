import { begin, fold, type RunState } from "@manyfold/coordinator";
import { readJournal } from "@manyfold/files";
import type { JournalRecord } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import type { RunPaths } from "./run-folder.ts";

/** A run's state as its journal has it now, whoever is writing it. */
export async function readRun(paths: RunPaths): Promise<RunState> {
  return stateFrom(readJournal(paths.journal), paths);
}

/** The state that records fold to. */
export async function stateFrom(
  records: AsyncIterable<JournalRecord>,
  paths: RunPaths,
): Promise<RunState> {
  let state: RunState | undefined;
  for await (const each of records) state = state ? fold(state, each) : begin(each);
  if (state) return state;
  throw new ManyfoldError({
    code: "journal",
    path: paths.journal,
    condition: "a journal with at least one record",
    got: "an empty one",
    help: "The run was stopped before it began; start it again with manyfold run.",
  });
}
