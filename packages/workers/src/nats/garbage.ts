import { type Clock, type Hash, type JournalRecord, ManyfoldError } from "@manyfold/protocol";
import { askCoordinator, listRuns } from "./census.ts";
import { natsJournal } from "./journal.ts";
import { readLease } from "./lease.ts";
import type { Link } from "./link.ts";
import type { Names } from "./subjects.ts";

export interface GarbageOptions {
  readonly clock: Clock;
  /** Milliseconds since the last record of a finished run after which it goes. */
  readonly age: number;
  /** Removes this run instead, finished or not, and no other. */
  readonly run?: string;
  /** Says what would go, and removes nothing. */
  readonly dry?: boolean;
}

/** What was removed from a server. */
export interface Garbage {
  readonly runs: readonly string[];
  /** Blobs that no run needs any more. */
  readonly blobs: number;
}

/** Milliseconds for which a blob is left alone while anybody is at work: its record may be on its way. */
const FRESH = 3_600_000;

/**
 * Removes what nobody needs from a namespace: log, results and lease of runs that finished long ago,
 * then every blob that no remaining run names. Runs that have not finished stay until they are named;
 * one that is being coordinated always stays. Run folders elsewhere are not touched.
 *
 * @throws ManyfoldError (`input`) where the named run is not there, or is being coordinated
 */
export async function collectGarbage(
  link: Link,
  names: Names,
  { clock, age, run, dry = false }: GarbageOptions,
): Promise<Garbage> {
  const needed = new Set<Hash>();
  const removed: string[] = [];
  let atWork = false;
  const known = await listRuns(link, names);
  if (run !== undefined && !known.includes(run)) throw unknown(run);
  for (const each of known) {
    const found = await lookAt(link, names, each);
    const alive = await isCoordinated(link, names, each);
    atWork ||= alive;
    if (alive && each === run) throw coordinated(each);
    const old = found.finished && clock.now() - found.last >= age;
    if (!alive && (run === undefined ? old : each === run)) removed.push(each);
    else for (const hash of found.blobs) needed.add(hash);
  }

  if (!dry) for (const each of removed) await removeRun(link, names, each);
  const least = Math.max(run === undefined ? age : 0, atWork ? FRESH : 0);
  const stale: Hash[] = [];
  for (const subject of await link.streams.subjects(names.blobs, names.blob("*"))) {
    const hash = subject.split(".").at(-2) ?? "";
    if (needed.has(hash)) continue;
    const head = await link.jsm.direct.getMessage(names.blobs, { last_by_subj: subject });
    if (head !== null && clock.now() - head.time.getTime() >= least) stale.push(hash);
  }
  // No reader is behind in this stream: blobs are got one by one, so a purge skips nobody's.
  for (const hash of dry ? [] : stale) {
    await link.jsm.streams.purge(names.blobs, { filter: names.blobParts(hash) });
  }
  return { runs: removed, blobs: stale.length };
}

interface Found {
  readonly finished: boolean;
  /** Milliseconds since 1970 of its last record. */
  readonly last: number;
  readonly blobs: ReadonlySet<Hash>;
}

async function lookAt(link: Link, names: Names, run: string): Promise<Found> {
  const journal = await natsJournal(link, names, run);
  const blobs = new Set<Hash>();
  let finished = false;
  let last = 0;
  for await (const record of journal.read(0)) {
    finished = record.type === "finished" || (finished && record.type === "resumed");
    last = record.time;
    for (const hash of blobsOf(record)) blobs.add(hash);
  }
  await journal.close();
  return { finished, last, blobs };
}

function blobsOf(record: JournalRecord): Hash[] {
  if (record.type === "created") {
    const { final, folds } = record.data;
    const tables = [final, ...folds].map(({ table }) => table.hash);
    return record.config ? [...tables, record.config.hash] : tables;
  }
  if (record.type !== "completed") return [];
  const { weights, predictions } = record.result;
  return [weights, ...Object.values(predictions)].flatMap((ref) => (ref ? [ref.hash] : []));
}

async function isCoordinated(link: Link, names: Names, run: string): Promise<boolean> {
  const lease = await readLease(link, names, run);
  if (lease === undefined || lease.state === "ended") return false;
  return (await askCoordinator(link, names, run, "state")) !== undefined;
}

/** The log last: what is left after a crash is found again by it. */
async function removeRun(link: Link, names: Names, run: string): Promise<void> {
  // Every reader of results reads those of one run: a purge skips nobody's.
  await link.jsm.streams.purge(names.results, { filter: names.outcomes(run) });
  await link.jsm.streams.purge(names.leases, { filter: names.lease(run) });
  await link.jsm.streams.purge(names.log, { filter: names.logOf(run) });
}

function unknown(run: string): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: run,
    condition: "the id of a run on the servers",
    got: "one that they do not know",
    help: "manyfold ps lists them.",
  });
}

function coordinated(run: string): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: run,
    condition: "a run that nobody coordinates",
    got: "one that is at work",
    help: "Stop it with manyfold cancel first.",
  });
}
