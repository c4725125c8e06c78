import { randomUUID } from "node:crypto";
import { memoryBlobs } from "@manyfold/files";
import { type BlobStore, type Task, taskId } from "@manyfold/protocol";
import { openThreadPool, type ThreadPool } from "@manyfold/workers";
import { natsExecutor, type Names, startNatsWorker } from "@manyfold/workers/nats";
import { fixtures } from "@manyfold/workers/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

/** Long enough that the others hear of a run before it is over. */
function longer({ attempt, spec }: Task): Task {
  if (spec.kind !== "train") throw new Error("a task of another kind");
  const { train } = spec;
  const long = { ...spec, train: { ...train, epochs: 60 * train.epochs } };
  return { id: taskId(long), attempt, spec: long };
}

describeWithServer("runs that share workers", () => {
  let server: TestServer;
  let pool: ThreadPool;
  beforeAll(async () => {
    server = await startServer();
    pool = await openThreadPool({ workers: 2, clock, timers });
  });
  afterAll(() => pool.close());

  /** Runs tasks as a coordinator of its own, and tells of each that is done. */
  const coordinate = async (
    names: Names,
    blobs: BlobStore,
    of: { readonly run: string; readonly slots: number; readonly tasks: readonly Task[] },
    onDone: () => void,
  ) => {
    const link = await testLink(server.url);
    const { run, slots, tasks } = of;
    const common = { link, names, blobs, clock, timers, beat: 0.3, lease: 2 };
    const executor = natsExecutor({ ...common, run, slots });
    const source = async function* () {
      yield* tasks;
    };
    const { signal } = new AbortController();
    for await (const event of executor.run(source(), { signal })) {
      if (event.type === "completed") onDone();
      expect(event).not.toHaveProperty("failure");
    }
  };

  test("get equal shares, though one came first and asks for eight times as much", async () => {
    const link = await testLink(server.url);
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const tasks = (await fixtures(blobs)).varied(220).map(longer);
    const own = { link: await testLink(server.url), id: `here-${randomUUID().slice(0, 8)}` };
    await startNatsWorker({
      ...own,
      names,
      blobs,
      clock,
      timers,
      pool: { ...pool, close: async () => undefined },
      variants: ["js"],
      host: "here",
      manyfold: "test",
      beat: 0.3,
      lease: 2,
    });
    const order: string[] = [];
    let second: Promise<void> | undefined;
    // Both have tasks left in the whole part that is looked at.
    await coordinate(names, blobs, { run: "first", slots: 64, tasks: tasks.slice(0, 160) }, () => {
      order.push("first");
      second ??= coordinate(
        names,
        blobs,
        { run: "second", slots: 8, tasks: tasks.slice(160) },
        () => order.push("second"),
      );
    });
    await second;
    const from = order.indexOf("second");
    expect(from).toBeGreaterThan(0);
    expect(order.lastIndexOf("first")).toBeGreaterThan(from + 50);
    // What the first had sent while it was alone is done before; then they take turns.
    const middle = order.slice(from, from + 50);
    const its = middle.filter((run) => run === "second").length;
    expect(its).toBeGreaterThan(16);
    expect(its).toBeLessThan(34);
    // Whoever is left has all slots.
    expect(order).toHaveLength(220);
  });

  test("are shared with who wants the same workers, and with nobody else", async () => {
    const names = await freshNames(await testLink(server.url));
    const blobs = memoryBlobs();
    const tasks = (await fixtures(blobs)).varied(40);
    const rival = await testLink(server.url);
    const out = async (variants: readonly string[]) => {
      const wants = { open: 500, waiting: true, variants, cancelled: [], ended: false };
      const message = { version: 3, run: "other", session: "other", ...wants };
      const told = timers.every(20, () => {
        rival.publish(
          names.control("other", "other"),
          new TextEncoder().encode(JSON.stringify(message)),
        );
      });
      const link = await testLink(server.url);
      const common = { link, names, blobs, clock, timers, beat: 0.3, lease: 2 };
      const executor = natsExecutor({ ...common, run: `run-${variants.join()}`, slots: 64 });
      const stop = new AbortController();
      // Tasks come late enough for the other one to have been heard.
      const source = async function* () {
        await timers.sleep(300);
        yield* tasks;
      };
      const reading = (async () => {
        for await (const _ of executor.run(source(), stop)) continue;
      })();
      await timers.sleep(900);
      const { messages } = await link.streams.state(names.tasks);
      stop.abort();
      await reading;
      told();
      return messages;
    };
    expect(await out(["blas"])).toBe(40);
    expect(await out(["blas", "js"])).toBe(1);
  });
});
