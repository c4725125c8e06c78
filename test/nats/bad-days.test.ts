import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { memoryBlobs } from "@manyfold/files";
import type { BlobStore, Task, TaskEvent } from "@manyfold/protocol";
import { openThreadPool, type ThreadPool } from "@manyfold/workers";
import {
  type Link,
  type Names,
  namesOf,
  natsBlobs,
  natsExecutor,
  openLink,
  prepareNamespace,
  startNatsWorker,
} from "@manyfold/workers/nats";
import { expectedResult, fixtures } from "@manyfold/workers/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../e2e/folder.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

const folder = temporaryFolder();

describeWithServer("bad days", () => {
  let server: TestServer;
  let link: Link;
  let pool: ThreadPool;
  beforeAll(async () => {
    server = await startServer();
    link = await testLink(server.url);
    pool = await openThreadPool({ workers: 2, clock, timers });
  });
  afterAll(() => pool.close());

  const startWorker = (own: Link, names: Names, blobs: BlobStore) =>
    startNatsWorker({
      link: own,
      names,
      blobs,
      clock,
      timers,
      pool: { ...pool, close: async () => undefined },
      variants: ["js"],
      id: `here-${randomUUID().slice(0, 8)}`,
      host: "here",
      manyfold: "test",
      beat: 0.2,
      lease: 2,
    });
  const run = async (names: Names, blobs: BlobStore, tasks: readonly Task[], over = link) => {
    const executor = natsExecutor({
      link: over,
      names,
      run: "run",
      blobs,
      clock,
      timers,
      slots: 8,
      beat: 0.2,
      lease: 2,
    });
    const source = async function* () {
      yield* tasks;
    };
    const events: TaskEvent[] = [];
    const { signal } = new AbortController();
    for await (const event of executor.run(source(), { signal })) events.push(event);
    return events.filter(({ type }) => type === "completed" || type === "failed");
  };

  test("a server without JetStream is named, with what to start", async () => {
    const { url } = await startServer([]);
    await expect(openLink({ servers: [url], name: "test", timers })).rejects.toMatchObject({
      code: "environment",
      message: expect.stringContaining("nats-server -js") as string,
    });
  });

  test("wrong credentials are refused, and not repeated in the error", async () => {
    const { url } = await startServer(["-js", "--user", "ann", "--pass", "right"]);
    const wrong = url.replace("//", "//ann:hunter2@");
    const refused = openLink({ servers: [wrong], name: "test", timers });
    const error = await refused.then(
      () => undefined,
      (found: unknown) => found,
    );
    expect(error).toMatchObject({ code: "environment" });
    expect(String(error)).toContain("NATS_USER");
    expect(String(error)).not.toContain("hunter2");
    const credentials = { user: "ann", password: "right" };
    const right = await openLink({ servers: [url], name: "test", timers, credentials });
    await right.close();
  });

  test("garbage on every subject stops nothing and changes no bit", async () => {
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const data = await fixtures(blobs);
    const tasks = data.varied(12);
    const of = { run: "run", session: "none", task: tasks[0]?.id ?? "", attempt: 1 };
    const bodies = ["", "{", "null", "[".repeat(400_000), '{"version":1}', "\u0000"];
    await startWorker(await testLink(server.url), names, blobs);
    for (const text of bodies) {
      const body = new TextEncoder().encode(text);
      for (const subject of [
        names.beat("x"),
        names.control("run", "none"),
        names.news("run", "none"),
        names.bell("js"),
        names.coordinator("run"),
      ]) {
        link.nc.publish(subject, body);
      }
      for (const subject of [
        names.task("js", { ...of, session: randomUUID().slice(0, 8) }),
        `${names.task("js", of)}.more`,
        names.task("js", { ...of, task: "no-hash", session: randomUUID().slice(0, 8) }),
      ]) {
        await link.js.publish(subject, body);
      }
    }
    // In the very place of a result, where the first to write stays.
    for (const { id } of tasks.slice(0, 3)) {
      await link.js.publish(names.success({ run: "run", task: id }), new Uint8Array(3));
    }
    const finals = await run(names, blobs, tasks);
    expect(finals).toHaveLength(12);
    for (const task of tasks) {
      const final = finals.find((event) => event.task === task.id);
      expect(final).toHaveProperty("result", expectedResult(task, data));
    }
    const { state } = await link.jsm.streams.info(names.tasks);
    expect(state.messages).toBe(0);
  });

  test("a delivery that its worker never answers is lost, not run twice", async () => {
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const data = await fixtures(blobs);
    const tasks = data.varied(2);
    const thief = await link.js.consumers.get(names.tasks, names.consumer("js").name);
    const stolen = thief.next({ expires: 5000 });
    const finals = run(names, blobs, tasks);
    expect((await stolen)?.redelivered).toBe(false);
    await startWorker(await testLink(server.url), names, blobs);
    const codes = (await finals).map((event) =>
      event.type === "failed" ? event.failure.code : "done",
    );
    expect(codes.toSorted()).toEqual(["done", "lost"]);
  });

  test("a result that another session stored is taken as it is, if its bytes are there", async () => {
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const data = await fixtures(blobs);
    const tasks = data.varied(4);
    const own = await testLink(server.url);
    await startWorker(own, names, blobs);
    const first = await run(names, blobs, tasks);
    await own.close();
    // Nobody works any more: what comes is what was stored.
    expect(await run(names, blobs, tasks)).toEqual(
      expect.arrayContaining(
        first.map(
          (event) => expect.objectContaining({ task: event.task, type: "completed" }) as object,
        ),
      ),
    );
  });

  test("a worker needs few rights, and with them may do nothing else", async () => {
    const n = "team";
    const config = join(folder, "server.conf");
    const rights = {
      publish: [
        "$JS.API.INFO",
        "$JS.API.STREAM.INFO.*",
        `$JS.API.CONSUMER.INFO.TASKS_${n}.*`,
        `$JS.API.CONSUMER.MSG.NEXT.TASKS_${n}.*`,
        `$JS.ACK.TASKS_${n}.>`,
        `$JS.API.DIRECT.GET.BLOB_${n}.>`,
        `$JS.API.DIRECT.GET.RES_${n}.>`,
        `mf.${n}.res.>`,
        `mf.${n}.blob.>`,
        `mf.${n}.hb.*`,
        `mf.${n}.news.>`,
      ],
      subscribe: ["_INBOX_W.>", `mf.${n}.ctl.>`, `mf.${n}.bell.>`],
    };
    writeFileSync(
      config,
      `jetstream {}
authorization { users = [
  { user: head, password: h }
  { user: worker, password: w, permissions: ${JSON.stringify(rights)} }
] }\n`,
    );
    const { url } = await startServer(["-js", "-c", config]);
    const open = (user: string, password: string, inboxes: string) =>
      openLink({ servers: [url], name: user, timers, inboxes, credentials: { user, password } });
    const head = await open("head", "h", "_INBOX");
    const worker = await open("worker", "w", "_INBOX_W");
    const names = namesOf(n);
    await prepareNamespace(head, names, 2);
    const there = natsBlobs(head, names, memoryBlobs());
    const data = await fixtures(there);
    await startWorker(worker, names, natsBlobs(worker, names, memoryBlobs()));
    const tasks = data.varied(6);
    const finals = await run(names, there, tasks, head);
    expect(finals.map(({ type }) => type)).toEqual(Array(6).fill("completed"));

    const of = { run: "run", session: "s", task: "t", attempt: 1 };
    const forbidden: (() => Promise<unknown>)[] = [
      () => worker.js.publish(names.task("js", of), new Uint8Array(1)),
      () => worker.js.publish(names.logOf("run"), new Uint8Array(1)),
      () => worker.jsm.streams.delete(names.results),
      () => worker.jsm.streams.purge(names.blobs),
      () => worker.jsm.consumers.add(names.results, { durable_name: "spy" }),
      () => worker.jsm.direct.getMessage(names.log, { last_by_subj: names.logOf("run") }),
    ];
    for (const attempt of forbidden)
      await expect(attempt()).rejects.toThrow(/permission|violation/i);
    await worker.close();
    await head.close();
  });
});
