import { decodeTable, type Table } from "@manyfold/data";
import type { DatasetRef } from "@manyfold/protocol";
import { boundedCache } from "./bounded-cache.ts";

/** Decoded tables kept per thread: views on shared memory, so they cost next to nothing. */
const KEPT = 10;

/** Decodes each table once per thread, as views on the bytes (whose hash is taken as checked). */
export function decodedTables(): (ref: DatasetRef, bytes: Uint8Array) => Table {
  const tables = boundedCache<Table>(KEPT);
  return (ref, bytes) => tables.get(JSON.stringify(ref), () => decodeTable(bytes, ref));
}
