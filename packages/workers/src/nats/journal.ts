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
import { PART } from "./streams.ts";
import type { Names } from "./subjects.ts";
import { refusalCode, type Transport } from "./transport.ts";

/** Records before a commit, and records in it. */
const FROM = "Mf-From";
const COUNT = "Mf-Count";
/** Who wrote a commit: tells one's own, whose answer was lost, from a rival's. */
const WRITER = "Mf-Writer";

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
 * @throws ManyfoldError (`journal`) where the log's end is none of ours
 */
export async function natsJournal(link: Transport, names: Names, run: string): Promise<Journal> {
  const subject = names.logOf(run);
  const path = `journal ${run}`;
  const writer = randomUUID();
  const last = await link.streams.get(names.log, { last: subject });
  /** The last commit's place in the stream, and the records up to it. */
  let sequence = last?.sequence ?? 0;
  let committed = 0;
  if (last !== undefined) {
    const [from, count] = [FROM, COUNT].map((name) => Number(last.headers[name]));
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count)) throw foreign(path, last.data);
    committed = (from ?? 0) + (count ?? 0);
  }
  let length = committed;
  let queue: Pending[] = [];
  let flushing: Promise<void> | undefined;
  let broken: ManyfoldError | undefined;
  let closed = false;

  const commit = async (texts: readonly string[]) => {
    const headers = {
      [FROM]: String(committed),
      [COUNT]: String(texts.length),
      [WRITER]: writer,
    };
    const body = new TextEncoder().encode(texts.join("\n"));
    // A new number per commit and the same one per retry: a lost answer does no harm.
    const msgID = `${writer}.${committed}`;
    try {
      sequence = await link.streams.publish(subject, body, { msgID, last: sequence, headers });
    } catch (error) {
      if (refusalCode(error) !== 10071) throw error;
      const found = await link.streams.get(names.log, { last: subject });
      const own = found?.headers[WRITER] === writer;
      if (!own || found.headers[FROM] !== String(committed)) throw fenced(path);
      sequence = found.sequence;
    }
    committed += texts.length;
  };
  const flush = async () => {
    while (queue.length > 0) {
      // Whoever appends in this turn of the event loop shares the commit.
      await new Promise((resolve) => setImmediate(resolve));
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
      if (expectedSequence !== length) throw fenced(path, expectedSequence, length);
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

function fenced(path: string, expected?: number, length?: number): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path,
    condition:
      expected === undefined
        ? "as long as this coordinator left it"
        : `${expected} records long, as this coordinator left it`,
    got: length === undefined ? "another coordinator's records" : String(length),
    help: "Another coordinator wrote to it: stop one of the two and resume.",
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
