import { join } from "node:path";
import { decodeTable } from "@manyfold/data";
import { memoryBlobs } from "@manyfold/files";
import type { Task, TaskEvent } from "@manyfold/protocol";
import { natsExecutor, type Names, startNatsWorker } from "@manyfold/workers/nats";
import { expectedResult, fixtures } from "@manyfold/workers/testing";
import { runTask, type ThreadPool } from "@manyfold/workers";
import { beforeAll, expect, test } from "vitest";
import { writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document } from "../e2e/program.ts";
import { doneTasks, slow, workerStarter } from "./cluster.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

/** Milliseconds of a task, and of one that stands still until it is cancelled. */
const USUAL = 40;
const FOREVER = 3_600_000;
/** Seconds; long enough that no worker of a loaded machine is taken for a silent one. */
const BEAT = 0.6;

const folder = temporaryFolder();
const startWorker = workerStarter(folder);

describeWithServer("an attempt that takes too long", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });

  /** A worker whose tasks take so long; what was told to stop is counted. */
  const employ = async (
    names: Names,
    blobs: ReturnType<typeof memoryBlobs>,
    id: string,
    takes: (task: number) => number,
  ) => {
    const stopped: string[] = [];
    let taken = 0;
    const pool: ThreadPool = {
      slots: 1,
      threads: [],
      runAll: (tasks) =>
        Promise.all(tasks.map(({ task, table, options }) => pool.run(task, table, options))),
      async run(task, table, { signal }) {
        try {
          await timers.sleep(takes(taken++), signal);
        } catch {
          stopped.push(task.id);
          const failure = { code: "lost", message: "told to stop", permanent: false } as const;
          return { status: "failed", failure };
        }
        if (task.spec.kind !== "train") throw new Error("a task of another kind");
        const outcome = runTask(task.spec, () => decodeTable(table, task.spec.data));
        if (outcome.status === "cancelled") throw new Error("nobody cancelled it");
        return outcome;
      },
      close: () => Promise.resolve(),
    };
    const worker = await startNatsWorker({
      link: await testLink(server.url),
      names,
      blobs,
      clock,
      timers,
      pool,
      variants: ["js"],
      id,
      host: "here",
      manyfold: "test",
      beat: BEAT,
      lease: 2,
    });
    return { ...worker, stopped };
  };

  const open = async (copies: boolean) => {
    const link = await testLink(server.url);
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const data = await fixtures(blobs);
    const executor = natsExecutor({
      link,
      names,
      run: "run",
      blobs,
      clock,
      timers,
      slots: 4,
      beat: BEAT,
      lease: 2,
      copies,
    });
    const run = async (tasks: readonly Task[], signal: AbortSignal) => {
      const source = (async function* () {
        yield* tasks;
      })();
      const events: TaskEvent[] = [];
      for await (const event of executor.run(source, { signal })) events.push(event);
      return events.filter(({ type }) => type === "completed" || type === "failed");
    };
    return { link, names, blobs, data, run };
  };

  test("is done by another worker, and the run does not wait for the first", async () => {
    const { link, names, blobs, data, run } = await open(true);
    // The slow one takes one task and never ends it; it is alive and says so.
    const slow = await employ(names, blobs, "slow", () => FOREVER);
    const quick = await employ(names, blobs, "quick", () => USUAL);
    const tasks = data.varied(12);
    const events = await run(tasks, new AbortController().signal);
    expect(events.filter(({ type }) => type === "failed")).toEqual([]);
    expect(events).toHaveLength(tasks.length);
    for (const task of tasks) {
      const event = events.find((one) => one.task === task.id);
      expect(event).toMatchObject({
        attempt: 1,
        worker: "quick",
        result: expectedResult(task, data),
      });
    }
    // Counted once, as a copy and as no attempt.
    const copied = events.filter((event) => "copies" in event);
    expect(copied).toMatchObject([{ type: "completed", copies: 1 }]);
    // The slow one was told to stop, and nothing of the run is left to be done.
    await expect.poll(() => slow.stopped).toEqual([copied[0]?.task]);
    await expect.poll(async () => (await link.streams.state(names.tasks)).messages).toBe(0);
    slow.drain();
    quick.drain();
    await Promise.all([slow.ended, quick.ended]);
  });

  test("waits where copies are not wanted, and is lost as before", async () => {
    const { names, blobs, data, run } = await open(false);
    const slow = await employ(names, blobs, "slow", () => FOREVER);
    const quick = await employ(names, blobs, "quick", () => USUAL);
    const stop = new AbortController();
    const tasks = data.varied(8);
    setTimeout(() => stop.abort("enough"), 3000);
    const events = await run(tasks, stop.signal);
    const failed = events.filter(({ type }) => type === "failed");
    expect(failed).toMatchObject([{ worker: "slow", failure: { code: "lost" } }]);
    expect(events).toHaveLength(8);
    slow.drain();
    quick.drain();
    await Promise.all([slow.ended, quick.ended]);
  });

  test("of a single worker has no copy: nobody else could do it", async () => {
    const { names, blobs, data, run } = await open(true);
    let tasks = 0;
    const only = await employ(names, blobs, "only", () => (++tasks === 6 ? 2000 : USUAL));
    const events = await run(data.varied(6), new AbortController().signal);
    expect(events).toHaveLength(6);
    expect(events.some((event) => "copies" in event)).toBe(false);
    only.drain();
    await only.ended;
  });

  test("of a process that stands still is done by another, and the ledger is the same", async () => {
    // Short ones: three times as long is not yet as long as a worker may be silent.
    const config = writeExperiment(folder, {
      ...slow,
      train: { ...slow.train, epochs: 300 },
      ensemble: { bagging: { members: 40 } },
    });
    const out = join(folder, "runs");
    const pace = ["--beat", "4"];
    const workers = ["one", "two"].map((name) => startWorker(server.url, name, pace));
    const cluster = ["--executor", "nats", "--servers", server.url, ...pace];
    const running = document(["run", config, ...cluster, "--out", out]);
    await doneTasks(out, 4);
    workers[0]?.process.kill("SIGSTOP");
    const [there, here] = await Promise.all([
      running,
      document(["run", config, "--executor", "inline", "--out", join(folder, "inline")]),
    ]);
    expect(there.ledger).toBe(here.ledger);
    // On a slow machine what it had fetched in advance may be lost before it has its turn as a copy.
    const { attempts, lost, copies } = there.execution;
    expect({ done: attempts - lost, tasks: there.tasks }).toEqual({ done: 40, tasks: here.tasks });
    expect(lost).toBeLessThan(2);
    expect(copies).toBeGreaterThan(0);
  });
});
