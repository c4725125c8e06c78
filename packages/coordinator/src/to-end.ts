import type { BlobStore, Hash, ReportDocument } from "@manyfold/protocol";
import { hashBytes, ManyfoldError } from "@manyfold/protocol";
import { MissingBlob } from "./blobs.ts";
import type { Setting } from "./execution.ts";
import { executionOf } from "./execution.ts";
import type { Finished } from "./finish.ts";
import { finish } from "./finish.ts";
import type { Surroundings } from "./run.ts";
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
      // Its task is undone: forgotten here, planned again, and stored anew under the same hash.
      const again = !lost.has(error.hash) && forget(state, error.hash) > 0;
      if (!again) throw gone(error.hash);
      lost.add(error.hash);
    }
  }
  await record(state, journal, [{ type: "interrupted", time: clock.now() }]);
  return { status: "interrupted" };
}

/** Without its data every task would fail, and for good; better that none is tried. */
async function requireTables({ data }: RunState, blobs: BlobStore): Promise<void> {
  for (const { table } of [data.final, ...data.folds]) {
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

/** Takes back results that name a blob which is gone; returns how many. */
function forget(state: RunState, blob: Hash): number {
  let count = 0;
  for (const [task, { weights, predictions }] of state.completed) {
    const named = [weights, ...Object.values(predictions)];
    if (!named.some((ref) => ref?.hash === blob)) continue;
    state.completed.delete(task);
    count += 1;
  }
  return count;
}
