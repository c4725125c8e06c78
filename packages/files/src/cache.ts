import { join } from "node:path";
import type { BlobStore, Hash, Timers } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { directoryBlobs } from "./blobs.ts";
import { makeFolder } from "./durable.ts";
import { type Incoming, incomingFile } from "./incoming.ts";
import { lockFile } from "./lock.ts";

/** Blobs that are kept elsewhere too: what is lost here is fetched again. */
export interface BlobCache extends BlobStore {
  /**
   * A blob that is not here yet: of all processes that share the cache one fetches it, and the
   * others wait for it.
   *
   * @param fetch stores it here, and gives it; undefined where it is nowhere
   */
  once(hash: Hash, fetch: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined>;
  /** Takes a blob in while it comes. */
  receive(hash: Hash): Incoming;
}

/** Milliseconds between two looks for what another process fetches, and until nobody waits for it. */
const LOOK = 20;
const PATIENCE = 60_000;

/** A cache as files, like `directoryBlobs` but for not waiting until bytes survive a power cut. */
export function directoryCache(folder: string, timers: Timers): BlobCache {
  const blobs = directoryBlobs(folder, { durable: false });
  const locked = async (hash: Hash) => {
    await makeFolder(folder);
    try {
      return await lockFile(join(folder, `${hash}.lock`), hash);
    } catch (error) {
      if (error instanceof ManyfoldError && error.code === "journal") return undefined;
      throw error;
    }
  };
  return {
    ...blobs,
    receive: (hash) => incomingFile(join(folder, hash.slice(0, 2), hash)),
    async once(hash, fetch) {
      for (let waited = 0; waited < PATIENCE; waited += LOOK) {
        const unlock = await locked(hash);
        if (unlock !== undefined) {
          try {
            return (await blobs.get(hash)) ?? (await fetch());
          } finally {
            await unlock();
          }
        }
        await timers.sleep(LOOK);
      }
      return fetch();
    },
  };
}
