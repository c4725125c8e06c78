import { readFileSync } from "node:fs";
import { join } from "node:path";
import { allTasks, begin, ledgerOf, runToEnd } from "@manyfold/coordinator";
import { prepare } from "@manyfold/data";
import { hashOf, memoryBlobs, memoryJournal, readCsv } from "@manyfold/files";
import {
  type BlobStore,
  type Clock,
  Experiment,
  type Hash,
  type JournalRecord,
  type Timers,
} from "@manyfold/protocol";
import { inlineExecutor } from "@manyfold/workers";
import { expect, test } from "vitest";
import { bag, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";

const folder = temporaryFolder({ memory: true });
const clock: Clock = { now: () => 1_700_000_000_000, monotonic: () => 0 };
const timers: Timers = {
  sleep: () => new Promise((resolve) => setImmediate(resolve)),
  every: () => () => undefined,
};

/** A store that can lose what it has. */
function losingBlobs() {
  const kept = memoryBlobs();
  const gone = new Set<Hash>();
  const blobs: BlobStore = {
    async put(bytes) {
      gone.delete(hashOf(bytes));
      return kept.put(bytes);
    },
    get: async (hash) => (gone.has(hash) ? undefined : kept.get(hash)),
    has: async (hash) => !gone.has(hash) && kept.has(hash),
  };
  return { blobs, gone };
}

test("all lost blobs are found at once: one more pass, however many they are", async () => {
  const config = writeExperiment(folder, bag);
  const experiment = Experiment.parse(JSON.parse(readFileSync(config, "utf8")));
  const raw = await readCsv(join(folder, bag.name, experiment.data.source), experiment.data);
  const { data, tables } = prepare(raw, experiment, hashOf);
  const { blobs, gone } = losingBlobs();
  for (const bytes of tables) await blobs.put(bytes);
  const created: JournalRecord = {
    type: "created",
    version: 1,
    run: "lost",
    experiment,
    variant: "js",
    data,
    time: clock.now(),
    manyfold: "0.0.0",
  };
  const journal = memoryJournal([created]);
  const state = begin(created);
  const setting = { executor: "inline", host: "here", node: "", manyfold: "0.0.0" };
  let passes = 0;
  const toEnd = async () => {
    const inline = inlineExecutor({ blobs, clock, timers });
    const executor = {
      ...inline,
      run: (...of: Parameters<typeof inline.run>) => {
        passes++;
        return inline.run(...of);
      },
    };
    passes = 0;
    const ending = await runToEnd(
      state,
      { journal, blobs, executor, clock },
      setting,
      async () => {},
    );
    expect(ending.status).toBe("done");
    await executor.close();
    return ledgerOf(state, allTasks(state));
  };

  const ledger = await toEnd();
  expect(passes).toBe(1);
  const results = [...state.completed.values()];
  for (const result of results.slice(0, 6)) {
    const refs = "weights" in result ? [result.weights, result.predictions["test"]] : [];
    for (const ref of refs) if (ref !== undefined) gone.add(ref.hash);
  }
  expect(gone.size).toBe(12);
  expect(await toEnd()).toBe(ledger);
  expect(passes).toBe(2);
  expect(gone.size).toBe(0);
});
