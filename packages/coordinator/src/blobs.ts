import type { BlobStore, Hash } from "@manyfold/protocol";

/** A blob that a record names is missing or damaged: what made it is undone. */
export class MissingBlob extends Error {
  readonly hash: Hash;
  constructor(hash: Hash) {
    super(`The blob ${hash} is missing or damaged.`);
    this.name = "MissingBlob";
    this.hash = hash;
  }
}

/** @throws MissingBlob */
export async function blobOf(blobs: BlobStore, hash: Hash | undefined): Promise<Uint8Array> {
  const bytes = hash === undefined ? undefined : await blobs.get(hash);
  if (bytes === undefined) throw new MissingBlob(hash ?? "(not reported)");
  return bytes;
}

/** Blobs that are read at once: each may hold a file open. */
const AT_ONCE = 32;

/** Does something with each item, a few at a time, and gives the results in their order. */
export async function inTurn<Item, Result>(
  items: readonly Item[],
  one: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(one))));
  }
  return results;
}

/** Little-endian float32, as tasks report weights and predictions. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset % 4 === 0) return new Float32Array(buffer, byteOffset, byteLength / 4);
  return new Float32Array(bytes.slice().buffer);
}
