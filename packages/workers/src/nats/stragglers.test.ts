import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Candidate, createDurations, type Stage, stragglersAmong } from "./stragglers.ts";

const milliseconds = fc.integer({ min: 0, max: 100_000 });
const candidates = fc.array(
  fc.record({
    elapsed: milliseconds,
    usual: fc.option(milliseconds, { nil: undefined }),
    idle: fc.integer({ min: -2, max: 5 }),
  }),
  { maxLength: 30 },
);
const stages = fc.record({
  slots: fc.integer({ min: 0, max: 40 }),
  copies: fc.integer({ min: 0, max: 12 }),
  least: milliseconds,
});
const property = (holds: (all: Candidate[], stage: Stage, chosen: Candidate[]) => void) =>
  fc.assert(
    fc.property(candidates, stages, (all, stage) => holds(all, stage, stragglersAmong(all, stage))),
  );

describe("the copies that are sent", () => {
  test("are of what takes three times as long as usual, and of nothing else", () => {
    property((_, { least }, chosen) => {
      for (const { elapsed, usual } of chosen) {
        expect(elapsed).toBeGreaterThan(least);
        expect(elapsed).toBeGreaterThan(3 * (usual ?? Number.POSITIVE_INFINITY));
      }
    });
  });

  test("never have more than a quarter of the slots, or one, or the idle ones of others", () => {
    property((_, { slots, copies }, chosen) => {
      if (chosen.length === 0) return;
      expect(copies + chosen.length).toBeLessThanOrEqual(Math.max(1, slots / 4));
      chosen.forEach(({ idle }, before) => expect(idle).toBeGreaterThan(before));
    });
  });

  test("are of the longest first, each once", () => {
    property((all, stage, chosen) => {
      expect(new Set(chosen).size).toBe(chosen.length);
      const times = chosen.map(({ elapsed }) => elapsed);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      expect(stragglersAmong(all.toReversed(), stage)).toHaveLength(chosen.length);
    });
  });

  test("one straggler of four, one idle slot: it gets its copy", () => {
    const late = { elapsed: 3001, usual: 1000, idle: 1 };
    const stage = { slots: 2, copies: 0, least: 500 };
    expect(stragglersAmong([{ elapsed: 2999, usual: 1000, idle: 1 }, late], stage)).toEqual([late]);
    expect(stragglersAmong([late], { ...stage, copies: 1 })).toEqual([]);
  });
});

describe("what is usual", () => {
  test("is the median of a kind from three on, the longest of all before", () => {
    const durations = createDurations();
    durations.tell("a", 10);
    durations.tell("a", 30);
    expect(durations.usual("a")).toBeUndefined();
    durations.tell("b", 500);
    expect(durations.usual("a")).toBe(500);
    durations.tell("a", 11);
    expect(durations.usual("a")).toBe(11);
    expect(durations.usual("c")).toBe(500);
  });

  test("is the newest's: of a kind and of kinds few are remembered", () => {
    const durations = createDurations();
    for (let task = 0; task < 5000; task++) durations.tell("a", task < 4000 ? 1 : 9);
    expect(durations.usual("a")).toBe(9);
    for (let kind = 0; kind < 1000; kind++) durations.tell(String(kind), 2);
    expect(durations.usual("a")).toBe(9);
    expect(durations.usual("999")).toBe(9);
  });
});
