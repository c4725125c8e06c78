import { setImmediate as turn } from "node:timers/promises";
import type { Clock, Timers } from "@manyfold/protocol";

/** A process of the simulated world: what it waits for dies with it, and waits while it is stopped. */
export interface Process {
  readonly name: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly alive: boolean;
  /** Timers that are set. */
  readonly waiting: number;
  /** Ends it as SIGKILL would. */
  kill(): void;
  /** SIGSTOP and SIGCONT. */
  stop(): void;
  proceed(): void;
  /** Sets its wall clock forward or back; the monotonic one knows nothing of it. */
  shift(milliseconds: number): void;
}

/** Virtual time: nothing happens but what was put down for a moment, in the order of moments. */
export interface World {
  readonly now: number;
  /** @returns takes it back */
  at(moment: number, owner: Process | undefined, action: () => void): () => void;
  process(name: string): Process;
  /** Lets things happen until `over`, or nothing is left to; false where it takes longer. */
  run(over: () => boolean, until: number): Promise<boolean>;
}

interface Item {
  readonly moment: number;
  readonly order: number;
  readonly owner: Process | undefined;
  action: (() => void) | undefined;
}

/** Wall clock at the beginning. */
const EPOCH = 1_700_000_000_000;

export function createWorld(): World {
  let now = 0;
  let order = 0;
  const heap: Item[] = [];
  const stopped = new Map<Process, Item[]>();

  const push = (item: Item) => {
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || before(above, item)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  };
  const pop = (): Item | undefined => {
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) break;
      const right = b !== undefined && before(b, a);
      const child = right ? b : a;
      if (before(last, child)) break;
      heap[at] = child;
      at = right ? left + 1 : left;
    }
    heap[at] = last;
    return top;
  };

  const at: World["at"] = (moment, owner, action) => {
    const item: Item = { moment: Math.max(moment, now), order: order++, owner, action };
    push(item);
    return () => {
      item.action = undefined;
    };
  };

  const process = (name: string): Process => {
    let alive = true;
    let skew = 0;
    const set = new Set<object>();
    const self: Process = {
      name,
      clock: { now: () => EPOCH + now + skew, monotonic: () => now },
      timers: {
        sleep: (milliseconds, signal) =>
          new Promise((resolve, reject) => {
            if (signal?.aborted === true) return reject(ABORTED);
            const mark = {};
            set.add(mark);
            const abort = () => {
              cancel();
              set.delete(mark);
              reject(ABORTED);
            };
            const cancel = at(now + milliseconds, self, () => {
              set.delete(mark);
              signal?.removeEventListener("abort", abort);
              resolve();
            });
            signal?.addEventListener("abort", abort, { once: true });
          }),
        every(milliseconds, callback) {
          const mark = {};
          set.add(mark);
          let cancel: () => void;
          const again = () => {
            cancel = at(now + milliseconds, self, () => {
              again();
              callback();
            });
          };
          again();
          return () => {
            set.delete(mark);
            cancel();
          };
        },
      },
      get alive() {
        return alive;
      },
      get waiting() {
        return alive ? set.size : 0;
      },
      kill() {
        alive = false;
        stopped.delete(self);
      },
      stop() {
        if (alive && !stopped.has(self)) stopped.set(self, []);
      },
      proceed() {
        const missed = stopped.get(self) ?? [];
        stopped.delete(self);
        for (const { action } of missed) if (action !== undefined) at(now, self, action);
      },
      shift(milliseconds) {
        skew += milliseconds;
      },
    };
    return self;
  };

  return {
    get now() {
      return now;
    },
    at,
    process,
    async run(over, until) {
      for (;;) {
        // Everything that follows from what has happened, before anything else does.
        await turn();
        if (over()) return true;
        const item = pop();
        if (item === undefined) return over();
        if (item.moment > until) {
          push(item);
          return false;
        }
        const { owner, action } = item;
        if (action === undefined || owner?.alive === false) continue;
        now = item.moment;
        const missed = owner && stopped.get(owner);
        if (missed) missed.push(item);
        else action();
      }
    },
  };
}

function before(a: Item, b: Item): boolean {
  return a.moment < b.moment || (a.moment === b.moment && a.order < b.order);
}

/** One for all: the making of an error is what most of a cancelled timer would cost. */
const ABORTED = Object.assign(new Error("aborted"), { name: "AbortError" });
