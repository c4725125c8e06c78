import { randomBytes, randomUUID } from "node:crypto";
import { hashOf, memoryBlobs, memoryJournal } from "@manyfold/files";
import type { JournalRecord } from "@manyfold/protocol";
import { copiedJournal, type Link, natsBlobs, natsJournal } from "@manyfold/workers/nats";
import { beforeAll, describe, expect, test } from "vitest";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { freshNames, testLink } from "./world.ts";

const records = (from: number, count: number): JournalRecord[] =>
  Array.from({ length: count }, (_, index) => index + from).map((i) => ({
    type: "failed",
    task: "0123456789abcdef".repeat(4),
    attempt: i + 1,
    worker: `w${i} é`,
    failure: { code: "exception", message: `line\n${"x".repeat(i % 7)}`, permanent: false },
    seconds: i / 3,
    time: i,
  }));

async function all(journal: AsyncIterable<JournalRecord>): Promise<JournalRecord[]> {
  const found: JournalRecord[] = [];
  for await (const one of journal) found.push(one);
  return found;
}

describeWithServer("what a server stores", () => {
  let server: TestServer;
  let link: Link;
  beforeAll(async () => {
    server = await startServer();
    link = await testLink(server.url);
  });

  describe("the journal", () => {
    const open = async (run = `run-${randomUUID()}`) =>
      natsJournal(link, await freshNames(link), run);

    test("is what was appended, from any record on", async () => {
      const journal = await open();
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
      const journal = await open();
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
      const journal = await open();
      const lengths = await Promise.all(
        Array.from({ length: 50 }, (__, i) => journal.append(2 * i, records(2 * i, 2))),
      );
      expect(lengths).toEqual(Array.from({ length: 50 }, (__, i) => 2 * i + 2));
      expect(await all(journal.read(0))).toEqual(records(0, 100));
    });

    test("of two coordinators lets one write, and the other never again", async () => {
      const names = await freshNames(link);
      const first = await natsJournal(link, names, "run");
      await first.append(0, records(0, 2));
      const second = await natsJournal(link, names, "run");
      expect(await all(second.read(0))).toEqual(records(0, 2));
      await second.append(2, records(2, 1));
      await expect(first.append(2, records(7, 1))).rejects.toMatchObject({ code: "environment" });
      await expect(first.append(3, records(7, 1))).rejects.toMatchObject({ code: "environment" });
      const third = await natsJournal(link, names, "run");
      expect(await all(third.read(0))).toEqual(records(0, 3));
    });

    test("shuts out who wrote in an earlier epoch, from the opening on", async () => {
      const names = await freshNames(link);
      const first = await natsJournal(link, names, "run", 1);
      await first.append(0, records(0, 2));
      const reader = await natsJournal(link, names, "run");
      expect(await all(reader.read(0))).toEqual(records(0, 2));
      const second = await natsJournal(link, names, "run", 2);
      await expect(first.append(2, records(7, 1))).rejects.toMatchObject({
        code: "environment",
        message: expect.stringContaining("takeover by another coordinator (epoch 2)") as string,
      });
      await expect(natsJournal(link, names, "run", 1)).rejects.toMatchObject({
        code: "environment",
      });
      expect(await second.append(2, records(2, 2))).toBe(4);
      const third = await natsJournal(link, names, "run", 3);
      for (let from = 0; from <= 4; from++) {
        expect(await all(third.read(from))).toEqual(records(0, 4).slice(from));
      }
    });

    test("reads nothing that nests as no record does", async () => {
      const names = await freshNames(link);
      const marks = { "Mf-From": "0", "Mf-Count": "1", "Mf-Writer": "w", "Mf-Epoch": "0" };
      const deep = `{"type":"interrupted","time":${"[".repeat(100_000)}1${"]".repeat(100_000)}}`;
      const body = new TextEncoder().encode(deep);
      await link.streams.publish(names.logOf("run"), body, { headers: marks });
      const journal = await natsJournal(link, names, "run");
      await expect(all(journal.read(0))).rejects.toMatchObject({ code: "journal" });
      await journal.close();
    });

    test("goes on over a restart of the server", async () => {
      const journal = await open();
      await journal.append(0, records(0, 2));
      await server.kill();
      const pending = journal.append(2, records(2, 2));
      await server.restart();
      expect(await pending).toBe(4);
      expect(await all(journal.read(0))).toEqual(records(0, 4));
    });

    test("is copied: what the copy lacks first, then all that comes", async () => {
      const truth = await open();
      await truth.append(0, records(0, 3));
      const copy = memoryJournal(records(0, 1));
      const journal = await copiedJournal(truth, copy);
      expect(await all(copy.read(0))).toEqual(records(0, 3));
      await journal.append(3, records(3, 2));
      expect(await all(copy.read(0))).toEqual(await all(journal.read(0)));
    });
  });

  describe("blobs", () => {
    test.each([0, 1, 999_999, 1_000_000, 1_000_001, 12_345_678])(
      "of %i bytes arrive on another host, once",
      async (size) => {
        const names = await freshNames(link);
        const bytes = randomBytes(size);
        const here = natsBlobs(link, names, memoryBlobs());
        const ref = await here.put(bytes);
        expect(ref).toEqual({ hash: hashOf(bytes), bytes: size });
        const before = await link.jsm.streams.info(names.blobs);
        const cache = memoryBlobs();
        const there = natsBlobs(link, names, cache);
        expect(await there.has(ref.hash)).toBe(true);
        await there.put(bytes);
        const after = await link.jsm.streams.info(names.blobs);
        expect(after.state.last_seq).toBe(before.state.last_seq);
        const far = natsBlobs(link, names, memoryBlobs());
        const got = await far.get(ref.hash);
        expect(got !== undefined && bytes.equals(got)).toBe(true);
        expect(got?.buffer).toBeInstanceOf(SharedArrayBuffer);
      },
    );

    test("that are not there are undefined; a damaged one too, until it is put again", async () => {
      const names = await freshNames(link);
      const bytes = randomBytes(2_500_000);
      const near = natsBlobs(link, names, memoryBlobs());
      const { hash } = await near.put(bytes);
      const far = natsBlobs(link, names, memoryBlobs());
      expect(await far.get(hashOf(Uint8Array.of(1)))).toBeUndefined();
      await link.js.publish(names.blob(hash, 1), new Uint8Array(1_000_000));
      expect(await far.get(hash)).toBeUndefined();
      expect(await far.has(hash)).toBe(false);
      await near.put(bytes);
      expect(hashOf((await far.get(hash)) ?? new Uint8Array())).toBe(hash);
    });
  });
});
