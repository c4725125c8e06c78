import {
  allTasks,
  begin,
  drive,
  fold,
  ledgerOf,
  record,
  type RunState,
  runToEnd,
} from "@manyfold/coordinator";
import { memoryBlobs, memoryJournal } from "@manyfold/files";
import type { BlobStore, Journal, JournalRecord } from "@manyfold/protocol";
import type { AttemptOutcome, ThreadPool } from "@manyfold/workers";
import {
  copiedJournal,
  type Names,
  natsBlobs,
  natsExecutor,
  natsJournal,
  type NatsWorker,
  prepareNamespace,
  startNatsWorker,
  type Transport,
} from "@manyfold/workers/nats";
import { SETTING, type Subject } from "./laboratory.ts";
import type { Random } from "./random.ts";
import type { Process } from "./world.ts";

/** Seconds; short ones, so that less virtual time has to be gone through. */
export const BEAT = 0.5;
export const LEASE = 4;
export const RUN = "run";

/** What a coordinator leaves on its machine. */
export interface Folder {
  readonly journal: Journal;
  readonly blobs: BlobStore;
}

export function newFolder(): Folder {
  return { journal: memoryJournal(), blobs: memoryBlobs() };
}

/**
 * The program `manyfold run`, or `resume` where the run has begun, without its terminal.
 *
 * @param assessed with the analysis at the end, which finds lost blobs; it takes as long as the rest
 */
export async function coordinate(
  process: Process,
  link: Transport,
  names: Names,
  folder: Folder,
  subject: Subject,
  assessed: boolean,
): Promise<void> {
  const { clock, timers } = process;
  await prepareNamespace(link, names, LEASE);
  const blobs = natsBlobs(link, names, folder.blobs);
  for (const bytes of subject.tables) await blobs.put(bytes);
  const journal = await copiedJournal(await natsJournal(link, names, RUN), folder.journal);
  const records: JournalRecord[] = [];
  for await (const each of journal.read(0)) records.push(each);
  if (records.length === 0) {
    const created = subject.created(RUN);
    await journal.append(0, [created]);
    records.push(created);
  }
  const [created, ...others] = records;
  if (created === undefined) throw new Error("a journal without a beginning");
  const state = others.reduce(fold, begin(created));
  const executor = natsExecutor({
    link,
    names,
    run: RUN,
    blobs,
    clock,
    timers,
    slots: 8,
    beat: BEAT,
    lease: LEASE,
  });
  try {
    const world = { journal, blobs, executor, clock };
    if (assessed) await runToEnd(state, world, SETTING, () => Promise.resolve());
    else await driveToEnd(state, world);
  } finally {
    await executor.close();
    await journal.close();
    await link.close();
  }
}

async function driveToEnd(state: RunState, world: Parameters<typeof drive>[1]): Promise<void> {
  await drive(state, world);
  const ledger = ledgerOf(state, allTasks(state));
  const time = world.clock.now();
  const finished = { type: "finished", status: "done", ledger, artifact: null, time } as const;
  await record(state, world.journal, [finished]);
}

/** The program `manyfold worker`, on threads that sleep and then have the result. */
export async function labour(
  process: Process,
  link: Transport,
  names: Names,
  cache: BlobStore,
  subject: Subject,
  of: { readonly slots: number; readonly training: number; readonly random: Random },
): Promise<NatsWorker> {
  const { clock, timers, name } = process;
  const lost: AttemptOutcome = {
    status: "failed",
    failure: { code: "lost", message: "told to stop", permanent: false },
  };
  const pool: ThreadPool = {
    slots: of.slots,
    threads: [],
    async run(task, _table, { signal }) {
      try {
        await timers.sleep(of.random.between(1, of.training), signal);
      } catch {
        return lost;
      }
      return subject.outcome(task);
    },
    close: () => Promise.resolve(),
  };
  return startNatsWorker({
    link,
    names,
    blobs: natsBlobs(link, names, cache, { patient: true }),
    clock,
    timers,
    pool,
    variants: ["js"],
    id: name,
    host: name,
    manyfold: "simulation",
    beat: BEAT,
    lease: LEASE,
    grace: 3,
  });
}
