import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Timers } from "@manyfold/protocol";

/** The machine's clock. The only place where time enters. */
export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** The machine's timers. */
export const timers: Timers = {
  sleep: (milliseconds, signal) =>
    delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};
