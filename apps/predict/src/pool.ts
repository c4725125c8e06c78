import type { Prediction } from "@manyfold/ensemble";
import { Piscina } from "piscina";
import type { SliceTask } from "./predict-thread.ts";

/** Threads that predict slices of large requests. */
export interface Pool {
  readonly threads: number;
  run(task: SliceTask): Promise<Prediction>;
  close(): Promise<void>;
}

/** Starts as many threads; each opens an artifact when it first has rows of it. */
export function openPool(threads: number): Pool {
  // A source next to sources, else JavaScript.
  const source = import.meta.url.endsWith(".ts");
  const program = source
    ? new URL("./predict-thread.ts", import.meta.url)
    : new URL("./predict-thread.js", import.meta.url);
  const pool = new Piscina<SliceTask, Prediction>({
    filename: program.href,
    name: "predictSlice",
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    // Threads would inherit the process's flags otherwise.
    execArgv: source ? ["--conditions=@manyfold/source", "--import", "tsx"] : [],
  });
  // A thread that dies idle is replaced at the next task; a running one's task fails by itself.
  pool.on("error", () => undefined);
  return { threads, run: (task) => pool.run(task), close: () => pool.destroy() };
}

/**
 * Runs each item, `window` at most at once, and gives the results in the items' order. The next item
 * is asked for only when there is room, so that a reader's pace is the writer's.
 */
export async function* ordered<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  run: (item: Item) => Promise<Result>,
  window: number,
): AsyncGenerator<Result> {
  const pending: Promise<Result>[] = [];
  for await (const item of items) {
    const result = run(item);
    // Thrown where it is awaited.
    result.catch(() => undefined);
    pending.push(result);
    if (pending.length >= window) yield await (pending.shift() as Promise<Result>);
  }
  for (const result of pending) yield await result;
}
