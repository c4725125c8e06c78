import { type BlobStore, type Hash, hashBytes } from "@manyfold/protocol";

/** A blob store in memory that forgets nothing. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<Hash, Uint8Array>();
  return {
    async put(bytes) {
      const hash = hashBytes(bytes);
      if (!blobs.has(hash)) blobs.set(hash, shared(bytes));
      return { hash, bytes: bytes.byteLength };
    },
    get: async (hash) => blobs.get(hash),
    has: async (hash) => blobs.has(hash),
  };
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}
