import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Hash } from "@manyfold/protocol";
import { temporaryFor } from "./durable.ts";
import { notWritable } from "./system-error.ts";

/** A blob on its way here: hashed and written while the rest of it still comes. */
export interface Incoming {
  /** Its next bytes, in order; they must stay as they are. */
  add(part: Uint8Array): void;
  /** The sha256 of all that was added; to be asked once. */
  hash(): Hash;
  /** Gives it its name, once all of it is written. */
  keep(): Promise<void>;
  /** It was not what it was taken for, or did not come to its end. */
  drop(): Promise<void>;
}

/** Takes a file in under a temporary name; it is not there before it is kept. */
export function incomingFile(path: string): Incoming {
  const digest = createHash("sha256");
  const temporary = temporaryFor(path);
  const start = async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(temporary, "wx");
  };
  let written: Promise<FileHandle> | undefined;
  const close = async () => {
    await (await written)?.close();
  };
  return {
    add(part) {
      digest.update(part);
      written = (written ?? start()).then(async (file) => {
        try {
          await file.appendFile(part);
          return file;
        } catch (error) {
          await file.close();
          throw error;
        }
      });
      // Told to whoever wants to keep it.
      written.catch(() => undefined);
    },
    hash: () => digest.digest("hex"),
    async keep() {
      try {
        written ??= start();
        await close();
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw notWritable(error, path);
      }
    },
    async drop() {
      await close().catch(() => undefined);
      await rm(temporary, { force: true }).catch(() => undefined);
    },
  };
}
