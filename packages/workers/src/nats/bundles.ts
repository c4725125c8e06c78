import { MOST } from "./messages.ts";

/** Milliseconds of work that a message is meant to hold. */
const TARGET = 100;
/** Tasks of longer work travel alone. */
const SHORT = TARGET / 2;
/** Messages per slot that what waits is divided into. */
const PARTS = 4;
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
  /** How many tasks have to be waiting for so many slots, or messages are smaller than they might be. */
  ahead(slots: number): number;
}

/**
 * Short tasks travel together, so that what a message costs is small against its work; never so many
 * that a slot stands idle while others have a pile.
 *
 * @param most tasks of a message, at most
 */
export function adaptiveBundles(most: number = MOST): Bundles {
  let mean: number | undefined;
  const best = () => (mean === undefined || mean > SHORT ? 1 : Math.min(most, TARGET / mean));
  return {
    tell(seconds) {
      const milliseconds = seconds * 1000;
      mean = mean === undefined ? milliseconds : (1 - NEW) * mean + NEW * milliseconds;
    },
    size(waiting, slots) {
      const fair = Math.ceil(waiting / (PARTS * Math.max(1, slots)));
      return Math.max(1, Math.min(Math.floor(best()), fair));
    },
    ahead: (slots) => Math.ceil(PARTS * slots * best()),
  };
}
