import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { JournalRecord, type Journal } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fileJournal, readJournal } from "./journal.ts";
import { memoryJournal } from "./memory-journal.ts";
import { temporaryFolder } from "./testing/folder.ts";

const folder = temporaryFolder();
let files = 0;
const freshPath = () => join(folder, `${files++}.log`);

const record = (i: number): JournalRecord => ({
  type: "failed",
  task: "0123456789abcdef".repeat(4),
  attempt: i + 1,
  worker: `w${i} é`,
  failure: { code: "exception", message: `line\n${"x".repeat(i % 7)}`, permanent: false },
  seconds: i / 3,
  time: i,
});
const records = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => record(from + i));

async function all(journal: AsyncIterable<JournalRecord>): Promise<JournalRecord[]> {
  const found: JournalRecord[] = [];
  for await (const one of journal) found.push(one);
  return found;
}

async function reread(path: string): Promise<JournalRecord[]> {
  const journal = await fileJournal(path);
  const found = await all(journal.read(0));
  await journal.close();
  return found;
}

test("the test's records are records", () => {
  expect(JournalRecord.parse(record(3))).toEqual(record(3));
});

describe.each<[string, () => Promise<Journal>]>([
  ["on disk", () => fileJournal(freshPath())],
  ["in memory", () => Promise.resolve(memoryJournal())],
])("%s", (_, make) => {
  test("is what was appended, from any record on", async () => {
    const journal = await make();
    expect(await all(journal.read(0))).toEqual([]);
    expect(await journal.append(0, records(0, 3))).toBe(3);
    expect(await journal.append(3, records(3, 1))).toBe(4);
    expect(await journal.append(4, [])).toBe(4);
    for (let from = 0; from <= 5; from++) {
      expect(await all(journal.read(from))).toEqual(records(0, 4).slice(from));
    }
    await journal.close();
    await journal.close();
  });

  test("refuses who does not know its length, and writes nothing", async () => {
    const journal = await make();
    await journal.append(0, records(0, 2));
    for (const wrong of [0, 1, 3]) {
      await expect(journal.append(wrong, records(9, 1))).rejects.toMatchObject({
        code: "journal",
      });
    }
    expect(await all(journal.read(0))).toEqual(records(0, 2));
    expect(await journal.append(2, records(2, 1))).toBe(3);
    await journal.close();
  });

  test("takes appends one upon the other before the first is durable, in order", async () => {
    const journal = await make();
    const lengths = await Promise.all(
      Array.from({ length: 50 }, (__, i) => journal.append(2 * i, records(2 * i, 2))),
    );
    expect(lengths).toEqual(Array.from({ length: 50 }, (__, i) => 2 * i + 2));
    expect(await all(journal.read(0))).toEqual(records(0, 100));
    await journal.close();
  });
});

test("replay: any sequence of appends and reopenings gives the records in order", async () => {
  const steps = fc.array(fc.record({ size: fc.nat(4), reopen: fc.boolean(), wait: fc.boolean() }), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const path = freshPath();
      let journal = await fileJournal(path);
      let length = 0;
      const pending: Promise<number>[] = [];
      for (const { size, reopen, wait } of plan) {
        pending.push(journal.append(length, records(length, size)));
        length += size;
        if (wait) await pending.at(-1);
        if (!reopen) continue;
        await journal.close();
        journal = await fileJournal(path);
      }
      expect((await Promise.all(pending)).at(-1) ?? 0).toBe(length);
      await journal.close();
      expect(await all(readJournal(path))).toEqual(records(0, length));
      expect(await reread(path)).toEqual(records(0, length));
    }),
    { numRuns: 25 },
  );
});

/** Short records, where a file is opened again for its every byte. */
const short = (from: number, count: number) =>
  records(from, count).map(({ time }): JournalRecord => ({ type: "resumed", time }));

/** A journal of three commits (2, 1 and 2 records), and the file's size after each. */
async function sample() {
  const path = freshPath();
  const journal = await fileJournal(path);
  const sizes = [readFileSync(path).length];
  for (const [from, count] of [
    [0, 2],
    [2, 1],
    [3, 2],
  ] as const) {
    await journal.append(from, short(from, count));
    sizes.push(readFileSync(path).length);
  }
  await journal.close();
  return { bytes: readFileSync(path), sizes };
}

test("cut at every byte: the whole commits before the cut are left, and it goes on from there", async () => {
  const { bytes, sizes } = await sample();
  const counts = [0, 2, 3, 5];
  const path = freshPath();
  for (let length = 0; length <= bytes.length; length++) {
    writeFileSync(path, bytes.subarray(0, length));
    const kept = counts[sizes.findLastIndex((size) => size <= length)] ?? 0;
    expect(await all(readJournal(path))).toEqual(short(0, kept));
    const journal = await fileJournal(path);
    expect(await all(journal.read(0))).toEqual(short(0, kept));
    // Going on is tried at the last two commits' every byte.
    const more = length >= (sizes[1] ?? 0) ? 1 : 0;
    expect(await journal.append(kept, short(kept, more))).toBe(kept + more);
    await journal.close();
    expect(await all(readJournal(path))).toEqual(short(0, kept + more));
  }
});

