import { open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import {
  canonicalJson,
  JournalRecord,
  ManyfoldError,
  show,
  type Journal,
} from "@manyfold/protocol";
import { syncFolder } from "./durable.ts";
import { byteReader, encodeFrame, framesFrom, nextFrame, type Frame } from "./frames.ts";
import { lockFile } from "./lock.ts";
import { expectSequence } from "./sequence.ts";
import { notWritable, pathError, systemCode } from "./system-error.ts";

const NAME = "manyfold-journal";
export const HEADER = Buffer.from(`${NAME} 1\n`);

/**
 * The journal of a run as a file: a header, then a frame per commit.
 *
 * Opening takes a lock (`<path>.lock`), makes the file where there is none, and cuts a torn tail.
 * Appends that come while one is being made durable share the next fsync. After a failed write
 * the journal takes no more appends.
 *
 * @param options.create whether a missing file is made (default) or an error
 * @throws ManyfoldError, code "journal", where the file is damaged before its tail (naming the
 *   offset), of a newer version, no journal, or open in another process; "input" where the place
 *   cannot be read or written
 */
export async function fileJournal(
  path: string,
  options: { readonly create?: boolean } = {},
): Promise<Journal> {
  if (options.create === false) await requireFile(path);
  const unlock = await lockFile(`${path}.lock`, path);
  try {
    const file = await openOrMake(path);
    try {
      return await journalOf(path, file, unlock);
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    await unlock();
    throw error;
  }
}

/**
 * The records of a journal file without opening it for writing: no lock, nothing is cut. Of a run
 * under way it gives what is there now.
 */
export async function* readJournal(path: string): AsyncGenerator<JournalRecord> {
  await requireFile(path);
  const file = await open(path, "r").catch((error: unknown) => {
    throw pathError(error, path, "a readable journal", "It is RUN_DIR/journal.log.");
  });
  try {
    const { size } = await file.stat();
    const { end } = await scan(path, file, size);
    yield* recordsOf(path, file, end, 0);
  } finally {
    await file.close();
  }
}

async function requireFile(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    throw pathError(error, path, "the journal of a run", "It is RUN_DIR/journal.log.");
  }
}

async function openOrMake(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw notWritable(error, path);
  }
  try {
    const file = await open(path, "wx+");
    await syncFolder(dirname(path));
    return file;
  } catch (error) {
    throw notWritable(error, path);
  }
}

interface Pending {
  readonly texts: readonly string[];
  /** Length of the journal with it. */
  readonly length: number;
  readonly resolve: (length: number) => void;
  readonly reject: (error: unknown) => void;
}

async function journalOf(
  path: string,
  file: FileHandle,
  unlock: () => Promise<void>,
): Promise<Journal> {
  const { size } = await file.stat();
  const found = await scan(path, file, size);
  if (found.end < size || size < HEADER.length) {
    await file.truncate(found.end);
    await file.write(HEADER, 0, HEADER.length, 0);
    await file.sync();
  }
  /** Bytes and records that are durable; records with those under way. */
  let end = Math.max(found.end, HEADER.length);
  let length = found.records;
  let queue: Pending[] = [];
  let flushing: Promise<void> | undefined;
  let broken: ManyfoldError | undefined;
  let closed = false;

  const commit = async (batch: readonly Pending[]) => {
    const frame = encodeFrame(batch.flatMap(({ texts }) => texts));
    let at = 0;
    while (at < frame.length) {
      const { bytesWritten } = await file.write(frame, at, frame.length - at, end + at);
      at += bytesWritten;
    }
    await file.datasync();
    end += frame.length;
  };
  const flush = async () => {
    while (queue.length > 0) {
      // Whoever appends in this turn of the event loop shares the commit.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = queue;
      queue = [];
      try {
        await commit(batch);
        for (const { length: after, resolve } of batch) resolve(after);
      } catch (error) {
        broken = notWritable(error, path);
        // What was half written goes; where even that fails, the next opening cuts it.
        await file.truncate(end).catch(() => undefined);
        for (const { reject } of [...batch, ...queue]) reject(broken);
        queue = [];
      }
    }
    flushing = undefined;
  };

  return {
    read: (from) => {
      if (closed) throw isClosed(path);
      return recordsOf(path, file, end, from);
    },
    async append(expectedSequence, records) {
      if (closed) throw isClosed(path);
      if (broken !== undefined) throw broken;
      expectSequence(path, expectedSequence, length);
      if (records.length === 0) return length;
      const texts = records.map((record) => canonicalJson(record));
      length += records.length;
      const after = length;
      return new Promise<number>((resolve, reject) => {
        queue.push({ texts, length: after, resolve, reject });
        flushing ??= flush();
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      await flushing;
      await file.close();
      await unlock();
    },
  };
}

function isClosed(path: string): ManyfoldError {
  return new ManyfoldError({ code: "internal", path, condition: "open", got: "a closed journal" });
}

/** Finds the end of the whole frames; a torn tail is not part of them, damage before it an error. */
async function scan(
  path: string,
  file: FileHandle,
  size: number,
): Promise<{ end: number; records: number }> {
  const bytes = byteReader(file, size);
  const head = Buffer.from(await bytes.read(0, HEADER.length));
  // A crash while the file was made leaves a part of the header.
  if (head.length < HEADER.length && HEADER.subarray(0, head.length).equals(head)) {
    return { end: 0, records: 0 };
  }
  if (!head.equals(HEADER)) throw foreign(path, head);
  let end = HEADER.length;
  let records = 0;
  for await (const frame of framesFrom(bytes, end)) {
    end = frame.end;
    records += frame.records;
  }
  if (end < size) {
    const later = await nextFrame(bytes, end);
    if (later !== undefined)
      throw damaged(path, end, `damaged bytes before offset ${later.offset}`);
  }
  return { end, records };
}

async function* recordsOf(
  path: string,
  file: FileHandle,
  end: number,
  from: number,
): AsyncGenerator<JournalRecord> {
  let sequence = 0;
  for await (const frame of framesFrom(byteReader(file, end), HEADER.length)) {
    if (sequence + frame.records > from) {
      const records = parseFrame(path, frame);
      yield* records.slice(Math.max(0, from - sequence));
    }
    sequence += frame.records;
  }
}

export function parseFrame(path: string, frame: Frame): JournalRecord[] {
  const lines = Buffer.from(frame.payload).toString("utf8").split("\n");
  if (lines.length !== frame.records) {
    throw damaged(path, frame.offset, `${lines.length} records for ${frame.records}`);
  }
  return lines.map((line) => {
    try {
      return JournalRecord.parse(JSON.parse(line));
    } catch {
      throw damaged(path, frame.offset, show(line));
    }
  });
}

export function damaged(path: string, offset: number, got: string): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path: `${path} at offset ${offset}`,
    condition: "a record of this version of Manyfold",
    got,
    help: "The file was changed after it was written: restore it from a copy, or start a new run.",
  });
}

function foreign(path: string, head: Buffer): ManyfoldError {
  const text = head.toString("latin1");
  const version = new RegExp(`^${NAME} (\\d+)`).exec(text)?.[1];
  return new ManyfoldError({
    code: "journal",
    path,
    condition: version === undefined ? "a journal of Manyfold" : "a journal of version 1",
    got: version ?? `bytes that begin with ${show(text)}`,
    help:
      version === undefined
        ? "It is RUN_DIR/journal.log."
        : "It was written by a newer Manyfold: update this one.",
  });
}
