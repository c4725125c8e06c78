import { begin, checkExperiment, drive, allTasks, ledgerOf, fold } from "@manyfold/coordinator";
import { prepare } from "@manyfold/data";
import { memoryBlobs, memoryJournal, readCsv } from "@manyfold/files";
import { type ExperimentInput, Experiment, type JournalRecord } from "@manyfold/protocol";
import { pairs } from "@manyfold/search/testing";
import { inlineExecutor, preferredVariant, threadsExecutor } from "@manyfold/workers";
import { afterAll, expect, test } from "vitest";
import { clock, timers } from "../nats/world.ts";

/*
 * Real trainings: a search has one ledger inline, on one, two and four threads. All pairs of sampler
 * and scheduler are tried in virtual time; here every sampler with ASHA, and TPE with every scheduler.
 */

const blobs = memoryBlobs();
const executors = [
  inlineExecutor({ blobs, clock, timers }),
  ...[1, 2, 4].map((workers) => threadsExecutor({ blobs, clock, timers, workers })),
];
afterAll(() => Promise.all(executors.map((executor) => executor.close())));

const tried = pairs.filter(({ name }) => name.includes("promotes") || name.startsWith("tpe"));

test.each(tried)("$name has one ledger inline and on 1, 2 and 4 threads", async ({ search }) => {
  const input: ExperimentInput = {
    version: 1,
    name: "conforming",
    data: { source: "configs/data/iris.csv", target: "species", task: "classification" },
    model: { layers: [{ dense: { units: 3, activation: "tanh" } }] },
    train: { epochs: 9 },
    search,
  };
  const experiment = Experiment.parse(input);
  checkExperiment(experiment);
  const { data, tables } = prepare(
    await readCsv("configs/data/iris.csv", experiment.data),
    experiment,
  );
  for (const bytes of tables) await blobs.put(bytes);
  const variant = preferredVariant();
  const [version, run] = [1, "conforming"] as const;
  const created: JournalRecord = {
    type: "created",
    version,
    run,
    experiment,
    variant,
    data,
    time: 0,
    manyfold: "0",
  };
  const ledgers = [];
  for (const executor of executors) {
    const state = begin(created);
    const journal = memoryJournal([created]);
    await drive(state, { journal, blobs, executor, clock });
    ledgers.push(ledgerOf(state, allTasks(state)));
    // What a resume reads says the same.
    const again = begin(created);
    for await (const record of journal.read(1)) fold(again, record);
    ledgers.push(ledgerOf(again, allTasks(again)));
  }
  expect(new Set(ledgers).size).toBe(1);
});
