import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashBytes, type BlobStore } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { directoryBlobs, memoryBlobs } from "./blobs.ts";
import { temporaryFolder } from "./testing/folder.ts";

const folder = temporaryFolder();
const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i % 251);
const hash = hashBytes(bytes);
const pathIn = (store: string) => join(folder, store, hash.slice(0, 2), hash);

const stores: [string, () => BlobStore][] = [
  ["in a folder", () => directoryBlobs(join(folder, "any"))],
  ["in memory", () => memoryBlobs()],
];

describe.each(stores)("%s", (_, make) => {
  const blobs = make();

  test("are named by their content and come back on shared memory", async () => {
    expect(await blobs.has(hash)).toBe(false);
    expect(await blobs.get(hash)).toBeUndefined();
    const view = bytes.subarray();
    expect(await blobs.put(view)).toEqual({ hash, bytes: 3000 });
    expect(await blobs.put(bytes)).toEqual({ hash, bytes: 3000 });
    expect(await blobs.has(hash)).toBe(true);
    const found = await blobs.get(hash);
    expect(found).toEqual(bytes);
    expect(found?.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test("may be empty", async () => {
    const ref = await blobs.put(new Uint8Array(0));
    expect(await blobs.get(ref.hash)).toEqual(new Uint8Array(0));
  });

  test("are put many at once, and twice at once", async () => {
    const many = Array.from({ length: 20 }, (__, i) => Uint8Array.of(i % 10, 7));
    const refs = await Promise.all(many.map((one) => blobs.put(one)));
    for (const [i, ref] of refs.entries()) expect(await blobs.get(ref.hash)).toEqual(many[i]);
  });
});

describe("damage", () => {
  const damages: [string, (path: string) => void][] = [
    [
      "a flipped byte",
      (path) =>
        writeFileSync(
          path,
          bytes.map((b, i) => (i === 9 ? b ^ 1 : b)),
        ),
    ],
    ["a cut", (path) => writeFileSync(path, bytes.subarray(0, 100))],
    ["nothing left", (path) => writeFileSync(path, "")],
  ];
  test.each(damages)("%s: missing until it is put again", async (name, damage) => {
    const blobs = directoryBlobs(join(folder, name));
    await blobs.put(bytes);
    damage(pathIn(name));
    expect(await blobs.get(hash)).toBeUndefined();
    await blobs.put(bytes);
    expect(await blobs.get(hash)).toEqual(bytes);
  });
});

test("nothing but the blob is left in the folder", async () => {
  await directoryBlobs(join(folder, "clean")).put(bytes);
  expect(readdirSync(join(folder, "clean"), { recursive: true })).toEqual([
    hash.slice(0, 2),
    join(hash.slice(0, 2), hash),
  ]);
  expect(new Uint8Array(readFileSync(pathIn("clean")))).toEqual(bytes);
});

test("a place that cannot be written to is an input error", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(directoryBlobs(join(folder, "file/blobs")).put(bytes)).rejects.toMatchObject({
    code: "input",
  });
  mkdirSync(join(folder, "taken", hash.slice(0, 2), hash), { recursive: true });
  await expect(directoryBlobs(join(folder, "taken")).put(bytes)).rejects.toMatchObject({
    code: "input",
  });
});
