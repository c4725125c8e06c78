import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobRef, BlobStore, Hash } from "@manyfold/protocol";
import { makeFolder, syncFolder, temporaryFor, writeDurable } from "./durable.ts";
import { hashOf } from "./hash.ts";
import { notWritable, systemCode } from "./system-error.ts";

/**
 * Blobs as files named by their sha256, below a folder that is made when the first is stored.
 *
 * `put` resolves once bytes and name are durable, and writes over a damaged blob; `get` verifies
 * the hash and gives shared memory. Any number of processes may use one folder at once.
 *
 * @param options.durable false: resolves without waiting for the disk (default true)
 */
export function directoryBlobs(
  folder: string,
  { durable = true }: { readonly durable?: boolean } = {},
): BlobStore {
  const pathOf = (hash: Hash) => join(folder, hash.slice(0, 2), hash);
  return {
    async put(bytes) {
      const hash = hashOf(bytes);
      const path = pathOf(hash);
      const ref: BlobRef = { hash, bytes: bytes.byteLength };
      if (await holds(path, bytes)) return ref;
      await makeFolder(folder);
      const shelf = dirname(path);
      const temporary = temporaryFor(path);
      try {
        if ((await makeShelf(shelf)) && durable) await syncFolder(folder);
        if (durable) await writeDurable(temporary, bytes);
        else await writeFile(temporary, bytes, { flag: "wx" });
        await rename(temporary, path);
        if (durable) await syncFolder(shelf);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw notWritable(error, path);
      }
      return ref;
    },
    async get(hash) {
      const bytes = await readShared(pathOf(hash));
      return bytes !== undefined && hashOf(bytes) === hash ? bytes : undefined;
    },
    async has(hash) {
      const found = await stat(pathOf(hash)).catch(() => undefined);
      return found?.isFile() === true;
    },
  };
}

/** Blobs in memory, verified and shared as those on disk are. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<Hash, Uint8Array>();
  return {
    async put(bytes) {
      const hash = hashOf(bytes);
      if (!blobs.has(hash)) {
        const own = sharedBytes(bytes.byteLength);
        own.set(bytes);
        blobs.set(hash, own);
      }
      return { hash, bytes: bytes.byteLength };
    },
    get: (hash) => Promise.resolve(blobs.get(hash)),
    has: (hash) => Promise.resolve(blobs.has(hash)),
  };
}

/** Whether the folder had to be made. */
async function makeShelf(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** Whether a file holds exactly these bytes; read and not believed, since it may be damaged. */
async function holds(path: string, bytes: Uint8Array): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found?.size !== bytes.byteLength) return false;
  return (await readFile(path)).equals(bytes);
}

/** A file's bytes on shared memory; undefined where there is no such file, or it cannot be read. */
async function readShared(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const bytes = sharedBytes(size);
      let at = 0;
      while (at < size) {
        const { bytesRead } = await file.read(bytes, at, size - at, at);
        if (bytesRead === 0) return undefined;
        at += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    // A blob that cannot be read is one that is missing; too many open files is another matter.
    if (["ENOENT", "ENOTDIR", "EISDIR", "EIO"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}
