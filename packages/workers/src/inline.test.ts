import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Timers } from "@manyfold/protocol";
import { inlineExecutor } from "./inline.ts";
import { executorContract } from "./testing.ts";

const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
const timers: Timers = {
  sleep: (milliseconds, signal) =>
    delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

executorContract("inline", {
  make: async (setting) => ({ executor: inlineExecutor(setting) }),
  clock,
  timers,
  workers: [1],
  stopsAfter: "started",
});
