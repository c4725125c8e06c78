import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  allTasks,
  begin,
  drive,
  fold,
  ledgerOf,
  record,
  type RunState,
} from "@manyfold/coordinator";
import { prepare } from "@manyfold/data";
import { fileJournal, hashOf, memoryBlobs, readCsv } from "@manyfold/files";
import {
  Experiment,
  type BlobStore,
  type Clock,
  type Journal,
  type JournalRecord,
  type Timers,
} from "@manyfold/protocol";
import { inlineExecutor } from "@manyfold/workers";
import { expect, test } from "vitest";
import { bag, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { framesOf } from "./journal-file.ts";

const folder = temporaryFolder({ memory: true });

// Time stands still, so that equal histories have equal bytes.
const clock: Clock = { now: () => 1_700_000_000_000, monotonic: () => 0 };
const timers: Timers = {
  sleep: () => new Promise((resolve) => setImmediate(resolve)),
  every: () => () => undefined,
};

async function driveInline(state: RunState, journal: Journal, blobs: BlobStore): Promise<number> {
  const executor = inlineExecutor({ blobs, clock, timers });
  let ended = 0;
  const observe = () => (ended += 1);
  try {
    expect(await drive(state, { journal, blobs, executor, clock, observe })).toBe(true);
  } finally {
    await executor.close();
  }
  return ended;
}

async function stateOf(journal: Journal): Promise<{ state: RunState; records: JournalRecord[] }> {
  const records: JournalRecord[] = [];
  for await (const each of journal.read(0)) records.push(each);
  const [created, ...others] = records;
  if (created === undefined) throw new Error("an empty journal");
  return { state: others.reduce(fold, begin(created)), records };
}

test("a journal cut at any byte of its last two frames goes on to the same end", async () => {
  const config = writeExperiment(folder, bag);
  const experiment = Experiment.parse(JSON.parse(readFileSync(config, "utf8")));
  const raw = await readCsv(join(folder, bag.name, experiment.data.source), experiment.data);
  const { data, tables } = prepare(raw, experiment, hashOf);
  const blobs = memoryBlobs();
  for (const bytes of tables) await blobs.put(bytes);
  const created: JournalRecord = {
    type: "created",
    version: 1,
    run: "cut",
    experiment,
    variant: "js",
    data,
    time: clock.now(),
    manyfold: "0.0.0",
  };

  mkdirSync(join(folder, "whole"));
  const path = join(folder, "whole/journal.log");
  const journal = await fileJournal(path);
  await journal.append(0, [created]);
  const whole = begin(created);
  expect(await driveInline(whole, journal, blobs)).toBe(16);
  const ledger = ledgerOf(whole, allTasks(whole));
  await record(whole, journal, [
    { type: "finished", status: "done", ledger, artifact: null, time: clock.now() },
  ]);
  const { records: history } = await stateOf(journal);
  await journal.close();

  const bytes = readFileSync(path);
  const frames = framesOf(path);
  const [from = 0, middle = 0, end = 0] = frames.slice(-3);
  expect(end).toBe(bytes.length);
  const cut = join(folder, "cut.log");
  for (let length = from; length < end; length++) {
    writeFileSync(cut, bytes.subarray(0, length));
    const again = await fileJournal(cut);
    const { state, records } = await stateOf(again);
    // The whole frames are there and nothing else; nothing of a torn one, and nothing after it.
    expect(records).toEqual(history.slice(0, records.length));
    expect(state.finished).toBeUndefined();
    expect(readFileSync(cut).length, `cut at ${length}`).toBe(length < middle ? from : middle);
    const missing = 8 - state.completed.size;
    const events = await driveInline(state, again, blobs);
    // A start and an end per task that was missing, and none of any other.
    expect(events).toBe(2 * missing);
    expect(missing > 0).toBe(length < middle);
    expect(state.completed.size).toBe(8);
    expect(ledgerOf(state, allTasks(state))).toBe(ledger);
    await again.close();
    // What was run again was written again, and nothing twice.
    const tasks = (await reread(cut)).flatMap((each) =>
      each.type === "completed" ? [each.task] : [],
    );
    expect(new Set(tasks).size).toBe(tasks.length);
  }
});

async function reread(path: string): Promise<JournalRecord[]> {
  const journal = await fileJournal(path);
  const { records } = await stateOf(journal);
  await journal.close();
  return records;
}
