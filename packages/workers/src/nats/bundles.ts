import { MOST } from "./messages.ts";

/** Milliseconds of work that a message is meant to hold. */
const TARGET = 100;
/** Tasks of longer work travel alone. */
const SHORT = TARGET / 2;
/** Weight of the newest duration in the mean. */
const NEW = 0.05;

/** How many tasks go into a message: decided by what they took so far, and never by what they are. */
export interface Bundles {
  /** A task took so many seconds. */
  tell(seconds: number): void;
  /**
   * @param waiting tasks that wait to be sent or done
   * @param slots of all workers that are heard of
   */
  size(waiting: number, slots: number): number;
}

/**
 * Short tasks travel together, so that what a message costs is small against its work; never so many
 * that a slot stands idle while others have a pile.
 */
export function adaptiveBundles(): Bundles {
  let mean: number | undefined;
  return {
    tell(seconds) {
      const milliseconds = seconds * 1000;
      mean = mean === undefined ? milliseconds : (1 - NEW) * mean + NEW * milliseconds;
    },
    size(waiting, slots) {
      if (mean === undefined || mean > SHORT) return 1;
      const fair = Math.ceil(waiting / (4 * Math.max(1, slots)));
      return Math.max(1, Math.min(MOST, Math.floor(TARGET / mean), fair));
    },
  };
}
