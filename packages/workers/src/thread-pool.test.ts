import { setTimeout as delay } from "node:timers/promises";
import type { Clock, CurvePoint, Task, Timers } from "@manyfold/protocol";
import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { afterEach, describe, expect, test } from "vitest";
import type { AttemptOutcome } from "./outcome.ts";
import { memoryBlobs } from "@manyfold/files";
import { countedTimers, fixtures } from "./testing.ts";
import { openThreadPool, type ThreadPool, type ThreadPoolOptions } from "./thread-pool.ts";

const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
const timers = countedTimers({
  sleep: (milliseconds, signal) =>
    delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
} satisfies Timers);

const pools: ThreadPool[] = [];

async function open(options: Partial<ThreadPoolOptions> = {}) {
  const pool = await openThreadPool({ workers: 1, clock, timers, grace: 0.3, ...options });
  pools.push(pool);
  const data = await fixtures(memoryBlobs());
  const run = (
    task: Task,
    signal: AbortSignal = new AbortController().signal,
    onProgress: (point: CurvePoint) => void = () => undefined,
  ) => {
    const bytes = data.tables.get(task.spec.data.hash) ?? new Uint8Array(0);
    const table = new Uint8Array(new SharedArrayBuffer(bytes.length));
    table.set(bytes);
    return pool.run(task, table, { signal, onProgress });
  };
  return { pool, data, run };
}

afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

describe("openThreadPool", () => {
  test.each([
    ["that is missing", "./no-such-program.ts"],
    ["that throws", "data:text/javascript,throw new Error('broken')"],
    ["that exports something else", "./limits.ts"],
  ])("refuses a program %s instead of hanging", async (_, program) => {
    const opening = open({ program: new URL(program, import.meta.url) });
    await expect(opening).rejects.toThrow(/worker threads must be able to start/);
    await expect(opening).rejects.toHaveProperty("code", "environment");
  });

  test("gives up on threads that do not answer in time", async () => {
    await expect(open({ startWithin: 0 })).rejects.toThrow(/no answer within 0 s/);
  });

  test("starts as many threads as asked", async () => {
    const { pool } = await open({ workers: 3 });
    expect(pool.threads).toHaveLength(3);
  });

  test("leaves no thread and no timer when closed, once or twice, also under a task", async () => {
    const { pool, data, run } = await open({ workers: 2 });
    const outcome = run(data.endless());
    await delay(100);
    await Promise.all([pool.close(), pool.close()]);
    expect(await outcome).toMatchObject({ failure: { code: "lost" } });
    expect(pool.threads).toHaveLength(0);
    expect(timers.pending()).toBe(0);
  });
});

describe("a thread", () => {
  test("stops at the next batch when asked, and is used again", async () => {
    const { pool, data, run } = await open();
    const id = pool.threads[0]?.threadId;
    const stop = new AbortController();
    const outcome = await run(data.endless(), stop.signal, () => stop.abort("not wanted"));
    expect(outcome).toMatchObject({ failure: { code: "lost", message: "not wanted" } });
    const [task] = data.varied(1);
    expect(await run(task!)).toMatchObject({ status: "done" });
    expect(pool.threads[0]?.threadId).toBe(id);
  });

  test("does not begin a task that was stopped before", async () => {
    const { data, run } = await open();
    expect(await run(data.endless(), AbortSignal.abort("too late"))).toMatchObject({
      failure: { code: "lost", message: "too late" },
    });
  });

  test("that hears nothing is ended after the grace time, and replaced", async () => {
    const { pool, data, run } = await open({ limits: { seconds: 0.2 } });
    const id = pool.threads[0]?.threadId;
    // One batch of this takes longer than limit and grace together.
    const { spec, ...rest } = data.huge();
    const slow = {
      ...spec,
      model: ModelSpec.parse({ layers: [1, 2].map(() => ({ dense: { units: 8000 } })) }),
      train: TrainSpec.parse({ epochs: 1, batch: 60 }),
    };
    expect(await run({ ...rest, spec: slow })).toMatchObject({ failure: { code: "timeout" } });
    const [task] = data.varied(1);
    expect(await run(task!)).toMatchObject({ status: "done" });
    expect(pool.threads[0]?.threadId).not.toBe(id);
  });

  test("out of memory costs its task, not the process", async () => {
    const { pool, data, run } = await open({ heap: 32 });
    const { spec, ...rest } = data.huge();
    // Objects, not arrays of numbers, since the limit is that of the JavaScript heap; and made by
    // the task itself, since what runs out while a message is read takes the process with it.
    const layer = { repeat: { times: 256, layer: { dense: { units: 1 } } } };
    const model = ModelSpec.parse({ layers: Array.from({ length: 200 }, () => layer) });
    const wordy = { ...spec, model };
    expect(await run({ ...rest, spec: wordy })).toMatchObject({ failure: { code: "oom" } });
    const [task] = data.varied(1);
    expect(await run(task!)).toMatchObject({ status: "done" });
    expect(pool.threads).toHaveLength(1);
  });

  test("that dies while it starts anew is replaced all the same", async () => {
    const { pool, data, run } = await open({ workers: 2 });
    let outcome: AttemptOutcome | undefined;
    void run(data.endless()).then((ended) => (outcome = ended));
    while (outcome === undefined) {
      await Promise.all(pool.threads.map((thread) => thread.terminate()));
      await delay(10);
    }
    expect(outcome).toMatchObject({ failure: { code: "lost" } });
    const tasks = data.varied(4);
    const outcomes = await Promise.all(tasks.map((task) => run(task)));
    expect(outcomes.map(({ status }) => status)).toEqual(tasks.map(() => "done"));
  });

  test("reads the table where it lies and hands its results over", async () => {
    const { data, run } = await open();
    const [task] = data.varied(1);
    const outcome = await run(task!);
    const output =
      outcome.status === "done" && "weights" in outcome.output ? outcome.output : undefined;
    expect(output?.weights.buffer.byteLength).toBe(4 * (output?.parameters ?? 0));
    expect(Object.keys(output?.predictions ?? {})).toEqual(task!.spec.report);
  });
});
