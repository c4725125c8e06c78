import type { Timers } from "@manyfold/protocol";

/** Timers that know how many of them are still set. */
export interface CountedTimers extends Timers {
  pending(): number;
}

/** Counts the timers that are set and have not ended. */
export function countedTimers(timers: Timers): CountedTimers {
  let pending = 0;
  return {
    pending: () => pending,
    async sleep(milliseconds, signal) {
      pending++;
      try {
        await timers.sleep(milliseconds, signal);
      } finally {
        pending--;
      }
    },
    every(milliseconds, callback) {
      pending++;
      const stop = timers.every(milliseconds, callback);
      let stopped = false;
      return () => {
        stop();
        if (!stopped) pending--;
        stopped = true;
      };
    },
  };
}
