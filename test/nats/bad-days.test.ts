import { randomUUID } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";
import { cacheBlobs, memoryBlobs } from "@manyfold/files";
import type { BlobStore, Task, TaskEvent } from "@manyfold/protocol";
import { openThreadPool, type ThreadPool } from "@manyfold/workers";
import {
  claimLease,
  type Link,
  type Names,
  natsBlobs,
  natsExecutor,
  openLink,
  startNatsWorker,
} from "@manyfold/workers/nats";
import { expectedResult, fixtures } from "@manyfold/workers/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

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
      beat: 0.4,
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
      beat: 0.4,
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

  test("a server that is too old is named, with the version that is needed", async () => {
    const old = createServer((socket) => {
      const info = { server_id: "x", version: "2.8.4", max_payload: 1_048_576, proto: 1 };
      socket.write(`INFO ${JSON.stringify({ ...info, headers: true, jetstream: true })}\r\n`);
      socket.on("data", (data) => data.includes("PING") && socket.write("PONG\r\n"));
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    const { port } = old.address() as AddressInfo;
    const servers = [`nats://127.0.0.1:${port}`];
    await expect(openLink({ servers, name: "test", timers })).rejects.toMatchObject({
      code: "environment",
      message: expect.stringContaining("version 2.9.4 or later, got 2.8.4") as string,
    });
    old.close();
  });

  test("a stream that takes no more holds its workers up, and loses nothing", async () => {
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const tasks = (await fixtures(blobs)).varied(6);
    await link.jsm.streams.update(names.results, { max_msgs: 2 });
    await startWorker(await testLink(server.url), names, blobs);
    const finals = run(names, blobs, tasks);
    while ((await link.streams.state(names.results)).messages < 2) await timers.sleep(20);
    await timers.sleep(200);
    await link.jsm.streams.update(names.results, { max_msgs: -1 });
    expect((await finals).map(({ type }) => type)).toEqual(Array(6).fill("completed"));
  });

  test("a worker whose disk takes nothing works on without its cache", async () => {
    const names = await freshNames(link);
    const there = natsBlobs(link, names, memoryBlobs());
    const tasks = (await fixtures(there)).varied(6);
    const own = await testLink(server.url);
    const said: string[] = [];
    const full = cacheBlobs("/dev/null/cache", {
      limit: 1e9,
      clock,
      timers,
      onProblem: (message) => said.push(message),
    });
    await startWorker(own, names, natsBlobs(own, names, full));
    const finals = await run(names, there, tasks);
    expect(finals.map(({ type }) => type)).toEqual(Array(6).fill("completed"));
    expect(said.length).toBeGreaterThan(0);
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

  test("tasks of a run that ended while its worker was away are dropped, without a word", async () => {
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const data = await fixtures(blobs);
    const lease = (run: string) =>
      claimLease(link, names, { run, owner: "x", host: "x", clock, timers });
    const left = await lease("left");
    await left.release();
    const going = await lease("going");
    for (const [run, task] of [
      ["left", data.endless(1)],
      ["going", data.endless(2)],
    ] as const) {
      const of = { run, session: "gone", task: task.id, attempt: 1 };
      const body = JSON.stringify({ version: 3, tasks: [task], limits: {} });
      await link.js.publish(names.task("js", of), body);
    }
    const own = await testLink(server.url);
    let started: (text: string) => void = () => undefined;
    const begun = new Promise<string>((resolve) => (started = resolve));
    link.subscribe(names.news("going", "gone"), ({ subject }) => started(subject));
    await startWorker(own, names, blobs);
    await begun;
    // The word that it ended is not heard: the lease alone says so.
    await going.release();
    await own.nc.reconnect();
    while ((await link.streams.state(names.tasks)).messages > 0) await timers.sleep(20);
    expect((await link.streams.state(names.results)).messages).toBe(0);
  });
});
