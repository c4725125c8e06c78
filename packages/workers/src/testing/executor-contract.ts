import type {
  BlobRef,
  BlobStore,
  Clock,
  Executor,
  Limits,
  Task,
  TaskEvent,
  Timers,
} from "@manyfold/protocol";
import { blobsOf, taskId } from "@manyfold/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { countedTimers, type CountedTimers } from "./counted-timers.ts";
import { expectedResult, fixtures } from "./fixtures.ts";
import { memoryBlobs } from "@manyfold/files";

/** What an executor under test is made of. */
export interface ContractSetting {
  readonly blobs: BlobStore;
  readonly timers: Timers;
  readonly clock: Clock;
  /** Number of tasks to run at once. */
  readonly workers: number;
  /** `seconds` per task. */
  readonly limits?: Limits;
  /** Bytes for all running tasks. */
  readonly memory?: number;
}

export interface ContractSubject {
  readonly executor: Executor;
  /** Kills a worker that runs a task, as a crash would; left out where there is nothing to kill. */
  readonly crash?: () => Promise<void>;
}

export interface ContractOptions {
  readonly make: (setting: ContractSetting) => Promise<ContractSubject>;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Numbers of workers to try. */
  readonly workers: readonly [number, ...number[]];
  /** The event after which a running task can still be stopped. */
  readonly stopsAfter: "started" | "progress";
}

type Final = TaskEvent & { type: "completed" | "failed" };
const isFinal = (event: TaskEvent): event is Final =>
  event.type === "completed" || event.type === "failed";

/**
 * What every executor keeps, as tests of vitest. Call it in a test file, with a way to make the
 * executor.
 *
 * @example
 * executorContract("inline", { make: async (setting) => ({ executor: inlineExecutor(setting) }), ... });
 */
