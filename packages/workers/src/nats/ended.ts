import type { Clock } from "@manyfold/protocol";
import { readLease } from "./lease.ts";
import type { Names } from "./subjects.ts";
import type { Transport } from "./transport.ts";

/** Milliseconds for which a run that had not ended is believed not to have. */
const BELIEVED = 5000;
/** Runs that are remembered. */
const RUNS = 256;

/**
 * Says whether a run's coordinator has left, as its lease tells: the word that it ended is sent once,
 * and a worker whose link was down did not hear it. A run without a lease has not ended. `anew` asks
 * the server even where it was asked a moment ago.
 */
export function createEndedRuns(
  link: Transport,
  names: Names,
  clock: Clock,
): (run: string, anew?: boolean) => Promise<boolean> {
  const asked = new Map<string, { readonly since: number; readonly ended: Promise<boolean> }>();
  return (run, anew = false) => {
    const known = asked.get(run);
    if (!anew && known !== undefined && clock.monotonic() - known.since < BELIEVED)
      return known.ended;
    const ended = readLease(link, names, run).then(
      (lease) => lease?.state === "ended",
      // A worker that may not read leases does what it is given.
      () => false,
    );
    asked.set(run, { since: clock.monotonic(), ended });
    // It may go on at any moment.
    ended.then((over) => over && asked.delete(run)).catch(() => undefined);
    for (const oldest of asked.keys()) {
      if (asked.size <= RUNS) break;
      asked.delete(oldest);
    }
    return ended;
  };
}
