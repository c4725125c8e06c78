import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hashOf, memoryBlobs } from "@manyfold/files";
import type {
  Clock,
  Executor,
  ObjectiveTask,
  Params,
  Task,
  TaskEvent,
  Timers,
} from "@manyfold/protocol";
import { taskId } from "@manyfold/protocol";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { inlineExecutor } from "./inline.ts";
import { fixtures } from "./testing.ts";
import { threadsExecutor } from "./threads.ts";

const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
const timers: Timers = {
  sleep: (milliseconds, signal) =>
    delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

const MODULE = `
export const square = ({ x }) => x * x;
export const both = async ({ x }) => ({ value: x, twice: 2 * x });
export const sees = (_, { data, key, seed, budget, fold, random }) => ({
  value: data.train.x.length + data.validation.rows, y: data.validation.y[0],
  key: key[0], seed, budget, fold, first: random("a")(), other: random("a", 1)(), again: random("a")(),
});
export const throws = () => { throw new Error("no such luck"); };
export const nan = ({ x }) => Math.log(-x);
export const text = () => "best";
export const nothing = () => {};
export const badly = () => ({ value: 1, name: "mine" });
export const hangs = () => new Promise(() => {});
export const spins = () => { for (;;); };
export const leaves = () => process.exit(3);
export const bursts = async () => { setTimeout(() => { throw new Error("late"); }); await new Promise(() => {}); };
export const polite = (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
export const reportsNan = (_, { report }) => { report(1, 0 / 0); return 1; };
/** A sum that grows by a step's draw: each step depends on all before. */
export const steps = ({ endless }, { budget, checkpoint, random, report }) => {
  const saved = checkpoint.load();
  let [step, sum] = saved ? JSON.parse(new TextDecoder().decode(saved)) : [0, 0];
  while (endless || step < budget) {
    step += 1;
    sum = sum / 2 + random("step", step)();
    checkpoint.save(new TextEncoder().encode(JSON.stringify([step, sum])));
    report(step, sum);
  }
  return sum;
};
/** The same without checkpoints: begins anew each time. */
export const anew = (_, { budget, random, report }) => {
  let sum = 0;
  for (let step = 1; step <= budget; step++) report(step, sum = sum / 2 + random("step", step)());
  return sum;
};
`;

const folder = mkdtempSync(join(tmpdir(), "manyfold-objective-"));
const path = join(folder, "mine.mjs");
writeFileSync(path, MODULE);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const own = { name: "mine.mjs", hash: hashOf(Buffer.from(MODULE)) };

const executors: Executor[] = [];
afterEach(async () => {
  for (const executor of executors.splice(0)) await executor.close();
});

async function open(kind: "inline" | "threads", modules = new Map([["mine.mjs", path]])) {
  const blobs = memoryBlobs();
  const data = await fixtures(blobs);
  const options = { blobs, clock, timers, modules, limits: { seconds: 1 } };
  const executor =
    kind === "inline"
      ? inlineExecutor(options)
      : threadsExecutor({ ...options, workers: 1, grace: 0.2 });
  executors.push(executor);
  const ref = data.varied(2)[1]?.spec.data;
  if (!ref) throw new Error("no table");
  const taskOf = (name: string, params: Params = {}, more: Partial<ObjectiveTask> = {}): Task => {
    const spec: ObjectiveTask = {
      version: 1,
      kind: "objective",
      variant: "js",
      data: ref,
      target: { task: "regression", columns: [{ name: "y", offset: 10, scale: 2 }] },
      module: { ...own, export: name },
      params,
      steps: 6,
      seed: 5,
      fold: 0,
      repeat: 0,
      member: 0,
      ...more,
    };
    return { id: taskId(spec), attempt: 1, spec };
  };
  return { blobs, executor, taskOf, run: (tasks: Task[]) => collect(executor, tasks) };
}

/** Final events of tasks, in their order. */
async function collect(executor: Executor, tasks: readonly Task[]) {
  const ends = new Map<string, TaskEvent>();
  const source = (async function* () {
    yield* tasks;
  })();
  for await (const event of executor.run(source, { signal: new AbortController().signal })) {
    if (event.type === "completed" || event.type === "failed") ends.set(event.task, event);
  }
  return tasks.map(({ id }) => {
    const event = ends.get(id);
    if (event?.type === "completed") return event.result;
    return event?.type === "failed" ? event.failure : undefined;
  });
}

describe.each(["inline", "threads"] as const)("an objective, %s", (kind) => {
  test("is called with its parameters and what a trial may see, and its value is the result", async () => {
    const { run, taskOf } = await open(kind);
    const [square, both, sees] = await run([
      taskOf("square", { x: 3 }),
      taskOf("both", { x: -0 }),
      taskOf("sees", {}, { fold: 2 }),
    ]);
    expect(square).toEqual({ value: 9, reported: [] });
    expect(both).toEqual({ value: 0, values: { twice: 0 }, reported: [] });
    // 60 rows, of which every sixth validates and every fifth of the others tests; three inputs.
    expect(sees).toMatchObject({ value: 3 * 40 + 10, values: { budget: 6, fold: 2 } });
    const { y = NaN, first, other, again } = (sees as { values: Record<string, number> }).values;
    // Scaled values are within [-0.5, 0.5]; in their own units they are about 10.
    expect(Math.abs(y - 10)).toBeLessThanOrEqual(1);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test("that goes wrong is a failure of its class, and the next task runs", async () => {
    const { run, taskOf } = await open(kind);
    const wrong = {
      throws: { code: "exception", permanent: false, message: "no such luck" },
      nan: {
        code: "nan",
        permanent: true,
        message: "The objective's value must be finite, got NaN.",
      },
      text: { code: "invalid", message: 'The objective\'s value must be a number, got "best".' },
      nothing: { code: "invalid", message: "The objective's value must be a number, got nothing." },
      badly: { code: "invalid", message: 'The objective\'s "name" must be a number, got "mine".' },
      reportsNan: { code: "nan" },
      hangs: { code: "timeout" },
      missing: { code: "invalid" },
    };
    const tasks = Object.keys(wrong).map((name) => taskOf(name, { x: 1 }));
    const ends = await run([...tasks, taskOf("square", { x: 2 })]);
    expect(ends.at(-1)).toMatchObject({ value: 4 });
    for (const [at, [name, expected]] of Object.entries(wrong).entries()) {
      expect({ name, ...ends[at] }).toMatchObject({ name, ...expected });
    }
  });

  test("pauses at its budget and goes on to the bits of one that never paused", async () => {
    const { blobs, run, taskOf } = await open(kind);
    const [whole] = await run([taskOf("steps")]);
    for (const [name, params] of [
      ["steps", {}],
      ["steps", { endless: true }],
      ["anew", {}],
    ] as const) {
      let from: ObjectiveTask["part"];
      for (const until of [2, 3, 6]) {
        const part = { until, ...(from?.from && { from: from.from }) };
        const [end] = await run([taskOf(name, params, { part })]);
        if (!end || !("value" in end)) throw new Error(JSON.stringify(end));
        expect(end.reported).toEqual((whole as typeof end).reported.slice(0, until));
        expect(end.value).toBe(end.reported.at(-1)?.value);
        expect(end.checkpoint === undefined).toBe(until === 6);
        const { checkpoint } = end;
        expect(checkpoint === undefined || (await blobs.has(checkpoint.hash))).toBe(true);
        from = { until, ...(checkpoint && { from: checkpoint }) };
      }
    }
  });

  test("is loaded with leave alone, and only as the very file that the run began with", async () => {
    const { run, taskOf } = await open(kind, new Map([["other.mjs", path]]));
    const [refused] = await run([taskOf("square", { x: 1 })]);
    expect(refused).toMatchObject({ code: "invalid", permanent: true });
    expect((refused as { message: string }).message).toContain("this worker allows other.mjs");

    const { run: again, taskOf: taken } = await open(kind);
    const hash = "0".repeat(64);
    const [other] = await again([
      taken("square", {}, { module: { ...own, hash, export: "square" } }),
    ]);
    expect(other).toMatchObject({ code: "invalid", permanent: true });
    expect((other as { message: string }).message).toContain('"mine.mjs" here');
    expect((other as { message: string }).message).toContain("another file than the run's");
  });
});

test("one that ends its thread, keeps it busy or breaks it later costs itself alone", async () => {
  const { run, taskOf } = await open("threads");
  const ends = await run([
    taskOf("leaves"),
    taskOf("square", { x: 5 }),
    taskOf("spins"),
    taskOf("square", { x: 6 }),
    taskOf("bursts"),
    taskOf("polite"),
    taskOf("square", { x: 7 }),
  ]);
  expect(
    ends.map((end) => end && ("code" in end ? end.code : "value" in end && end.value)),
  ).toEqual(["lost", 25, "timeout", 36, "lost", "timeout", 49]);
});
