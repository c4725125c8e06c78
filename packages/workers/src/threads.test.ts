import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Timers } from "@manyfold/protocol";
import { afterAll } from "vitest";
import { executorContract } from "./testing.ts";
import { openThreadPool, type ThreadPool } from "./thread-pool.ts";
import { threadsOver } from "./threads.ts";

const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
const system: Timers = {
  sleep: (milliseconds, signal) =>
    delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

// Threads take a while to start from sources: one pool per kind serves all tests, so that each test
// also finds what the one before left behind. Timers are those of the test that runs.
const pools = new Map<string, Promise<ThreadPool>>();
let timers = system;
const current: Timers = {
  sleep: (milliseconds, signal) => timers.sleep(milliseconds, signal),
  every: (milliseconds, callback) => timers.every(milliseconds, callback),
};

afterAll(async () => {
  for (const pool of pools.values()) await (await pool).close();
});

executorContract("threads", {
  make: async (setting) => {
    timers = setting.timers;
    const { workers, limits } = setting;
    const kind = JSON.stringify([workers, limits]);
    const options = { workers, clock, timers: current, grace: 1, ...(limits && { limits }) };
    const opened = pools.get(kind) ?? openThreadPool(options);
    pools.set(kind, opened);
    const pool = await opened;
    const crash = async () => {
      // Only one of the threads has the task without an end: all are killed, to meet that one.
      await Promise.all(pool.threads.map((thread) => thread.terminate()));
    };
    const start = async (): Promise<ThreadPool> => ({ ...pool, close: async () => undefined });
    return { executor: threadsOver(start, setting), crash };
  },
  clock,
  timers: system,
  workers: [2, 1, 3],
  stopsAfter: "progress",
});
