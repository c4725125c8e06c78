import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timers } from "@manyfold/protocol";
import { type BlobCache, directoryCache } from "./cache.ts";
import { hashOf } from "./hash.ts";

export interface BlobCacheOptions {
  /** Bytes above which the blobs that were not used for longest go. */
  readonly limit: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Told why something was not kept: a full disk, a folder that cannot be written to. */
  readonly onProblem?: (message: string) => void;
}

/** Share of the limit that is left after a sweep. */
const LOW = 0.9;
/** Share of the limit that is written between two sweeps. */
const STEP = 0.1;

/**
 * Blobs in a folder that others keep as well: what does not fit is swept away, and what cannot be
 * written is only not kept. Any number of processes may use one folder at once, each with a janitor
 * of its own.
 */
export function cacheBlobs(folder: string, options: BlobCacheOptions): BlobCache {
  const { limit, clock, timers, onProblem = () => undefined } = options;
  const kept = directoryCache(folder, timers);
  // The folder may be over its limit from the start.
  let written = Number.POSITIVE_INFINITY;
  let sweeping: Promise<void> | undefined;

  const use = async (hash: string) => {
    const now = clock.now() / 1000;
    await utimes(join(folder, hash.slice(0, 2), hash), now, now).catch(() => undefined);
  };

  const janitor = async () => {
    if (sweeping !== undefined || written <= STEP * limit) return;
    written = 0;
    sweeping = sweep(folder, limit).finally(() => (sweeping = undefined));
    await sweeping;
  };

  const complain = (error: unknown) => {
    onProblem(error instanceof Error ? error.message : String(error));
  };

  return {
    async put(bytes) {
      try {
        const ref = await kept.put(bytes);
        written += bytes.byteLength;
        await use(ref.hash);
        await janitor();
        return ref;
      } catch (error) {
        complain(error);
        return { hash: hashOf(bytes), bytes: bytes.byteLength };
      }
    },
    async get(hash) {
      const bytes = await kept.get(hash);
      if (bytes !== undefined) await use(hash);
      return bytes;
    },
    has: (hash) => kept.has(hash),
    receive(hash) {
      const incoming = kept.receive(hash);
      let bytes = 0;
      return {
        ...incoming,
        add(part) {
          bytes += part.byteLength;
          incoming.add(part);
        },
        async keep() {
          try {
            await incoming.keep();
            written += bytes;
            await use(hash);
            await janitor();
          } catch (error) {
            complain(error);
          }
        },
      };
    },
    async once(hash, fetch) {
      let fetched: ReturnType<typeof fetch> | undefined;
      try {
        return await kept.once(hash, () => (fetched = fetch()));
      } catch (error) {
        // What the fetch itself threw is its caller's.
        if (fetched === undefined) complain(error);
        return fetched ?? fetch();
      }
    },
  };
}

/** Removes what was not used for longest, until the rest is well below the limit. */
async function sweep(folder: string, limit: number): Promise<void> {
  const files: { path: string; bytes: number; used: number }[] = [];
  for (const shelf of await readdir(folder).catch(() => [])) {
    for (const name of await readdir(join(folder, shelf)).catch(() => [])) {
      const path = join(folder, shelf, name);
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile() === true) files.push({ path, bytes: found.size, used: found.mtimeMs });
    }
  }
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= limit) return;
  for (const { path, bytes } of files.toSorted((a, b) => a.used - b.used)) {
    if (total <= LOW * limit) return;
    // Another process's janitor may have been first.
    await rm(path, { force: true }).catch(() => undefined);
    total -= bytes;
  }
}
