import { type BlobCache, hashOf } from "@manyfold/files";
import { type BlobRef, type BlobStore, type Hash, ManyfoldError } from "@manyfold/protocol";
import { messageOf } from "../outcome.ts";
import { PART } from "./streams.ts";
import type { Names } from "./subjects.ts";
import { refusalCode, type Transport } from "./transport.ts";

/** Parts on their way at once. */
const ABREAST = 8;
const BYTES = "Mf-Bytes";
/** Milliseconds after which a full stream is tried again. */
const FULL = 500;
/** Largest blob that is believed to be one. */
const LARGEST_BLOB = 8 * 2 ** 30;

/**
 * Blobs on a server's stream, with a cache on this host.
 *
 * A blob is its parts and then its head, which says how long it is; a small one is its head alone.
 * `put` resolves once the server has all of it; what is there already is not sent again. `get`
 * verifies the hash, and writes what it fetched to the cache, where all processes of the host find it.
 *
 * @param cache a run's folder (`directoryBlobs`), or a host's `directoryCache`, of whose processes one
 *   fetches what all need
 * @param patient waits where the stream is full, until there is room (default: an error): a worker's
 *   result is worth waiting for
 */
export function natsBlobs(
  link: Transport,
  names: Names,
  cache: BlobStore & Partial<Pick<BlobCache, "once" | "receive">>,
  { patient = false }: { readonly patient?: boolean } = {},
): BlobStore {
  /** Fetches under way, so that many tasks at once fetch a table once. */
  const fetching = new Map<Hash, Promise<Uint8Array | undefined>>();

  const find = (subject: string) => link.streams.get(names.blobs, { last: subject });

  const publish = async (subject: string, bytes: Uint8Array, size?: number): Promise<void> => {
    const options = size === undefined ? {} : { headers: { [BYTES]: String(size) }, last: 0 };
    for (;;) {
      try {
        await link.streams.publish(subject, bytes, options);
        return;
      } catch (error) {
        const code = refusalCode(error);
        // 10071: its head is there already, and so is all of it.
        if (code === 10071) return;
        if (code !== 10077 || !patient) throw refused(subject, error);
      }
      await link.timers.sleep(FULL);
    }
  };

  const headOf = async (hash: Hash): Promise<{ size: number; bytes: Uint8Array } | undefined> => {
    const head = await find(names.blob(hash));
    if (head === undefined) return undefined;
    const size = Number(head.headers[BYTES]);
    const plausible = Number.isSafeInteger(size) && size >= 0 && size <= LARGEST_BLOB;
    if (!plausible || (size <= PART && head.data.byteLength !== size)) {
      await discard(head.sequence);
      return undefined;
    }
    return { size, bytes: head.data };
  };

  /** Without its head a blob is not there, and the next `put` sends it anew. */
  const discard = async (sequence: number) => {
    // Who may not delete leaves it to those who may.
    await link.streams.remove(names.blobs, sequence).catch(() => undefined);
  };

  /** @param take is handed the parts in their order, as soon as all before them are there */
  const assemble = async (
    hash: Hash,
    size: number,
    take: (part: Uint8Array) => void,
  ): Promise<Uint8Array | undefined> => {
    const whole = new Uint8Array(new SharedArrayBuffer(size));
    const parts = Math.ceil(size / PART);
    let next = 0;
    let complete = true;
    const there = new Set<number>();
    let taken = 0;
    const fetch = async () => {
      while (next < parts && complete) {
        const part = next++;
        const found = await find(names.blob(hash, part));
        const length = Math.min(PART, size - part * PART);
        if (found?.data.byteLength !== length) {
          complete = false;
          return;
        }
        whole.set(found.data, part * PART);
        there.add(part);
        for (; there.has(taken); taken++) {
          take(whole.subarray(taken * PART, Math.min(size, (taken + 1) * PART)));
        }
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, fetch));
    return complete ? whole : undefined;
  };

  const download = async (hash: Hash): Promise<Uint8Array | undefined> => {
    const head = await headOf(hash);
    if (head === undefined) return undefined;
    const whole = await received(hash, head);
    if (whole !== undefined) return whole;
    const damaged = await find(names.blob(hash));
    if (damaged !== undefined) await discard(damaged.sequence);
    return undefined;
  };

  /** Its bytes, hashed and kept here; undefined where they are incomplete or not what was meant. */
  const received = async (
    hash: Hash,
    { size, bytes }: { readonly size: number; readonly bytes: Uint8Array },
  ): Promise<Uint8Array | undefined> => {
    const incoming = size > PART ? cache.receive?.(hash) : undefined;
    const take = (part: Uint8Array) => incoming?.add(part);
    const whole =
      size > PART
        ? await assemble(hash, size, take).catch(async (error: unknown) => {
            await incoming?.drop();
            throw error;
          })
        : shared(bytes);
    if (incoming === undefined) {
      // Who puts has to hash: once is enough to know whether it is what was meant.
      return whole !== undefined && (await cache.put(whole)).hash === hash ? whole : undefined;
    }
    const good = whole !== undefined && incoming.hash() === hash;
    await (good ? incoming.keep() : incoming.drop());
    return good ? whole : undefined;
  };

  const upload = async (hash: Hash, bytes: Uint8Array): Promise<void> => {
    const size = bytes.byteLength;
    if (size <= PART) return publish(names.blob(hash), bytes, size);
    if ((await headOf(hash)) !== undefined) return;
    let next = 0;
    const send = async () => {
      while (next * PART < size) {
        const part = next++;
        await publish(names.blob(hash, part), bytes.subarray(part * PART, (part + 1) * PART));
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, send));
    await publish(names.blob(hash), new Uint8Array(0), size);
  };

  return {
    async put(bytes) {
      const hash = hashOf(bytes);
      const ref: BlobRef = { hash, bytes: bytes.byteLength };
      await Promise.all([cache.put(bytes), upload(hash, bytes)]);
      return ref;
    },
    async get(hash) {
      const kept = await cache.get(hash);
      if (kept !== undefined) return kept;
      const known = fetching.get(hash);
      if (known !== undefined) return known;
      const fetch = () => download(hash);
      const fetched = (cache.once?.(hash, fetch) ?? fetch()).finally(() => fetching.delete(hash));
      fetching.set(hash, fetched);
      return fetched;
    },
    async has(hash) {
      return (await cache.has(hash)) || (await headOf(hash)) !== undefined;
    },
  };
}

function shared(bytes: Uint8Array): Uint8Array {
  const own = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  own.set(bytes);
  return own;
}

function refused(subject: string, error: unknown): ManyfoldError {
  if (error instanceof ManyfoldError) return error;
  return new ManyfoldError({
    code: "environment",
    path: subject,
    condition: "taken by the server",
    got: messageOf(error),
    help: "A full stream takes nothing: raise its limit, or purge blobs that no run needs.",
  });
}
