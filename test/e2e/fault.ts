import { readlinkSync, type PathLike } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

/*
 * Loaded before the program (`node --import`), it disturbs the process at an exact place:
 *
 *   DIE_AT_BYTE=1234        SIGKILL when the journal's byte 1234 would be written; those before it are
 *   DIE_AT_RENAME=artifact  SIGKILL when a finished temporary file or folder would get this name
 *   SIGNAL=SIGINT           with DIE_AT_BYTE, another signal, and the write goes on
 *
 * What a power cut or a kill does by chance, at a place that a test chooses.
 */

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way; nothing may happen until it is there.
  for (;;);
}

type Write = (
  this: FileHandle,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;

const byte = process.env["DIE_AT_BYTE"];
const signal = process.env["SIGNAL"];
if (byte !== undefined) {
  const last = Number(byte);
  const handle = await fs.open(process.execPath);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const original = Object.getOwnPropertyDescriptor(prototype, "write")?.value as Write;
  Object.assign(prototype, {
    async write(this: FileHandle, ...[bytes, offset, length, position]: Parameters<Write>) {
      if (!isJournal(this) || position + length <= last) {
        return original.call(this, bytes, offset, length, position);
      }
      if (signal !== undefined) {
        if (position <= last) process.kill(process.pid, signal);
        return original.call(this, bytes, offset, length, position);
      }
      if (position < last) await original.call(this, bytes, offset, last - position, position);
      die();
    },
  });
}

function isJournal({ fd }: FileHandle): boolean {
  return basename(readlinkSync(`/proc/self/fd/${fd}`)) === "journal.log";
}

const name = process.env["DIE_AT_RENAME"];
if (name !== undefined) {
  const { rename } = fs;
  Object.assign(fs, {
    rename: (from: PathLike, to: PathLike) =>
      basename(String(to)) === name ? die() : rename(from, to),
  });
  syncBuiltinESMExports();
}
