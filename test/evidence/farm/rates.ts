import { encodeTable, tableRef } from "@manyfold/data";
import { memoryBlobs } from "@manyfold/files";
import { ModelSpec, type Task, taskId, type TaskSpec, TrainSpec } from "@manyfold/protocol";
import { natsBlobs, natsExecutor } from "@manyfold/workers/nats";
import { clock, type Farm, timers } from "./world.ts";

/** Makes tasks that nothing has to be computed for; each is another one. */
export async function taskMaker(farm: Farm): Promise<(milliseconds: number) => Task> {
  const bytes = encodeTable({
    classes: 0,
    x: Float32Array.of(0, 1, 2, 3),
    y: Float32Array.of(0, 1, 2, 3),
    roles: new Uint8Array(4),
    rowNumbers: Uint32Array.of(0, 1, 2, 3),
  });
  await natsBlobs(farm.link, farm.names, memoryBlobs()).put(bytes);
  const data = tableRef(bytes);
  const model = ModelSpec.parse({ layers: [{ dense: { units: 4, activation: "tanh" } }] });
  const train = TrainSpec.parse({ epochs: 1 });
  let member = 0;
  return (milliseconds) => {
    const spec: TaskSpec = {
      version: 1,
      kind: "train",
      variant: "js",
      data,
      model,
      train,
      draw: { sample: { all: {} }, features: 1 },
      seed: 1,
      fold: 0,
      repeat: milliseconds,
      member: member++,
      report: [],
    };
    return { id: taskId(spec), attempt: 1, spec };
  };
}

let runs = 0;

/** Runs tasks to their end; `slots` of them may be out at once, `together` of them in one message. */
export async function runTasks(
  farm: Farm,
  tasks: Iterable<Task>,
  slots: number,
  observe: (done: number) => void = () => undefined,
  together?: number,
): Promise<{ done: number; seconds: number; worked: number }> {
  const executor = natsExecutor({
    link: farm.link,
    names: farm.names,
    run: `run-${++runs}`,
    blobs: memoryBlobs(),
    clock,
    timers,
    slots,
    ...(together !== undefined && { together }),
  });
  const source = (async function* () {
    yield* tasks;
  })();
  let [done, worked] = [0, 0];
  const since = clock.monotonic();
  for await (const event of executor.run(source, { signal: new AbortController().signal })) {
    if (event.type === "failed") throw new Error(`A task failed: ${event.failure.message}`);
    if (event.type !== "completed") continue;
    done++;
    worked += event.seconds;
    observe(done);
  }
  const seconds = (clock.monotonic() - since) / 1000;
  await executor.close();
  return { done, seconds, worked };
}

/** Milliseconds of single tasks, one after the other through one open run. */
export async function latencies(farm: Farm, make: () => Task, count: number): Promise<number[]> {
  const found: number[] = [];
  const made = Array.from({ length: count }, make);
  let since = 0;
  let answered: () => void = () => undefined;
  const tasks = (async function* () {
    for (const task of made) {
      since = clock.monotonic();
      yield task;
      await new Promise<void>((resolve) => (answered = resolve));
    }
  })();
  const executor = natsExecutor({
    link: farm.link,
    names: farm.names,
    run: `run-${++runs}`,
    blobs: memoryBlobs(),
    clock,
    timers,
    slots: 2,
  });
  for await (const event of executor.run(tasks, { signal: new AbortController().signal })) {
    if (event.type !== "completed") continue;
    found.push(clock.monotonic() - since);
    answered();
  }
  await executor.close();
  return found.toSorted((a, b) => a - b);
}
