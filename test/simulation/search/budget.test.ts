import { describe, expect, test } from "vitest";
import { lognormal, searchOf, study } from "./virtual.ts";

/* What ends a search, in virtual time: the real coordinator, tasks that take as long as they are told to. */

const seconds = lognormal(1, 0.5);
const trialsOf = ({ state }: { state: { assessed: ReadonlyMap<number, unknown> } }) =>
  state.assessed.size;

describe.each(["random", "tpe", "grid"])("%s", (sampler) => {
  const of = (search: object) => searchOf({ sampler, ...search });

  test.each([1, 3, 16])("N trials are N on %i slots", async (slots) => {
    const found = await study(of({ trials: 13 }), { slots, seconds });
    expect(trialsOf(found)).toBe(13);
    // And the final fit.
    expect(found.records.filter(({ type }) => type === "completed")).toHaveLength(14);
  });

  test("8 and 8 trials are 16", async () => {
    const whole = await study(of({ trials: 16 }), { slots: 4, seconds });
    const parts = await study(of({ trials: 8 }), { slots: 3, seconds }, { grow: 16 });
    expect(parts.ledger).toBe(whole.ledger);
  });

  test("a budget that nobody uses up changes nothing", async () => {
    const bare = await study(of({ trials: 13 }), { slots: 2, seconds });
    const roomy = of({ trials: 13, budget: { failures: 100, seconds: 1e6, cells: 1000 } });
    expect((await study(roomy, { slots: 2, seconds })).ledger).toBe(bare.ledger);
  });

  test("cells bound trainings, trials begun whole", async () => {
    const budget = { cells: 25 };
    const found = await study(of({ repeats: 2, assess: { folds: { k: 3 } }, budget }), {
      slots: 5,
      seconds,
    });
    expect(trialsOf(found)).toBe(4);
  });

  test.each([
    ["target", { target: 40 }],
    ["failures", { failures: 3 }],
    ["stagnation", { stagnation: 5 }],
  ])("%s ends it at the same trial for all slots, and after deaths", async (by, budget) => {
    const run = (slots: number, dies: number[] = []) =>
      study(of({ trials: 100, budget }), { slots, seconds }, { dies }, { failing: 0.1 });
    const alone = await run(1);
    expect(alone.state.stopped?.by).toBe(by);
    expect(trialsOf(alone)).toBe(alone.state.stopped?.cells);
    expect(trialsOf(alone)).toBeLessThan(100);
    for (const slots of [2, 16]) {
      const found = await run(slots, [5, 17, 30]);
      expect(found.ledger).toBe(alone.ledger);
      expect(found.state.stopped).toEqual(alone.state.stopped);
    }
  });

  test("seconds end it between tasks, and once for all", async () => {
    const budget = { seconds: 20 };
    const input = of({ trials: 140, budget });
    const found = await study(input, { slots: 4, seconds: () => 1.5 });
    expect(found.state.stopped?.by).toBe("seconds");
    // The 14th round of four is under way, and a slot takes its next task before anybody looks.
    expect(trialsOf(found)).toBeGreaterThanOrEqual(56);
    expect(trialsOf(found)).toBeLessThanOrEqual(60);
    expect(found.seconds).toBeLessThan(26);
    // The decision is on record: a coordinator that starts anew decides nothing anew.
    const length = found.records.findIndex(({ type }) => type === "stopped") + 1;
    const killed = await study(input, { slots: 4, seconds: () => 1.5 }, { dies: [length] });
    expect(killed.state.stopped).toEqual(found.state.stopped);
    expect(killed.records.filter(({ type }) => type === "stopped")).toHaveLength(1);
    expect(killed.ledger).toBe(found.ledger);
  });

  test("processor time ends it, and growth goes on from there", async () => {
    const farm = { slots: 3, seconds: () => 1 };
    const input = of({ trials: 30, budget: { cpuSeconds: 12 } });
    const found = await study(input, farm);
    expect(found.state.stopped?.by).toBe("cpuSeconds");
    expect(trialsOf(found)).toBeGreaterThanOrEqual(12);
    expect(trialsOf(found)).toBeLessThanOrEqual(15);
    const grown = await study(input, farm, { grow: 30 });
    expect(trialsOf(grown)).toBeGreaterThanOrEqual(24);
  });
});

test("without a number of trials the budget is all there is", async () => {
  const input = searchOf({ sampler: "random", trials: undefined, budget: { cells: 40 } });
  const found = await study(input, { slots: 64, seconds });
  expect(trialsOf(found)).toBe(40);
  const timed = searchOf({ sampler: "tpe", trials: undefined, budget: { seconds: 10 } });
  expect(trialsOf(await study(timed, { slots: 4, seconds: () => 1 }))).toBeGreaterThan(35);
});
