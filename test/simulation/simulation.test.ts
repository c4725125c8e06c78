import { describe, expect, test } from "vitest";
import { describeFault } from "./faults.ts";
import { openSubjects } from "./laboratory.ts";
import { runSchedule } from "./schedule.ts";

/*
 * The first few hundred schedules; `npm run simulate -- --seeds 10000` runs more of them, and
 * `npm run simulate -- --seed N --trace` shows what one does.
 */

const subjects = await openSubjects();

test("coordinator and workers lose nothing and double nothing in any schedule", async () => {
  let faults = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const { plan, violations } = await runSchedule(seed, subjects);
    faults += plan.faults.length;
    expect({ seed, violations, faults: plan.faults.map(describeFault) }).toMatchObject({
      violations: [],
    });
  }
  expect(faults).toBeGreaterThan(400);
});

describe("what the simulation found stays found:", () => {
  test.each([
    [31, "a result that a full stream does not take waits, and is no failure of its task"],
    [255, "a server forgets what was acknowledged, and keeps tasks that nobody gets"],
    [673, "a server that lost power has lost the data of a run that goes on"],
  ])("seed %i: %s", async (seed) => {
    expect((await runSchedule(seed, subjects)).violations).toEqual([]);
  });

  test("a seed is one schedule: it comes out the same again", async () => {
    const traces = [await runSchedule(7, subjects, true), await runSchedule(7, subjects, true)];
    expect(traces[1]?.trace).toEqual(traces[0]?.trace);
    expect(traces[1]?.virtualSeconds).toBe(traces[0]?.virtualSeconds);
  });
});