export function executorContract(name: string, options: ContractOptions): void {
  describe(`executor contract: ${name}`, () => {
    const made: { subject: ContractSubject; timers: CountedTimers }[] = [];

    async function open(setting: Partial<ContractSetting> = {}) {
      const timers = countedTimers(options.timers);
      const { clock, workers } = options;
      const blobs = setting.blobs ?? memoryBlobs();
      const data = await fixtures(blobs);
      const subject = await options.make({
        clock,
        workers: workers[0],
        ...setting,
        blobs,
        timers,
      });
      made.push({ subject, timers });
      return { ...subject, blobs, timers, data };
    }

    afterEach(async () => {
      for (const { subject, timers } of made.splice(0)) {
        await subject.executor.close();
        await subject.executor.close();
        expect(timers.pending(), "timers left after close").toBe(0);
      }
    });

    test("names itself and its slots", async () => {
      const { executor } = await open({ workers: 1 });
      expect(executor.description).toMatchObject({
        kind: expect.any(String) as string,
        slots: 1,
        host: expect.any(String) as string,
      });
    });

    test("has nothing to say about no tasks", async () => {
      const { executor } = await open();
      expect(await collect(executor, [])).toEqual([]);
    });

    test.each(options.workers)("gives the bits of the task alone, %i at once", async (workers) => {
      const { executor, data } = await open({ workers });
      const tasks = data.varied(9);
      const events = await collect(executor, tasks);
      for (const task of tasks) {
        const event = events.find(({ task: id, type }) => id === task.id && type === "completed");
        expect(event).toHaveProperty("result", expectedResult(task, data));
      }
    });

    test("goes on with a training that was paused, to the same bits", async () => {
      const { executor, data } = await open();
      const [task] = data.varied(1);
      if (task === undefined) throw new Error("no task");
      const whole = expectedResult(task, data);
      let from: BlobRef | undefined;
      for (const until of [1, 2]) {
        const spec = { ...task.spec, part: { until, ...(from && { from }) } };
        const events = await collect(executor, [{ id: taskId(spec), attempt: 1, spec }]);
        const event = events.find(({ type }) => type === "completed");
        from = event?.type === "completed" ? event.result.checkpoint : undefined;
        expect(from, `a checkpoint after epoch ${until}`).toBeDefined();
      }
      if (from === undefined) return;
      const spec = { ...task.spec, part: { until: task.spec.train.epochs, from } };
      const events = await collect(executor, [{ id: taskId(spec), attempt: 1, spec }]);
      expect(events.at(-1)).toHaveProperty("result", whole);
    });

    test("ends each attempt in one final event, after one start", async () => {
      const { executor, data } = await open();
      const tasks = [...data.varied(6), data.notFinite(), data.invalid(), data.tableless()];
      const events = await collect(executor, tasks);
      for (const { id, attempt } of tasks) {
        const own = events.filter((event) => event.task === id);
        expect(own.map(({ attempt: of }) => of)).toEqual(own.map(() => attempt));
        const types = own.map(({ type }) => type).filter((type) => type !== "progress");
        expect(types).toEqual(["started", expect.stringMatching(/completed|failed/)]);
        expect(own.at(-1)).toSatisfy(isFinal);
        expect(new Set(own.map(({ worker }) => worker)).size).toBe(1);
      }
    });

    test("stores a result's bytes before it tells of it", async () => {
      const slow = memoryBlobs();
      const blobs: BlobStore = {
        ...slow,
        async put(bytes) {
          await options.timers.sleep(5);
          return slow.put(bytes);
        },
      };
      const { executor, data } = await open({ blobs });
      const stored: boolean[] = [];
      for await (const event of run(executor, data.varied(4))) {
        if (event.type !== "completed") continue;
        for (const { hash } of blobsOf(event.result)) stored.push(await slow.has(hash));
      }
      expect(stored.length).toBeGreaterThanOrEqual(8);
      expect(stored).not.toContain(false);
    });

    test("pulls a task when a slot is free and not before", async () => {
      const { executor, data } = await open();
      const { slots } = executor.description;
      const stop = new AbortController();
      let pulled = 0;
      const source = async function* () {
        for (;;) yield data.endless(pulled++);
      };
      let busy = 0;
      for await (const event of executor.run(source(), { signal: stop.signal })) {
        if (event.type === "started") busy++;
        if (event.type !== options.stopsAfter || busy < slots || stop.signal.aborted) continue;
        expect(pulled).toBe(slots);
        stop.abort();
      }
      expect(busy).toBe(slots);
    });

    test("waits for a slow reader", async () => {
      const { executor, data } = await open();
      const tasks = data.varied(150);
      let pulled = 0;
      const source = async function* () {
        for (const task of tasks) {
          pulled++;
          yield task;
        }
      };
      const events = run(executor, source())[Symbol.asyncIterator]();
      await events.next();
      let before = -1;
      while (before !== pulled) {
        before = pulled;
        await options.timers.sleep(150);
      }
      expect(pulled).toBeLessThan(100);
      let ended = 0;
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        if (isFinal(next.value)) ended++;
      }
      expect(ended).toBe(150);
    });

    test("tells failures that are permanent as data, and goes on", async () => {
      const { executor, data } = await open();
      const [good, better] = data.varied(2);
      const tasks = [good!, data.notFinite(), data.invalid(), better!];
      const finals = (await collect(executor, tasks)).filter(isFinal);
      const outcome = (task: Task) => finals.find((final) => final.task === task.id);
      expect(outcome(tasks[1]!)).toMatchObject({
        failure: {
          code: "nan",
          permanent: true,
          epoch: expect.any(Number) as number,
          layer: expect.any(String) as string,
        },
      });
      expect(outcome(tasks[2]!)).toMatchObject({
        failure: { code: "invalid", permanent: true, message: expect.stringMatching(/ must be /) },
      });
      expect(outcome(good!)?.type).toBe("completed");
      expect(outcome(better!)?.type).toBe("completed");
    });

    test("fails a task whose table is missing, and goes on", async () => {
      const { executor, data } = await open();
      const tasks = [data.tableless(), ...data.varied(2)];
      const finals = (await collect(executor, tasks)).filter(isFinal);
      expect(finals.filter(({ type }) => type === "completed")).toHaveLength(2);
      const failures = finals.filter((final) => final.type === "failed");
      expect(failures).toMatchObject([
        { task: tasks[0]!.id, failure: { code: "exception", permanent: false } },
      ]);
    });

    test("fails a task whose table cannot be read, and goes on", async () => {
      const store = memoryBlobs();
      let reads = 0;
      const blobs: BlobStore = {
        ...store,
        async get(hash) {
          if (reads++ === 0) throw new Error("connection reset");
          return store.get(hash);
        },
      };
      const { executor, data } = await open({ blobs, workers: 1 });
      const finals = (await collect(executor, data.varied(3))).filter(isFinal);
      expect(finals.map(({ type }) => type)).toEqual(["failed", "completed", "completed"]);
      expect(finals[0]).toMatchObject({
        failure: { code: "exception", message: "connection reset", permanent: false },
      });
    });

    test("fails an attempt whose result cannot be stored, and goes on", async () => {
      const store = memoryBlobs();
      let refused = 0;
      const data = await fixtures(store);
      const [task, ...rest] = data.varied(4);
      const doomed = expectedResult(task!, data).weights.bytes;
      const blobs: BlobStore = {
        ...store,
        async put(bytes) {
          if (bytes.byteLength === doomed && refused++ === 0) throw new Error("disk full");
          return store.put(bytes);
        },
      };
      const { executor } = await open({ blobs, workers: 1 });
      const finals = (await collect(executor, [task!, ...rest])).filter(isFinal);
      expect(finals.filter(({ type }) => type === "completed")).toHaveLength(3);
      expect(finals.find(({ type }) => type === "failed")).toMatchObject({
        failure: { code: "exception", message: expect.stringContaining("disk full") as string },
      });
    });

    test("tells progress, rising and not too often", async () => {
      const { executor, data } = await open({ limits: { seconds: 2 } });
      const events = await collect(executor, [data.endless()]);
      const epochs = events.flatMap((event) =>
        event.type === "progress" ? [event.point.epoch] : [],
      );
      expect(epochs.length).toBeGreaterThan(0);
      expect(epochs.length).toBeLessThan(40);
      expect(epochs).toEqual([...new Set(epochs)].toSorted((a, b) => a - b));
    });

    test("cancels one running task and no other", async () => {
      const { executor, data } = await open();
      const endless = data.endless();
      const tasks = [endless, ...data.varied(4)];
      const finals: Final[] = [];
      for await (const event of run(executor, tasks)) {
        if (event.task === endless.id && event.type === options.stopsAfter) {
          executor.cancel(endless.id);
        }
        if (isFinal(event)) finals.push(event);
      }
      expect(finals).toHaveLength(5);
      expect(finals.filter(({ type }) => type === "failed")).toMatchObject([
        { task: endless.id, failure: { code: "lost", permanent: false } },
      ]);
    });

    test("forgives the cancelling of what it does not run", async () => {
      const { executor, data } = await open();
      executor.cancel(data.endless().id);
      expect((await collect(executor, data.varied(1))).at(-1)?.type).toBe("completed");
    });

    test("ends when aborted: what runs is lost, nothing more is pulled", async () => {
      const { executor, data, timers } = await open();
      const stop = new AbortController();
      let pulled = 0;
      const source = async function* () {
        for (const member of Array(50).keys()) {
          pulled++;
          yield data.endless(member);
        }
      };
      const open_ = new Set<string>();
      const failures: string[] = [];
      for await (const event of executor.run(source(), { signal: stop.signal })) {
        if (event.type === "started") open_.add(event.task);
        if (isFinal(event)) open_.delete(event.task);
        if (event.type === "failed") failures.push(event.failure.code);
        if (event.type === options.stopsAfter) stop.abort();
      }
      expect([...open_]).toEqual([]);
      expect(new Set(failures)).toEqual(new Set(["lost"]));
      expect(pulled).toBeLessThan(50);
      expect(timers.pending()).toBe(0);
    });

    test("does nothing under a signal that is aborted already", async () => {
      const { executor, data } = await open();
      const signal = AbortSignal.abort();
      const events: TaskEvent[] = [];
      for await (const event of executor.run(listed(data.varied(3)), { signal })) {
        events.push(event);
      }
      expect(events).toEqual([]);
    });

    test("ends when aborted while it waits for a task", async () => {
      const { executor } = await open();
      const stop = new AbortController();
      const never: AsyncIterable<Task> = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
      };
      const events = executor.run(never, { signal: stop.signal })[Symbol.asyncIterator]();
      const next = events.next();
      stop.abort();
      expect(await next).toMatchObject({ done: true });
    });

    test("leaves nothing running when its reader goes away, and runs again", async () => {
      const { executor, data, timers } = await open();
      for await (const event of run(executor, [data.endless(), data.endless(1)])) {
        if (event.type === options.stopsAfter) break;
      }
      expect(timers.pending()).toBe(0);
      const events = await collect(executor, data.varied(2));
      expect(events.filter(({ type }) => type === "completed")).toHaveLength(2);
    });

    test("passes on an error of the source, after the running attempts' ends", async () => {
      const { executor, data } = await open();
      const finals: Final[] = [];
      const source = async function* () {
        yield* data.varied(2);
        throw new Error("no more plans");
      };
      const read = async () => {
        for await (const event of run(executor, source())) if (isFinal(event)) finals.push(event);
      };
      await expect(read()).rejects.toThrow("no more plans");
      expect(finals.map(({ type }) => type)).toEqual(["completed", "completed"]);
    });

    test("ends a task over its limit of time, and no other", async () => {
      const { executor, data } = await open({ limits: { seconds: 2 } });
      const endless = data.endless();
      const finals = (await collect(executor, [endless, ...data.varied(3)])).filter(isFinal);
      expect(finals).toHaveLength(4);
      expect(finals.filter(({ type }) => type === "failed")).toMatchObject([
        { task: endless.id, failure: { code: "timeout", permanent: false } },
      ]);
    });

    test("refuses a task that needs more memory than allowed", async () => {
      const { executor, data } = await open({ memory: 2 ** 20 });
      const huge = data.huge();
      const finals = (await collect(executor, [huge, ...data.varied(2)])).filter(isFinal);
      expect(finals.filter(({ type }) => type === "failed")).toMatchObject([
        { task: huge.id, failure: { code: "invalid", permanent: true } },
      ]);
    });

    test("loses a task with its worker, and goes on", async (context) => {
      const { executor, data, crash } = await open();
      if (crash === undefined) return context.skip("nothing to kill");
      const endless = data.endless();
      const finals: Final[] = [];
      let crashed: Promise<void> | undefined;
      for await (const event of run(executor, [endless, ...data.varied(5)])) {
        if (event.task === endless.id && event.type === "progress") crashed ??= crash();
        if (isFinal(event)) finals.push(event);
      }
      await crashed;
      expect(finals).toHaveLength(6);
      const lost = finals.flatMap((final) => (final.type === "failed" ? [final] : []));
      expect(lost.find(({ task }) => task === endless.id)).toBeDefined();
      expect(lost.some(({ shut }) => shut)).toBe(false);
      expect(new Set(lost.map(({ failure }) => failure.code))).toEqual(new Set(["lost"]));
      const again = await collect(executor, data.varied(6));
      expect(again.filter(({ type }) => type === "completed")).toHaveLength(6);
    });

    test("refuses to run once closed", async () => {
      const { executor, data } = await open();
      await executor.close();
      await expect(collect(executor, data.varied(1))).rejects.toThrow(/must be open/);
    });

    test("ends a run that it is closed under", async () => {
      const { executor, data } = await open();
      let closing: Promise<void> | undefined;
      const codes: string[] = [];
      for await (const event of run(executor, [data.endless(), data.endless(1)])) {
        if (event.type === options.stopsAfter) closing ??= executor.close();
        if (event.type !== "failed") continue;
        codes.push(event.failure.code);
        expect(event.shut, "no attempt of its task").toBe(true);
      }
      await closing;
      expect(new Set(codes)).toEqual(new Set(["lost"]));
    });
  });
}

async function* listed(tasks: Iterable<Task>): AsyncGenerator<Task> {
  yield* tasks;
}

function run(executor: Executor, tasks: readonly Task[] | AsyncIterable<Task>) {
  const source = Symbol.asyncIterator in tasks ? tasks : listed(tasks);
  return executor.run(source, { signal: new AbortController().signal });
}

async function collect(executor: Executor, tasks: readonly Task[]): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for await (const event of run(executor, tasks)) events.push(event);
  return events;
}
