import type { BlobStore, Hash, ReportDocument, TaskResult } from "@manyfold/protocol";
import { blobsOf, hashBytes, ManyfoldError, tablesOf } from "@manyfold/protocol";
import { inTurn, MissingBlob } from "./blobs.ts";
import { undo } from "./cursor.ts";
import type { Setting } from "./execution.ts";
import { executionOf } from "./execution.ts";
import type { Finished } from "./finish.ts";
import { finish } from "./finish.ts";
import type { Surroundings } from "./run.ts";
import { neededTasks } from "./plan.ts";
import { drive, record } from "./run.ts";
import type { RunState } from "./state.ts";

/** A run that came to its end: what to write into its folder. */
export interface Outputs extends Omit<Finished, "result"> {
  readonly report: ReportDocument;
}

/** How a session with a run ended. */
export type Ending = Outputs | { readonly status: "interrupted" };

/**
 * Runs an experiment to its end: tasks, then analysis, then `publish`, then the record that says so.
 * A crash at any place leaves a journal from which the same call goes on.
 */
export async function runToEnd(
  state: RunState,
  world: Surroundings,
  setting: Setting,
  publish: (outputs: Outputs) => Promise<void>,
): Promise<Ending> {
  const { journal, blobs, clock } = world;
  await requireTables(state, blobs);
  const lost = new Set<Hash>();
  for (;;) {
    try {
      if (!(await drive(state, world))) break;
      const { result, ...finished } = await finish(state, blobs, setting.manyfold);
      const report: ReportDocument = { result, execution: executionOf(state, setting) };
      const outputs: Outputs = { ...finished, report };
      await publish(outputs);
      const { status } = outputs;
      const artifact = outputs.artifact ? hashBytes(outputs.artifact.manifest) : null;
      const { ledger } = result;
      await record(state, journal, [
        { type: "finished", status, ledger, artifact, time: clock.now() },
      ]);
      return outputs;
    } catch (error) {
      if (!(error instanceof MissingBlob)) throw error;
      // Its task is undone: forgotten here, planned again, and stored anew under the same hash. Where
      // one is gone others are likely to be: all are looked for now, or each would cost a pass.
      if (lost.has(error.hash)) throw gone(error.hash);
      const missing = await missingBlobs(state, blobs);
      missing.add(error.hash);
      const forgotten = forget(state, missing);
      if (!forgotten.has(error.hash)) throw gone(error.hash);
      for (const hash of forgotten) lost.add(hash);
    }
  }
  await record(state, journal, [{ type: "interrupted", time: clock.now() }]);
  return { status: "interrupted" };
}

/** Without its data every task would fail, and for good; better that none is tried. */
async function requireTables({ data }: RunState, blobs: BlobStore): Promise<void> {
  for (const { table } of tablesOf(data)) {
    if ((await blobs.get(table.hash)) === undefined) throw gone(table.hash);
  }
}

function gone(hash: Hash): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path: `blob ${hash}`,
    condition: "the bytes that the journal names",
    got: "nothing, or damaged bytes",
    help: "It holds the run's data, which no task can make again: restore the file or start a new run.",
  });
}

/** Blobs that a result names. */
function hashesOf(result: TaskResult): Hash[] {
  return blobsOf(result).map(({ hash }) => hash);
}

/** Every blob of a result that is gone or damaged. */
async function missingBlobs(state: RunState, blobs: BlobStore): Promise<Set<Hash>> {
  const named = [...new Set([...state.completed.values()].flatMap(hashesOf))];
  const there = await inTurn(named, async (hash) => (await blobs.get(hash)) !== undefined);
  return new Set(named.filter((_, at) => there[at] === false));
}

/**
 * Takes back results that name a blob which is gone; returns which of the blobs they named. What an
 * assessed trial's results named is not needed any more, and nobody would plan its tasks again.
 */
function forget(state: RunState, missing: ReadonlySet<Hash>): Set<Hash> {
  const needed = new Set(neededTasks(state).map(({ id }) => id));
  const named = new Set<Hash>();
  const tasks: Hash[] = [];
  for (const [task, result] of state.completed) {
    const gone = needed.has(task) ? hashesOf(result).filter((hash) => missing.has(hash)) : [];
    if (gone.length > 0) tasks.push(task);
    for (const hash of gone) named.add(hash);
  }
  undo(state, tasks);
  return named;
}
