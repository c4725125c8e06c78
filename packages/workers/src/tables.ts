import type { BlobStore, DatasetRef, Failure, TaskSpec } from "@manyfold/protocol";
import { boundedCache } from "./bounded-cache.ts";
import { failureOf } from "./outcome.ts";

/** Tables kept at hand; a cross-validation in ten folds fits. */
const KEPT = 10;

/**
 * Tables from a blob store, each on one piece of shared memory for all threads.
 *
 * @returns the bytes, or undefined where they are missing, damaged or not of the size named
 */
export function sharedTables(
  blobs: BlobStore,
): (ref: DatasetRef) => Promise<Uint8Array<SharedArrayBuffer> | undefined> {
  const tables = boundedCache<Promise<Uint8Array<SharedArrayBuffer> | undefined>>(KEPT);
  const load = async ({ hash, bytes: size }: DatasetRef) => {
    const bytes = await blobs.get(hash);
    return bytes?.byteLength === size ? onSharedMemory(bytes) : undefined;
  };
  return async (ref) => {
    const name = `${ref.hash} ${ref.bytes}`;
    const table = tables.get(name, () => load(ref));
    // What was missing may come later.
    const forget = () => tables.delete(name, table);
    table.then((bytes) => bytes ?? forget(), forget);
    return table;
  };
}

function onSharedMemory(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof SharedArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength);
  const shared = new Uint8Array(new SharedArrayBuffer(byteLength));
  shared.set(bytes);
  return shared;
}

/**
 * What a task goes on from, where it is a later part of a training: undefined where it is none, and
 * a failure where the bytes are not to be had.
 */
export async function checkpointOf(
  blobs: BlobStore,
  { part }: TaskSpec,
): Promise<Uint8Array | Failure | undefined> {
  if (part?.from === undefined) return undefined;
  const bytes = await blobs.get(part.from.hash);
  if (bytes?.byteLength === part.from.bytes) return bytes;
  return failureOf(
    "exception",
    `The checkpoint ${part.from.hash} is missing or damaged in the blob store.`,
  );
}

/** The failure of a task whose table is not to be had; another worker may have it. */
export function missingTable({ hash }: DatasetRef): Failure {
  return failureOf(
    "exception",
    `The task's data ${hash} are missing or damaged in the blob store.`,
  );
}
