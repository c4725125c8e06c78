import { open, stat } from "node:fs/promises";
import type { JournalRecord } from "@manyfold/protocol";
import { byteReader, framesFrom, nextFrame } from "./frames.ts";
import { damaged, HEADER, parseFrame } from "./journal.ts";
import { systemCode } from "./system-error.ts";

/** What came to a journal since one looked last. */
export interface News {
  readonly records: readonly JournalRecord[];
  /** Whether the file is another one, or was cut: the records are those of a new beginning. */
  readonly restarted: boolean;
  /** Whether there is more than was asked for. */
  readonly more: boolean;
}

/** Reads a journal as it grows. */
export interface JournalTail {
  /**
   * The records that came since the last call, those of whole commits; undefined where there is no
   * such file (any more). What a crash left torn at the end is not read, and is no error.
   *
   * @param most commits end the reading after so many records
   * @throws ManyfoldError `journal` where bytes before the last commit are damaged; the next call
   *   tries again from there
   */
  read(most?: number): Promise<News | undefined>;
}

/**
 * Follows a journal that another process writes: without a lock, and without keeping it open, so
 * that its folder can go at any time.
 */
export function tailJournal(path: string): JournalTail {
  let [identity, offset] = ["", 0];
  return {
    async read(most = Infinity) {
      const found = await stat(path).catch((error: unknown) => gone(error));
      if (found === undefined) {
        [identity, offset] = ["", 0];
        return undefined;
      }
      // A file system gives the number of a file that went to the next one.
      const own = `${found.ino} ${found.birthtimeMs}`;
      const restarted = own !== identity || found.size < offset;
      if (restarted) [identity, offset] = [own, 0];
      const none = { records: [], restarted, more: false };
      if (found.size <= Math.max(offset, HEADER.length)) return none;
      const file = await open(path, "r").catch((error: unknown) => gone(error));
      if (file === undefined) return undefined;
      try {
        const bytes = byteReader(file, found.size);
        if (offset === 0) {
          const head = await bytes.read(0, HEADER.length);
          if (!head.equals(HEADER)) throw damaged(path, 0, "another beginning");
          offset = HEADER.length;
        }
        const records: JournalRecord[] = [];
        for await (const frame of framesFrom(bytes, offset)) {
          records.push(...parseFrame(path, frame));
          offset = frame.end;
          if (records.length >= most) return { records, restarted, more: offset < found.size };
        }
        const later = offset < found.size ? await nextFrame(bytes, offset) : undefined;
        if (later !== undefined && records.length === 0) {
          throw damaged(path, offset, `damaged bytes before offset ${later.offset}`);
        }
        return { records, restarted, more: false };
      } finally {
        await file.close();
      }
    },
  };
}

/** A file that went is no error. */
function gone(error: unknown): undefined {
  const code = systemCode(error);
  if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  return undefined;
}
