import { encodeTable, tableRef } from "@manyfold/data";
import type { BlobStore } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { memoryBlobs } from "@manyfold/files";

import { sharedTables } from "./tables.ts";

const bytes = encodeTable({
  classes: 2,
  x: Float32Array.of(1, 2),
  y: Float32Array.of(0, 1),
  roles: new Uint8Array(2),
  rowNumbers: Uint32Array.of(0, 1),
});
const ref = tableRef(bytes);

test("reads a table once, onto shared memory", async () => {
  let reads = 0;
  const store = memoryBlobs();
  const blobs: BlobStore = {
    ...store,
    async get(hash) {
      reads++;
      return (await store.get(hash))?.slice();
    },
  };
  await blobs.put(bytes);
  const load = sharedTables(blobs);
  const [one, two] = await Promise.all([load(ref), load(ref)]);
  expect(reads).toBe(1);
  expect(one).toBe(two);
  expect(one?.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect([...(one ?? [])]).toEqual([...bytes]);
});

test("takes memory that is shared already as it is", async () => {
  const blobs = memoryBlobs();
  await blobs.put(bytes);
  expect((await sharedTables(blobs)(ref))?.buffer).toBe((await blobs.get(ref.hash))?.buffer);
});

test("does not remember that a table was missing", async () => {
  const blobs = memoryBlobs();
  const load = sharedTables(blobs);
  expect(await load(ref)).toBeUndefined();
  await blobs.put(bytes);
  expect(await load(ref)).toHaveLength(bytes.length);
});

test("refuses bytes of another length than named", async () => {
  const blobs = memoryBlobs();
  await blobs.put(bytes);
  expect(await sharedTables(blobs)({ ...ref, bytes: 1 })).toBeUndefined();
});
