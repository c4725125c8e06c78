import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JournalRecord } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { fileJournal } from "./journal.ts";
import { tailJournal } from "./journal-tail.ts";
import { temporaryFolder } from "./testing/folder.ts";

const folder = temporaryFolder();
let files = 0;
const freshPath = () => join(folder, `${files++}.log`);
const times = (from: number, count: number) =>
  Array.from({ length: count }, (_, i): JournalRecord => ({ type: "resumed", time: from + i }));
const none = { records: [], restarted: false, more: false };

test("gives what came since the last look, while another one writes", async () => {
  const path = freshPath();
  const tail = tailJournal(path);
  expect(await tail.read()).toBeUndefined();
  const journal = await fileJournal(path);
  expect(await tail.read()).toEqual({ ...none, restarted: true });
  await journal.append(0, times(0, 3));
  expect(await tail.read()).toEqual({ ...none, records: times(0, 3) });
  expect(await tail.read()).toEqual(none);
  await journal.append(3, times(3, 2));
  await journal.append(5, times(5, 1));
  expect(await tail.read(1)).toEqual({ records: times(3, 2), restarted: false, more: true });
  expect(await tail.read(1)).toEqual({ ...none, records: times(5, 1) });
  await journal.close();
});

test("at every byte of a commit that is being written: nothing, and then all of it", async () => {
  const path = freshPath();
  const journal = await fileJournal(path);
  await journal.append(0, times(0, 2));
  const before = readFileSync(path).length;
  await journal.append(2, times(2, 1));
  await journal.close();
  const whole = readFileSync(path);
  const copy = freshPath();
  writeFileSync(copy, whole.subarray(0, before));
  const tail = tailJournal(copy);
  expect((await tail.read())?.records).toEqual(times(0, 2));
  for (let length = before; length < whole.length; length++) {
    writeFileSync(copy, whole.subarray(0, length));
    expect(await tail.read()).toEqual(none);
  }
  writeFileSync(copy, whole);
  expect(await tail.read()).toEqual({ ...none, records: times(2, 1) });
});

test("another file begins anew; one that went is not there", async () => {
  const path = freshPath();
  const tail = tailJournal(path);
  for (const count of [3, 1]) {
    rmSync(path, { force: true });
    expect(await tail.read()).toBeUndefined();
    const journal = await fileJournal(path);
    await journal.append(0, times(count, count));
    await journal.close();
    expect(await tail.read()).toEqual({ ...none, restarted: true, records: times(count, count) });
  }
  truncateSync(path, 5);
  expect(await tail.read()).toEqual({ ...none, restarted: true });
});

test("damage before the last commit is named, every time", async () => {
  const path = freshPath();
  const journal = await fileJournal(path);
  await journal.append(0, times(0, 1));
  const offset = readFileSync(path).length;
  await journal.append(1, times(1, 1));
  await journal.append(2, times(2, 1));
  await journal.close();
  const bytes = readFileSync(path);
  bytes[offset + 20] = 0;
  writeFileSync(path, bytes);
  const tail = tailJournal(path);
  expect((await tail.read())?.records).toEqual(times(0, 1));
  await expect(tail.read()).rejects.toThrow("damaged bytes before offset");
  await expect(tail.read()).rejects.toMatchObject({ code: "journal" });
});
