import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import type { Clock, Timers } from "@manyfold/protocol";

/** The machine's clock. The only place where time enters. */
export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** The machine's timers. */
export const timers: Timers = {
  sleep: (milliseconds, signal) => {
    const options = signal === undefined ? {} : { signal };
    // A timer of 0 waits for a whole millisecond; a turn of the event loop is what is meant.
    return milliseconds === 0 ? turn(undefined, options) : delay(milliseconds, undefined, options);
  },
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

/**
 * Has a BLAS start no threads of its own: each worker is one already. Read by the libraries when they
 * are loaded.
 */
export function oneBlasThread(): void {
  for (const library of ["OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"]) {
    process.env[`${library}_THREADS`] = "1";
  }
}
