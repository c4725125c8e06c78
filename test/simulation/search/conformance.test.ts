import { pairs } from "@manyfold/search/testing";
import { describe, expect, test } from "vitest";
import { lognormal, searchOf, study } from "./virtual.ts";

/*
 * Every sampler with every scheduler, through the real coordinator and its journal: the ledger is one
 * for any number of slots, at any pace, and whenever the coordinator is killed.
 */

const seconds = lognormal(1, 1);

describe.each(pairs)("$name", ({ search }) => {
  const input = searchOf(search);
  const run = (slots: number, dies: number[] = []) =>
    study(input, { slots, seconds }, { dies }, { failing: 0.05 });

  test("has one ledger on 1, 2 and 16 slots, and after four deaths", async () => {
    const alone = await run(1);
    const length = alone.records.length;
    expect(length).toBeGreaterThan(34);
    expect((await run(2, [3, 4])).ledger).toBe(alone.ledger);
    const late = [Math.floor(length / 2), length - 2];
    expect((await run(16, late)).ledger).toBe(alone.ledger);
  });
});
