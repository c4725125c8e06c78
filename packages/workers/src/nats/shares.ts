import type { Clock } from "@manyfold/protocol";

/** What a session says of itself, again and again. */
export interface Demand {
  /** Tasks that are out: queued on the server or held by workers. */
  readonly open: number;
  /** It has more than its window lets out. */
  readonly waiting: boolean;
}

/** How many tasks a session may have out while others work on the same workers. */
export interface Shares {
  /** Another session said what it wants. */
  hear(session: string, demand: Demand): void;
  /** It has ended. */
  forget(session: string): void;
  /** Tasks that may be out now, where the workers have so many slots together (0: none is known). */
  window(slots: number): number;
}

/** Tasks per slot that are out for a session that is alone: one runs, one waits. */
const ALONE = 2;
/** The least for one that is alone, whose workers may still come. */
const LEAST = 64;
/** The same where others work too: an eighth and one more in the queue keep the slots fed. */
const TOGETHER = 1.125;

/**
 * Fair shares without a scheduler. The server hands tasks out in the order in which they came, so the
 * slots that a session gets follow from how much it has in the queue; each session keeps that to its
 * equal share of the slots. What a session leaves of its share because it has no more tasks is
 * divided among the others. Nobody is stopped for it: shares are reached as tasks end.
 *
 * @param patience milliseconds after which a session that says nothing is gone
 */
export function createShares(clock: Clock, patience: number): Shares {
  const others = new Map<string, Demand & { readonly heard: number }>();
  return {
    hear(session, demand) {
      others.set(session, { ...demand, heard: clock.monotonic() });
    },
    forget(session) {
      others.delete(session);
    },
    window(slots) {
      const now = clock.monotonic();
      for (const [session, { heard }] of others) {
        if (now - heard > patience) others.delete(session);
      }
      const rivals = [...others.values()].filter(({ open, waiting }) => open > 0 || waiting);
      if (rivals.length === 0) return Math.max(LEAST, ALONE * slots);
      if (slots === 0) return 1;
      const equal = slots / (rivals.length + 1);
      const content = rivals.filter(({ open, waiting }) => !waiting && open < equal);
      const left = slots - content.reduce((sum, { open }) => sum + open, 0);
      return Math.ceil((TOGETHER * left) / (rivals.length + 1 - content.length)) + 1;
    },
  };
}
