import { describe, expect, test } from "vitest";
import { createShares } from "./shares.ts";

const still = { now: () => 0, monotonic: () => 0 };

interface Run {
  readonly tasks: number;
  /** Steps that each of its tasks takes. */
  readonly length: number;
  /** Step at which it begins. */
  readonly from: number;
}

/**
 * Runs over one queue in the order of arrival, in steps; every run hears what the others want.
 *
 * @returns slots that each run had, per step
 */
function simulate(slots: number, runs: readonly Run[]): number[][] {
  const shares = runs.map(() => createShares(still, 1));
  const left = runs.map(({ tasks }) => tasks);
  const queue: number[] = [];
  let running: { run: number; until: number }[] = [];
  const history: number[][] = [];
  let started = 0;
  for (let step = 0; left.some((count) => count > 0) || running.length > 0; step++) {
    running = running.filter(({ until }) => until > step);
    const openOf = (run: number) =>
      queue.filter((one) => one === run).length + running.filter((one) => one.run === run).length;
    for (const [run, { from }] of runs.entries()) {
      if (step < from) continue;
      for (const [other, share] of shares.entries()) {
        if (other === run) continue;
        share.hear(`${run}`, { open: openOf(run), waiting: (left[run] ?? 0) > 0 });
      }
    }
    for (let turn = 0; turn < runs.length; turn++) {
      // Slots that end in one step are refilled by all: nobody is always first.
      const run = (turn + step) % runs.length;
      const share = shares[run];
      if (share === undefined || step < (runs[run]?.from ?? 0)) continue;
      for (let out = openOf(run); out < share.window(slots) && (left[run] ?? 0) > 0; out++) {
        left[run] = (left[run] ?? 0) - 1;
        queue.push(run);
      }
    }
    while (running.length < slots && queue.length > 0) {
      const run = queue.shift() ?? 0;
      // Not all equally long, or they would end in lockstep and queue anew in one order for ever.
      running.push({ run, until: step + (runs[run]?.length ?? 1) + (started++ % 5) - 2 });
    }
    history.push(runs.map((_, run) => running.filter((one) => one.run === run).length));
  }
  return history;
}

const between = (history: readonly number[][], from: number, to: number, run: number) =>
  history.slice(from, to).reduce((sum, step) => sum + (step[run] ?? 0), 0);

describe("shares of slots", () => {
  test("alone: all, with as much again in the queue", () => {
    const alone = createShares(still, 1);
    expect([0, 8, 100].map((slots) => alone.window(slots))).toEqual([64, 64, 200]);
    alone.hear("gone", { open: 5, waiting: true });
    alone.forget("gone");
    alone.hear("idle", { open: 0, waiting: false });
    expect(alone.window(100)).toBe(200);
  });

  test("who is silent for long is not counted", () => {
    let now = 0;
    const shares = createShares({ now: () => 0, monotonic: () => now }, 10);
    shares.hear("other", { open: 50, waiting: true });
    expect(shares.window(100)).toBe(58);
    now = 11;
    expect(shares.window(100)).toBe(200);
  });

  test.each([2, 3, 5])("%i runs that want all get equal shares, whoever came first", (count) => {
    const slots = 60;
    const runs = Array.from({ length: count }, (_, i) => ({
      tasks: 3000,
      length: 10,
      from: 7 * i,
    }));
    const history = simulate(slots, runs);
    for (let run = 0; run < count; run++) {
      const share = between(history, 200, 400, run) / (200 * slots);
      expect(share).toBeGreaterThan(0.8 / count);
      expect(share).toBeLessThan(1.2 / count);
    }
  });

  test("tasks that take ten times as long do not take the other run's slots", () => {
    const history = simulate(40, [
      { tasks: 600, length: 100, from: 0 },
      { tasks: 6000, length: 10, from: 0 },
    ]);
    const share = between(history, 300, 1000, 0) / (700 * 40);
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.62);
    // Nobody waits for the sake of fairness.
    for (const step of history.slice(0, 1000)) expect((step[0] ?? 0) + (step[1] ?? 0)).toBe(40);
  });

  test("what a small run leaves of its share is the others', and all when it is done", () => {
    const history = simulate(40, [
      { tasks: 4000, length: 10, from: 0 },
      { tasks: 4, length: 300, from: 100 },
    ]);
    expect(between(history, 200, 350, 0)).toBeGreaterThan(0.99 * 36 * 150);
    expect(between(history, 500, 600, 0)).toBe(40 * 100);
  });
});
