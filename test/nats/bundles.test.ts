import { memoryBlobs } from "@manyfold/files";
import type { Task, TaskEvent, TaskResult } from "@manyfold/protocol";
import { openThreadPool } from "@manyfold/workers";
import { type Link, natsExecutor, type Names, startNatsWorker } from "@manyfold/workers/nats";
import { expectedResult, fixtures } from "@manyfold/workers/testing";
import { beforeAll, expect, test } from "vitest";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

const poison = { code: "poison", message: "Lost three times.", permanent: true } as const;

describeWithServer("messages of several tasks", () => {
  let server: TestServer;
  let link: Link;
  beforeAll(async () => {
    server = await startServer();
    link = await testLink(server.url);
  });

  const executorOf = (names: Names, blobs = memoryBlobs(), slots = 64) =>
    natsExecutor({ link, names, run: "run", blobs, clock, timers, slots, beat: 0.2, lease: 2 });

  const eventsOf = async (executor: ReturnType<typeof executorOf>, tasks: readonly Task[]) => {
    const source = (async function* () {
      yield* tasks;
    })();
    const events: TaskEvent[] = [];
    for await (const event of executor.run(source, { signal: new AbortController().signal })) {
      if (event.type === "completed" || event.type === "failed") events.push(event);
    }
    return events;
  };

  test("end each task once with its own result or failure, and are found by a later session", async () => {
    const names = await freshNames(link);
    const blobs = memoryBlobs();
    const data = await fixtures(blobs);
    const worker = await startNatsWorker({
      link: await testLink(server.url),
      names,
      blobs,
      clock,
      timers,
      pool: await openThreadPool({ workers: 1, clock, timers }),
      variants: ["js"],
      id: "one",
      host: "here",
      manyfold: "test",
      beat: 0.2,
      lease: 2,
    });
    const tasks = [...data.varied(300), data.notFinite(), data.tableless()];
    const executor = executorOf(names, blobs);
    const events = await eventsOf(executor, tasks);
    const ended = new Map(events.map((event) => [event.task, event]));
    expect(events).toHaveLength(tasks.length);
    expect(ended.size).toBe(tasks.length);
    for (const task of data.varied(300)) {
      expect(ended.get(task.id)).toMatchObject({ result: expectedResult(task, data) });
    }
    expect(ended.get(data.notFinite().id)).toMatchObject({ failure: { code: "nan" } });
    expect(ended.get(data.tableless().id)).toMatchObject({ failure: { code: "exception" } });
    const subjects = await link.streams.subjects(names.results, names.outcomes("run"));
    expect(subjects.some((subject) => subject.includes(".bundle."))).toBe(true);
    expect(subjects.length).toBeLessThan(tasks.length);
    worker.drain();
    await worker.ended;
    // Nobody is there who could do them again.
    const again = await eventsOf(executorOf(names, blobs), data.varied(300));
    expect(again.every(({ type }) => type === "completed")).toBe(true);
    expect(again).toHaveLength(300);
  });

  test("a task that is given up stays so: no late success, and no other attempt", async () => {
    const names = await freshNames(link);
    const [task, other] = (await fixtures(memoryBlobs())).varied(2) as [Task, Task];
    const executor = executorOf(names);
    expect(await executor.lateSuccess?.(task.id)).toBeUndefined();
    await executor.conclude?.(task.id, poison);
    expect(await executor.lateSuccess?.(task.id)).toBeUndefined();
    const late = link.streams.publish(
      names.success({ run: "run", task: task.id }),
      new Uint8Array(),
      {
        last: 0,
      },
    );
    await expect(late).rejects.toMatchObject({ code: 10071 });
    expect(await eventsOf(executor, [task])).toMatchObject([{ type: "failed", failure: poison }]);
    const result: TaskResult = {
      weights: { hash: task.id, bytes: 4 },
      parameters: 1,
      predictions: {},
      curve: [],
      epoch: 1,
      stopped: false,
    };
    const outcomes = [{ status: "done", task: other.id, result, seconds: 1 }];
    const body = JSON.stringify({ version: 3, worker: "late", outcomes });
    await link.streams.publish(
      names.success({ run: "run", task: other.id }),
      new TextEncoder().encode(body),
    );
    const success = { result, worker: "late", seconds: 1 };
    expect(await executor.lateSuccess?.(other.id)).toEqual(success);
    await executor.conclude?.(other.id, poison);
    expect(await executor.lateSuccess?.(other.id)).toEqual(success);
  });
});
