import { describe, expect, test } from "vitest";
import { lognormal, searchOf, study } from "./virtual.ts";

/* Searches in free order: every decision sees what is there. */

const seconds = lognormal(1, 0.5);
const ASHA = { asha: { min: 1, eta: 3 } };

describe.each([
  ["tpe", undefined],
  ["cma-es", ASHA],
  ["random", ASHA],
  ["tpe", { hyperband: {} }],
  ["random", { median: { startup: 3 } }],
] as const)("%s, scheduler %j", (sampler, scheduler) => {
  const of = (order: string, trials = 34) =>
    searchOf({ sampler, trials, order, ...(scheduler && { scheduler }) });

  test("on one slot it is what was there, whenever the coordinator dies", async () => {
    const free = await study(of("free"), { slots: 1, seconds });
    for (const dies of [[4], [9, 10, 11, 40]]) {
      const again = await study(of("free"), { slots: 1, seconds }, { dies });
      expect(again.ledger).toBe(free.ledger);
    }
  });

  test("goes on from its journal with the decisions that it has made", async () => {
    const free = await study(of("free"), { slots: 6, seconds });
    expect(free.state.stopped).toBeUndefined();
    for (const at of [3, 50]) {
      const killed = await study(of("free"), { slots: 6, seconds }, { dies: [at] });
      const before = killed.records.slice(0, at);
      expect(before).toEqual(free.records.slice(0, at));
      expect(killed.state.arrived.length).toBe(killed.state.assessed.size);
    }
  });

  test("can be grown", async () => {
    const grown = await study(of("free", 17), { slots: 4, seconds }, { grow: 34 });
    expect(new Set([...grown.state.assessed.values()].map(({ trial }) => trial)).size).toBe(34);
  });
});

test("leaves no slot idle where numbered decisions wait for a straggler", async () => {
  const slow = (task: string) => (task.startsWith("0") ? 30 : 1);
  const of = (order: string) => searchOf({ sampler: "tpe", trials: 200, lag: 8, order });
  const use = ({ busy, seconds: all }: { busy: number; seconds: number }) => busy / (8 * all);
  const [numbered, free] = await Promise.all(
    ["numbered", "free"].map((order) => study(of(order), { slots: 8, seconds: slow })),
  );
  expect(use(free!)).toBeGreaterThan(1.2 * use(numbered!));
});
