import {
  canonicalJson,
  type Journal,
  JournalRecord,
  ManyfoldError,
  show,
} from "@manyfold/protocol";
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../outcome.ts";
import { isDeep } from "./depth.ts";
import { PART } from "./streams.ts";
import type { Names } from "./subjects.ts";
import { refusalCode, type Transport } from "./transport.ts";

/** Records before a commit, and records in it. */
const FROM = "Mf-From";
const COUNT = "Mf-Count";
/** Who wrote a commit: tells one's own, whose answer was lost, from a rival's. */
const WRITER = "Mf-Writer";
/** Of the coordinator's lease; never falls from one commit to the next. */
const EPOCH = "Mf-Epoch";

interface Pending {
  readonly texts: readonly string[];
  readonly length: number;
  readonly resolve: (length: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The journal of a run as a server's log: a message per commit, each on condition that the one before
 * is the last (the server checks), so that of two coordinators one is refused. Appends that come
 * while one is under way share the next. After a refused one the journal takes no more.
 *
 * @param epoch of the lease of who is going to write: opening then puts a commit without records at
 *   the log's end, and whoever knew the end before can write no more. Without one, nothing is written.
 * @throws ManyfoldError (`journal`) where the log's end is none of ours, (`environment`) where
 *   a later epoch has written
 */
export async function natsJournal(
  link: Transport,
  names: Names,
  run: string,
  epoch?: number,
): Promise<Journal> {
  const subject = names.logOf(run);
  const path = `journal ${run}`;
  const writer = randomUUID();
  /** The last commit's place in the stream, and the records up to it. */
  let { sequence, committed, epoch: newest } = await endOf(link, names, run);
  const own = epoch ?? newest;
  let queue: Pending[] = [];
  let flushing: Promise<void> | undefined;
  let broken: ManyfoldError | undefined;
  let closed = false;

  const marksOf = (count: number) => {
    return {
      [FROM]: String(committed),
      [COUNT]: String(count),
      [WRITER]: writer,
      [EPOCH]: String(own),
    };
  };
  // A log that has nothing yet has no other writer to shut out.
  while (epoch !== undefined && newest < epoch && sequence > 0) {
    const headers = marksOf(0);
    try {
      sequence = await link.streams.publish(subject, new Uint8Array(0), {
        last: sequence,
        headers,
      });
      newest = epoch;
    } catch (error) {
      if (refusalCode(error) !== 10071) throw refused(path, error);
      // The one before has just written once more, or this is one's own: both are seen by looking.
      ({ sequence, committed, epoch: newest } = await endOf(link, names, run));
    }
  }
  if (newest > own) throw takenOver(run, { epoch: newest });
  let length = committed;

  const commit = async (texts: readonly string[]) => {
    const headers = marksOf(texts.length);
    const body = new TextEncoder().encode(texts.join("\n"));
    // A new number per commit and the same one per retry: a lost answer does no harm.
    const msgID = `${writer}.${committed}`;
    try {
      sequence = await link.streams.publish(subject, body, { msgID, last: sequence, headers });
    } catch (error) {
      if (refusalCode(error) !== 10071) throw error;
      const found = await link.streams.get(names.log, { last: subject });
      const mine = found?.headers[WRITER] === writer;
      if (!mine || found.headers[FROM] !== String(committed)) {
        throw takenOver(run, { epoch: Number(found?.headers[EPOCH] ?? 0) });
      }
      sequence = found.sequence;
    }
    committed += texts.length;
  };
  const flush = async () => {
    while (queue.length > 0) {
      // Whoever appends in this turn of the event loop shares the commit.
      await link.timers.sleep(0);
      const batch = takeBatch(queue);
      queue = queue.slice(batch.length);
      try {
        await commit(batch.flatMap(({ texts }) => texts));
        for (const { length: after, resolve } of batch) resolve(after);
      } catch (error) {
        broken = error instanceof ManyfoldError ? error : refused(path, error);
        for (const { reject } of [...batch, ...queue]) reject(broken);
        queue = [];
      }
    }
    flushing = undefined;
  };

  return {
    async *read(from) {
      if (closed) throw isClosed(path);
      const end = sequence;
      let at = 0;
      for (let next = 1; next <= end;) {
        const found = await link.streams.get(names.log, { next: subject, from: next });
        if (found === undefined) break;
        const records = parse(path, found.data);
        yield* records.slice(Math.max(0, from - at));
        at += records.length;
        next = found.sequence + 1;
      }
    },
    async append(expectedSequence, records) {
      if (closed) throw isClosed(path);
      if (broken !== undefined) throw broken;
      if (expectedSequence !== length) throw outOfPlace(path, expectedSequence, length);
      if (records.length === 0) return length;
      const texts = records.map((record) => canonicalJson(record));
      const size = sizeOf(texts);
      if (size > PART) throw tooLong(path, size);
      length += records.length;
      const after = length;
      return new Promise<number>((resolve, reject) => {
        queue.push({ texts, length: after, resolve, reject });
        flushing ??= flush();
      });
    },
    async close() {
      closed = true;
      await flushing;
    },
  };
}

interface End {
  /** The last commit's place in the stream; 0 for none. */
  readonly sequence: number;
  /** Records up to it. */
  readonly committed: number;
  /** That it was written in; 0 for none. */
  readonly epoch: number;
}

async function endOf(link: Transport, names: Names, run: string): Promise<End> {
  const last = await link.streams.get(names.log, { last: names.logOf(run) });
  if (last === undefined) return { sequence: 0, committed: 0, epoch: 0 };
  const [from = 0, count = 0, epoch = 0] = [FROM, COUNT, EPOCH].map((name) => {
    const number = Number(last.headers[name] ?? Number.NaN);
    if (!Number.isSafeInteger(number) || number < 0) throw foreign(`journal ${run}`, last.data);
    return number;
  });
  return { sequence: last.sequence, committed: from + count, epoch };
}

/** The epoch in which a run's log was last written; 0 where there is none. */
export async function epochOf(link: Transport, names: Names, run: string): Promise<number> {
  return (await endOf(link, names, run)).epoch;
}

/**
 * A journal whose records also go to a second one: the truth on a server, and the run's folder a
 * copy. Where one of them is behind, it is brought up to date first: the copy of a machine that was
 * away, or the log of a run that went on without the server.
 *
 * @throws ManyfoldError (`journal`) where each has records that the other has not
 */
export async function copiedJournal(truth: Journal, copy: Journal): Promise<Journal> {
  const [there, here] = [await collect(truth), await collect(copy)];
  const common = Math.min(there.length, here.length);
  const fork = there.slice(0, common).findIndex((each, at) => !isDeepStrictEqual(each, here[at]));
  if (fork >= 0) throw forked(fork);
  if (here.length < there.length) await copy.append(common, there.slice(common));
  for (let at = common; at < here.length; at += CHUNK) {
    await truth.append(at, here.slice(at, at + CHUNK));
  }
  return {
    read: (from) => truth.read(from),
    async append(expectedSequence, records) {
      const length = await truth.append(expectedSequence, records);
      await copy.append(expectedSequence, records);
      return length;
    },
    async close() {
      await truth.close();
      await copy.close();
    },
  };
}

/** Records per append where a whole journal is sent. */
const CHUNK = 20;

async function collect(journal: Journal): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const record of journal.read(0)) records.push(record);
  return records;
}

