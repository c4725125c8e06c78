import { Scheduler } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { brackets } from "./hyperband.ts";
import { geometricRungs, type Cell } from "./scheduler.ts";
import { schedulerOf } from "./schedulers.ts";

const of = (scheduler: unknown) => {
  const found = schedulerOf({ scheduler: Scheduler.parse(scheduler) });
  if (!found) throw new TypeError("No scheduler.");
  return found;
};

/** Runs a scheduler one cell at a time; what became of each trial's cells, in order. */
function run(
  scheduler: unknown,
  epochs: number,
  trials: number,
  value: (cell: Cell) => number | null,
) {
  const pacer = of(scheduler).begin({ epochs, trials });
  const cells: Cell[] = [];
  let begun = 0;
  for (;;) {
    const move = pacer.next();
    if (move.kind === "wait") return cells;
    const cell = move.kind === "go" ? move.cell : { trial: begun++, rung: move.rung };
    cells.push(cell);
    pacer.tell(cell, value(cell));
  }
}

// search.md 4.3: one rung before the end, eta 3.
test.each([
  [[5, 4, 6, 3, 7, 2], "CCSCSC"],
  [[5, 4, 4.2, 3.5, 3.6, 3.9, 1], "CCSCSSC"],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9], "CSSSSSSSS"],
  [[9, 8, 7, 6, 5, 4, 3, 2, 1], "CCCCCCCCC"],
])("asha that stops, of %j: %s", (values, expected) => {
  const scheduler = { asha: { min: 1, eta: 3, mode: "stop" } };
  const cells = run(scheduler, 3, values.length, ({ trial }) => values[trial] ?? 0);
  const went = new Set(cells.filter(({ rung }) => rung === 1).map(({ trial }) => trial));
  expect(values.map((_, trial) => (went.has(trial) ? "C" : "S")).join("")).toBe(expected);
});

describe("asha that promotes", () => {
  const scheduler = { asha: { min: 1, eta: 3 } };

  test("recovers from good results first, and from bad ones", () => {
    for (const values of [
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
      [9, 8, 7, 6, 5, 4, 3, 2, 1],
    ]) {
      const cells = run(scheduler, 9, 9, ({ trial }) => values[trial] ?? 0);
      const at = (rung: number) => cells.filter((cell) => cell.rung === rung).map((c) => c.trial);
      // A promotion is never taken back: falling values have more than a third go on.
      expect(at(1).length).toBeGreaterThanOrEqual(3);
      expect(at(1)).toContain(values.indexOf(1));
      expect(at(2)).toContain(at(1).toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0))[0]);
    }
  });

  test("never promotes a failure", () => {
    expect(run(scheduler, 9, 9, () => null)).toHaveLength(9);
  });

  test("takes at most one in three of those known", () => {
    const cells = run(scheduler, 27, 81, ({ trial }) => (trial * 37) % 81);
    for (const rung of [1, 2, 3]) {
      const below = cells.filter((cell) => cell.rung === rung - 1).length;
      const here = cells.filter((cell) => cell.rung === rung).length;
      expect(here).toBeGreaterThanOrEqual(Math.floor(below / 3));
      expect(here).toBeLessThanOrEqual(below / 2);
    }
  });
});

test("rungs are counted in whole numbers, and the last is the end", () => {
  expect(geometricRungs(1, 3, 243)).toEqual([1, 3, 9, 27, 81, 243]);
  expect(geometricRungs(1, 10, 1000)).toEqual([1, 10, 100, 1000]);
  expect(geometricRungs(1, 3, 30)).toEqual([1, 3, 9, 30]);
  expect(geometricRungs(5, 3, 4)).toEqual([4]);
});

describe("hyperband", () => {
  test("has the brackets of R = 81", () => {
    const found = brackets(81, 3);
    expect(found.map(([first]) => first?.trials)).toEqual([81, 34, 15, 8, 5]);
    expect(found.map(([first]) => first?.epochs)).toEqual([1, 3, 9, 27, 81]);
    expect(found[0]?.map(({ trials }) => trials)).toEqual([81, 27, 9, 3, 1]);
    expect(brackets(243, 3)).toHaveLength(6);
    expect(brackets(1000, 10)).toHaveLength(4);
  });

  test("runs them to plan", () => {
    const trials = of("hyperband").trials(9);
    expect(trials).toBe(9 + 5 + 3);
    const cells = run("hyperband", 9, trials ?? 0, ({ trial }) => trial);
    const at = (rung: number) => cells.filter((cell) => cell.rung === rung).length;
    expect([at(0), at(1), at(2)]).toEqual([9, 3 + 5, 1 + 1 + 3]);
  });

  test("goes on where trials fail", () => {
    const cells = run("hyperband", 9, 34, ({ trial }) => (trial % 2 ? null : trial));
    expect(new Set(cells.map(({ trial }) => trial)).size).toBe(34);
  });
});

test("the median stops what is worse than half of the finished ones", () => {
  const values = [1, 2, 3, 4, 5, 3.5, 2.5, 3];
  const scheduler = { median: { startup: 5, every: 1 } };
  const cells = run(scheduler, 3, 8, ({ trial }) => values[trial] ?? 0);
  const ends = values.map((_, trial) => cells.filter((cell) => cell.trial === trial).length);
  expect(ends).toEqual([3, 3, 3, 3, 3, 1, 3, 1]);
});
