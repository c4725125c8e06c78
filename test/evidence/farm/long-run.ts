import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { begin, drive, fold } from "@manyfold/coordinator";
import { prepare, rawTable } from "@manyfold/data";
import { directoryBlobs, fileJournal, hashOf, parseCsv, readJournal } from "@manyfold/files";
import { Experiment, type JournalRecord } from "@manyfold/protocol";
import {
  claimLease,
  copiedJournal,
  natsBlobs,
  natsExecutor,
  natsJournal,
} from "@manyfold/workers/nats";
import { clock, type Farm, timers } from "./world.ts";

const MIB = 2 ** 20;
const RUN = "long";
/** Slots as `manyfold run --executor nats` has them. */
const SLOTS = 64;
const MOST = 8192;

/**
 * A bag of very many members as one run: planned, sent, journaled on the server and on disk, folded.
 * Looks what memory its tasks leave behind after a first fifth, at equal distances.
 */
export async function longRun(farm: Farm, count: number) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = () => {
    collect();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return (heapUsed + external + arrayBuffers) / MIB;
  };
  const workers = async () => {
    const found = await Promise.all(farm.workers.map((worker) => worker.usage()));
    return Math.max(...found.map(({ rss }) => rss)) / MIB;
  };
  const folder = mkdtempSync(join(tmpdir(), "manyfold-long-"));
  const blobs = natsBlobs(farm.link, farm.names, directoryBlobs(join(folder, "blobs")));
  const { created, tables } = subjectOf(count);
  for (const bytes of tables) await blobs.put(bytes);
  const lease = await claimLease(farm.link, farm.names, {
    run: RUN,
    owner: "evidence",
    host: "here",
    clock,
    timers,
  });
  const log = join(folder, "journal.log");
  const journal = await copiedJournal(
    await natsJournal(farm.link, farm.names, RUN, lease.epoch),
    await fileJournal(log),
  );
  const executor = natsExecutor({
    link: farm.link,
    names: farm.names,
    run: RUN,
    blobs,
    clock,
    timers,
    slots: SLOTS,
    mostSlots: MOST,
  });
  try {
    await journal.append(0, [created]);
    const state = begin(created);
    const marks = [0.2, 0.4, 0.6, 0.8, 1].map((share) => Math.floor(share * count));
    const coordinator: number[] = [];
    const its: Promise<number>[] = [];
    const since = clock.monotonic();
    let done = 0;
    const observe = ({ type }: { readonly type: string }) => {
      if (type === "failed") throw new Error("a task failed");
      if (type !== "completed" || ++done !== marks[coordinator.length]) return;
      coordinator.push(used());
      its.push(workers());
    };
    const whole = await drive(state, { journal, blobs, executor, clock, observe });
    const seconds = (clock.monotonic() - since) / 1000;
    await delay(500);
    const seen = [...(await Promise.all(its)), await workers()];
    // What a resume would have.
    const again = begin(created);
    for await (const record of readJournal(log)) if (record.type !== "created") fold(again, record);
    if (!whole || done !== count || again.labour.attempts !== count) {
      throw new Error(`${done} of ${count} tasks are done, ${again.labour.attempts} journaled`);
    }
    const growth = (of: readonly number[]) => (of.at(-1) ?? 0) - (of[0] ?? 0);
    return {
      tasks: done,
      seconds,
      coordinator: growth(coordinator),
      workers: growth(seen),
      marks: { coordinator: coordinator.map(Math.round), worker: seen.map(Math.round) },
    };
  } finally {
    await executor.close();
    await journal.close();
    await lease.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

function subjectOf(members: number) {
  const text = ["a,b", ...Array.from({ length: 40 }, (_, row) => `${row},${row % 7}`), ""];
  const experiment = Experiment.parse({
    version: 1,
    name: RUN,
    seed: 1,
    data: { source: "long.csv", target: "b", task: "regression", split: { test: 0.25 } },
    model: { layers: [{ dense: { units: 4, activation: "tanh" } }] },
    train: { epochs: 10 },
    ensemble: { bagging: { members } },
  });
  const cells = parseCsv(new TextEncoder().encode(text.join("\n")), "long.csv");
  const { data, tables } = prepare(rawTable(cells, experiment.data), experiment, hashOf);
  const created: JournalRecord = {
    type: "created",
    version: 1,
    run: RUN,
    experiment,
    variant: "js",
    data,
    time: clock.now(),
    manyfold: "evidence",
  };
  return { created, tables };
}