function forked(at: number): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path: `record ${at} of the run's journal`,
    condition: "the same in the run's folder and on the server",
    got: "two different ones",
    help: "The run went on in both places: go on with one of them, or start a new run.",
  });
}

function sizeOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}

/** As many of the waiting appends as one message holds. */
function takeBatch(queue: readonly Pending[]): Pending[] {
  let size = 0;
  const over = queue.findIndex(({ texts }) => (size += sizeOf(texts)) > PART);
  return queue.slice(0, over < 0 ? queue.length : over);
}

function parse(path: string, bytes: Uint8Array): JournalRecord[] {
  // A fence has none.
  if (bytes.byteLength === 0) return [];
  if (isDeep(bytes)) throw foreign(path, bytes);
  try {
    const lines = new TextDecoder().decode(bytes).split("\n");
    return lines.map((line) => JournalRecord.parse(JSON.parse(line)));
  } catch {
    throw foreign(path, bytes);
  }
}

function foreign(path: string, bytes: Uint8Array): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path,
    condition: "records of this version of Manyfold",
    got: show(new TextDecoder().decode(bytes.subarray(0, 200))),
    help: "It was written by another Manyfold, or by something else.",
  });
}

/** The caller's own mistake: its records do not follow those that are there. */
function outOfPlace(path: string, expected: number, length: number): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path,
    condition: `${expected} records long`,
    got: String(length),
    help: "Another coordinator wrote to it: stop one of the two and resume.",
  });
}

/** What a coordinator says whose run somebody else goes on with. */
export function takenOver(
  run: string,
  by: { readonly host?: string; readonly epoch: number },
): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: run,
    condition: "coordinated by this process",
    got: `a takeover by ${by.host ?? "another coordinator"} (epoch ${by.epoch}), which goes on with it; nothing is lost`,
  });
}

function tooLong(path: string, size: number): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path,
    condition: `written in appends of at most ${PART} bytes`,
    got: String(size),
    help: "Fewer columns, or learning curves of fewer epochs, make shorter records.",
  });
}

function refused(path: string, error: unknown): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path,
    condition: "taken by the server",
    got: messageOf(error),
    help: "A full log takes nothing: raise its stream's limit.",
  });
}

function isClosed(path: string): ManyfoldError {
  return new ManyfoldError({ code: "internal", path, condition: "open", got: "a closed journal" });
}
