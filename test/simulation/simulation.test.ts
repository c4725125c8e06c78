import { describe, expect, test } from "vitest";
import { describeFault, type Fault } from "./faults.ts";
import { openSubjects } from "./laboratory.ts";
import { runSchedule } from "./schedule.ts";

/*
 * The first schedules; `npm run simulate -- --seeds 10000` runs more of them, and
 * `npm run simulate -- --seed N --trace` shows what one does.
 */

const subjects = await openSubjects();

const minute = 60_000;

test(
  "coordinator and workers lose nothing and double nothing in any schedule",
  { timeout: 4 * minute },
  async () => {
    let faults = 0;
    let copies = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const { plan, violations, copies: its } = await runSchedule(seed, subjects);
      copies += its;
      faults += plan.faults.length;
      expect({ seed, violations, faults: plan.faults.map(describeFault) }).toMatchObject({
        violations: [],
      });
    }
    expect(faults).toBeGreaterThan(200);
    expect(copies).toBeGreaterThan(20);
  },
);

/** Faults that once broke something, with the seed that found them. */
const FOUND: readonly (readonly [string, number, readonly Fault[]])[] = [
  [
    "a result that a full stream does not take waits, and is no failure of its task",
    31,
    [{ at: 2481, kind: "stream full", stream: 3, for: 3679 }],
  ],
  [
    "a server forgets what was acknowledged, and keeps tasks that nobody gets",
    255,
    [{ at: 3605, kind: "server restarted", for: 2817, power: false }],
  ],
  [
    "a server that lost power has lost the data of a run that goes on",
    673,
    [{ at: 2802, kind: "server restarted", for: 2486, power: true }],
  ],
  [
    "a full stream of leases ends no run as an internal error",
    280,
    [
      { at: 221, kind: "stream full", stream: 4, for: 1256 },
      { at: 1115, kind: "coordinator killed", takeover: 10, elsewhere: false },
    ],
  ],
  [
    "a coordinator that is out says that it is, and not what broke because of it",
    771,
    [{ at: 1728, kind: "server restarted", for: 1126, power: true }],
  ],
  [
    "blobs of a trial that is assessed are needed no more: its results are not taken back",
    3309,
    [
      { at: 4264, kind: "coordinator killed", takeover: 1732, elsewhere: false },
      { at: 6940, kind: "server restarted", for: 1383, power: true },
    ],
  ],
  [
    "of tasks that came together some are handed back, and the word of it is lost",
    632,
    [
      { at: 420, kind: "worker drained", worker: 0, back: 20 },
      { at: 440, kind: "worker drained", worker: 1, back: 20 },
      { at: 460, kind: "worker drained", worker: 2, back: 20 },
    ],
  ],
];

describe("what the simulation found stays found:", () => {
  test.each(FOUND)("%s", async (_, seed, faults) => {
    for (let other = seed; other < seed + 5; other++) {
      expect((await runSchedule(other, subjects, { faults })).violations).toEqual([]);
    }
  });

  test("a seed is one schedule: it comes out the same again", async () => {
    const once = await runSchedule(7, subjects, { tracing: true });
    const twice = await runSchedule(7, subjects, { tracing: true });
    expect(twice.trace).toEqual(once.trace);
    expect(twice.virtualSeconds).toBe(once.virtualSeconds);
  });
});
