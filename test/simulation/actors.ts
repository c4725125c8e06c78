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
  answerForRun,
  claimLease,
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
const BEAT = 0.5;
const COORDINATOR_LEASE = 2;
export const LEASE = 4;
export const RUN = "run";
/** Tasks that are out at once: more than the window of a session that is alone. */
const SLOTS = 96;

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
 * @param how `assessed`: with the analysis at the end, which finds lost blobs and takes as long as the
 *   rest; `takeOver`: from a coordinator that may live
 */
export async function coordinate(
  process: Process,
  link: Transport,
  names: Names,
  folder: Folder,
  subject: Subject,
  how: { readonly assessed: boolean; readonly takeOver: boolean },
): Promise<void> {
  const { clock, timers, name } = process;
  await prepareNamespace(link, names, LEASE);
  const blobs = natsBlobs(link, names, folder.blobs);
  for (const bytes of subject.tables) await blobs.put(bytes);
  const lease = await claimLease(link, names, {
    run: RUN,
    owner: name,
    host: name,
    clock,
    timers,
    seconds: COORDINATOR_LEASE,
    takeOver: how.takeOver,
  });
  try {
    const truth = await natsJournal(link, names, RUN, lease.epoch);
    const copied = await copiedJournal(truth, folder.journal);
    const journal: Journal = {
      ...copied,
      append: async (after, records) => {
        lease.lost.throwIfAborted();
        return copied.append(after, records);
      },
    };
    const records: JournalRecord[] = [];
    for await (const each of journal.read(0)) records.push(each);
    const [created = subject.created(RUN), ...others] = records;
    if (records.length === 0) await journal.append(0, [created]);
    const state = others.reduce(fold, begin(created));
    if (records.length > 0) {
      await record(state, journal, [{ type: "resumed", time: clock.now() }]);
    }
    const executor = natsExecutor({
      link,
      names,
      run: RUN,
      blobs,
      clock,
      timers,
      slots: SLOTS,
      beat: BEAT,
      lease: LEASE,
    });
    const silence = answerForRun(link, names, { run: RUN, host: name }, () => undefined);
    const leave = () => void executor.close();
    lease.lost.addEventListener("abort", leave, { once: true });
    try {
      const world = { journal, blobs, executor, clock };
      if (how.assessed) await runToEnd(state, world, SETTING, () => Promise.resolve());
      else await driveToEnd(state, world);
    } catch (error) {
      // What came of it elsewhere, once it is another's.
      lease.lost.throwIfAborted();
      throw error;
    } finally {
      silence();
      lease.lost.removeEventListener("abort", leave);
      await executor.close();
      await journal.close();
    }
  } finally {
    await lease.release();
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
    async runAll(tasks) {
      const outcomes: AttemptOutcome[] = [];
      for (const { task, table, options } of tasks) {
        outcomes.push(await pool.run(task, table, options));
      }
      return outcomes;
    },
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