test("a flipped byte before the last commit is an error that names the offset; in it, a torn tail", async () => {
  const { bytes, sizes } = await sample();
  const path = freshPath();
  const [header = 0, first = 0, second = 0] = sizes;
  for (let at = header; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    writeFileSync(path, flipped);
    const read = all(readJournal(path)).then(
      (found) => JSON.stringify(found),
      (error: Error) => error.message.split(",")[0],
    );
    const offset = at < first ? header : first;
    const outcome =
      at < second
        ? `${path} at offset ${offset} must be a record of this version of Manyfold`
        : JSON.stringify(short(0, 3));
    expect(await read).toBe(outcome);
  }
  // Nothing was cut off a damaged journal, and its lock is free again.
  const flipped = Buffer.from(bytes);
  flipped[first + 20] = 0;
  writeFileSync(path, flipped);
  await expect(fileJournal(path)).rejects.toMatchObject({ code: "journal" });
  expect(readFileSync(path)).toEqual(flipped);
  expect(existsSync(`${path}.lock`)).toBe(false);
});

test("zeros behind the last commit, as a crash may leave them, are cut", async () => {
  const { bytes } = await sample();
  const path = freshPath();
  writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(5000)]));
  expect(await reread(path)).toEqual(short(0, 5));
  expect(readFileSync(path).length).toBe(bytes.length);
});

describe("no journal", () => {
  test.each([
    ["another file", "PK\u0003\u0004 and so on and on", "must be a journal of Manyfold, got bytes"],
    [
      "a newer version",
      "manyfold-journal 2\nxxxx",
      "must be a journal of version 1, got 2.\nIt was written by a newer Manyfold",
    ],
  ])("%s", async (_, content, message) => {
    const path = freshPath();
    writeFileSync(path, content);
    await expect(fileJournal(path)).rejects.toThrow(message);
    await expect(all(readJournal(path))).rejects.toMatchObject({ code: "journal" });
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  test("a whole frame with something else in it", async () => {
    const path = freshPath();
    const journal = await fileJournal(path);
    // @ts-expect-error a record of a version to come
    await journal.append(0, [{ type: "dreamt" }]);
    await expect(all(journal.read(0))).rejects.toThrow("must be a record of this version");
    await journal.close();
  });

  test("nothing there", async () => {
    const path = freshPath();
    await expect(fileJournal(path, { create: false })).rejects.toMatchObject({ code: "input" });
    await expect(all(readJournal(path))).rejects.toThrow("must be the journal of a run");
    await expect(fileJournal(join(path, "no/folder"))).rejects.toMatchObject({ code: "input" });
    expect(existsSync(path)).toBe(false);
  });
});

test("a number that JSON cannot hold is refused and leaves the journal as it was", async () => {
  const path = freshPath();
  const journal = await fileJournal(path);
  await expect(journal.append(0, [{ type: "resumed", time: NaN }])).rejects.toThrow(TypeError);
  await expect(journal.append(0, records(0, 1))).resolves.toBe(1);
  await journal.close();
  await expect(journal.append(1, [])).rejects.toThrow("must be open");
  expect(await reread(path)).toEqual(records(0, 1));
});

describe("the lock", () => {
  test("keeps a second writer out, not a reader, and is gone with the first", async () => {
    const path = freshPath();
    const journal = await fileJournal(path);
    await journal.append(0, records(0, 1));
    await expect(fileJournal(path)).rejects.toThrow(
      `must be written by one process at a time, got a lock of process ${process.pid} on ${hostname()}`,
    );
    expect(await all(readJournal(path))).toEqual(records(0, 1));
    await journal.close();
    expect(await reread(path)).toEqual(records(0, 1));
  });

  test("of a killed process is taken over, by one of many", async () => {
    const path = freshPath();
    const { pid } = await ended();
    const holder = { pid, host: hostname(), start: null, token: "x" };
    writeFileSync(`${path}.lock`, JSON.stringify(holder));
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => fileJournal(path)));
    const journals = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(journals).toHaveLength(1);
    await expect(fileJournal(path)).rejects.toMatchObject({ code: "journal" });
    await journals[0]?.close();
    expect(await reread(path)).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.includes(".lock"))).toEqual([]);
  });

  test.runIf(existsSync("/proc/self/stat"))(
    "of a reused process number is taken over",
    async () => {
      const path = freshPath();
      const holder = {
        pid: process.ppid,
        host: hostname(),
        start: "an earlier boot:1",
        token: "x",
      };
      writeFileSync(`${path}.lock`, JSON.stringify(holder));
      const journal = await fileJournal(path);
      await journal.close();
      expect(existsSync(`${path}.lock`)).toBe(false);
    },
  );

  test("of another host, or of unknown origin, is respected", async () => {
    const path = freshPath();
    const holder = { pid: 1, host: "elsewhere.example", start: null, token: "x" };
    writeFileSync(`${path}.lock`, JSON.stringify(holder));
    await expect(fileJournal(path)).rejects.toThrow("a lock of process 1 on elsewhere.example");
    writeFileSync(`${path}.lock`, "?");
    await expect(fileJournal(path)).rejects.toThrow("a lock of unknown origin");
    expect(existsSync(path)).toBe(false);
  });
});

test("a copy taken while it is written to is a journal up to the last commit or torn", async () => {
  const path = freshPath();
  const journal = await fileJournal(path);
  const copy = freshPath();
  const pending = Array.from({ length: 30 }, (_, i) => journal.append(i, records(i, 1)));
  const durable = await pending[0];
  copyFileSync(path, copy);
  const found = await all(readJournal(copy));
  expect(found.length).toBeGreaterThanOrEqual(durable ?? 1);
  expect(found).toEqual(records(0, found.length));
  await Promise.all(pending);
  await journal.close();
});

/** A process that has been killed. */
async function ended(): Promise<{ pid: number }> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await new Promise((resolve) => child.once("spawn", resolve));
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  return { pid: child.pid ?? 0 };
}
