import {
  blobsOf as resultBlobs,
  type Clock,
  type Hash,
  type JournalRecord,
  ManyfoldError,
  tablesOf,
} from "@manyfold/protocol";
import { askCoordinator, listLeases, listRuns } from "./census.ts";
import { natsJournal } from "./journal.ts";
import { awaitRenewal, type LeaseView, readLease } from "./lease.ts";
import type { Link } from "./link.ts";
import { isEarlier, type Names } from "./subjects.ts";

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
  /** Consumers of tasks that an earlier version of the protocol made, and nobody uses. */
  readonly consumers: readonly string[];
}

/** Milliseconds for which a blob is left alone while anybody is at work: its record may be on its way. */
const FRESH = 3_600_000;

/**
 * Removes what nobody needs from a namespace: log, results and lease of runs that finished long ago,
 * or ended before their first record, then every blob that no remaining run names. Runs that have not
 * finished stay until they are named; one whose lease is held always stays. Whether it is held is
 * known at once where its coordinator answers, else after its lease's time. Run folders elsewhere are
 * not touched.
 *
 * @throws ManyfoldError (`input`) where the named run is not there, or is being coordinated
 */
export async function collectGarbage(
  link: Link,
  names: Names,
  { clock, age, run, dry = false }: GarbageOptions,
): Promise<Garbage> {
  // A run claims its lease, sends blobs, then names them in its log. Looked at the other way round,
  // none can slip by: a blob that comes later is not in the list, nor a record that comes too late.
  const stored = await link.streams.subjects(names.blobs, names.blob("*"));
  const logs = await listRuns(link, names);
  const known = [...new Set([...logs, ...(await listLeases(link, names))])].toSorted();
  if (run !== undefined && !known.includes(run)) throw unknown(run);
  const leases = await Promise.all(known.map((each) => holderOf(link, names, each, clock)));
  const atWork = leases.some(({ held }) => held);

  const needed = new Set<Hash>();
  const removed: string[] = [];
  for (const [place, each] of known.entries()) {
    const { held = false, lease } = leases[place] ?? {};
    if (held && each === run) throw coordinated(each);
    const found = await lookAt(link, names, each);
    // Without a record a run is nothing, and nobody can go on with it.
    const { finished, last } = found ?? { finished: true, last: lease?.until ?? 0 };
    const old = finished && clock.now() - last >= age;
    if (!held && (run === undefined ? old : each === run)) removed.push(each);
    else for (const hash of found?.blobs ?? []) needed.add(hash);
  }

  if (!dry) for (const each of removed) await removeRun(link, names, each);
  const least = Math.max(run === undefined ? age : 0, atWork ? FRESH : 0);
  const stale: Hash[] = [];
  for (const subject of stored) {
    const hash = subject.split(".").at(-2) ?? "";
    if (needed.has(hash)) continue;
    const head = await link.jsm.direct.getMessage(names.blobs, { last_by_subj: subject });
    if (head !== null && clock.now() - head.time.getTime() >= least) stale.push(hash);
  }
  // No reader is behind in this stream: blobs are got one by one, so a purge skips nobody's.
  for (const hash of dry ? [] : stale) {
    await link.jsm.streams.purge(names.blobs, { filter: names.blobParts(hash) });
  }
  const consumers = run === undefined ? await idleConsumers(link, names) : [];
  for (const each of dry ? [] : consumers) await link.jsm.consumers.delete(names.tasks, each);
  return { runs: removed, blobs: stale.length, consumers };
}

/** Those of earlier versions that have nothing to hand out, and that nobody asks for anything. */
async function idleConsumers(link: Link, names: Names): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const info of link.jsm.consumers.list(names.tasks)) {
      const used = info.num_pending + info.num_ack_pending + info.num_waiting > 0;
      if (isEarlier(info.name) && !used) found.push(info.name);
    }
  } catch {
    // A coordinator whose rights are older than this leaves them where they are.
  }
  return found.toSorted();
}

interface Found {
  readonly finished: boolean;
  /** Milliseconds since 1970 of its last record. */
  readonly last: number;
  readonly blobs: ReadonlySet<Hash>;
}

/** What a run's log says; undefined where it has no record. */
async function lookAt(link: Link, names: Names, run: string): Promise<Found | undefined> {
  const journal = await natsJournal(link, names, run);
  const blobs = new Set<Hash>();
  let finished = false;
  let last: number | undefined;
  for await (const record of journal.read(0)) {
    finished = record.type === "finished" || (finished && record.type === "resumed");
    last = record.time;
    for (const hash of blobsOf(record)) blobs.add(hash);
  }
  await journal.close();
  return last === undefined ? undefined : { finished, last, blobs };
}

function blobsOf(record: JournalRecord): Hash[] {
  if (record.type === "created") {
    const tables = tablesOf(record.data).map(({ table }) => table.hash);
    return record.config ? [...tables, record.config.hash] : tables;
  }
  if (record.type !== "completed") return [];
  return resultBlobs(record.result).map(({ hash }) => hash);
}

/** A run's lease, and whether somebody has it: who does not answer, but renews, is slow and not gone. */
async function holderOf(
  link: Link,
  names: Names,
  run: string,
  clock: Clock,
): Promise<{ readonly lease: LeaseView | undefined; readonly held: boolean }> {
  const since = clock.monotonic();
  const lease = await readLease(link, names, run);
  if (lease?.state !== "held") return { lease, held: false };
  const answer = await askCoordinator(link, names, run, "state");
  const { timers } = link;
  const held =
    answer !== undefined ||
    (await awaitRenewal(link, names, lease, { clock, timers }, since)) !== undefined;
  return { lease, held };
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
