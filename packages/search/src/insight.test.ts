import type { Space } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { insightOf, type Tried } from "./insight.ts";

const space: Space = {
  rate: { float: [0.001, 1], scale: "log" },
  units: { int: [1, 4] },
  kind: { categorical: ["a", "b"] },
};

/** A lattice of settings; the value is a plane over the logarithm of the rate and the units. */
const plane = (rate: number, units: number) => 3 + Math.log10(rate) + 0.5 * units;
const lattice: Tried[] = Array.from({ length: 31 * 4 }, (_, trial) => {
  const rate = 0.001 * 1000 ** (Math.floor(trial / 4) / 30);
  const units = 1 + (trial % 4);
  return {
    trial,
    params: { rate, units, kind: trial % 3 === 0 ? "a" : "b" },
    value: plane(rate, units),
  };
});

test("progress holds the trials that beat all before them, in either direction", () => {
  const values = [5, null, 7, 4, 4, 1, 9];
  const trials = values.map((value, trial) => ({ trial, params: { units: 1 }, value }));
  const of = (direction: "minimise" | "maximise") =>
    insightOf(space, trials, direction, []).progress.map(({ trial }) => trial);
  expect(of("minimise")).toEqual([0, 3, 5]);
  expect(of("maximise")).toEqual([0, 2, 6]);
});

test("the distribution runs from the best to the worst, each share reached by so many", () => {
  for (const direction of ["minimise", "maximise"] as const) {
    const { distribution } = insightOf(space, lattice, direction, []);
    expect(distribution).toHaveLength(101);
    const values = lattice.flatMap(({ value }) => value ?? []);
    for (const { share, value } of distribution) {
      const reached = values.filter((one) =>
        direction === "minimise" ? one <= value : one >= value,
      );
      // Ties may make it more.
      expect(reached.length / values.length).toBeGreaterThanOrEqual(share - 1e-12);
    }
    expect(distribution.at(-1)?.share).toBe(1);
  }
});

test("slices hold every trial once, with best and median of those there", () => {
  const { slices } = insightOf(space, lattice, "minimise", []);
  expect(slices.map(({ name }) => name)).toEqual(["kind", "rate", "units"]);
  for (const { bins } of slices) {
    expect(bins.reduce((sum, { trials }) => sum + trials, 0)).toBe(lattice.length);
  }
  const units = slices.find(({ name }) => name === "units")?.bins ?? [];
  expect(units.map(({ from, to }) => [from, to])).toEqual([1, 2, 3, 4].map((n) => [n, n]));
  for (const { from, best, median } of units) {
    expect(best).toBeCloseTo(plane(0.001, Number(from)), 9);
    expect(median).toBeCloseTo(plane(0.001 * 1000 ** 0.5, Number(from)), 9);
  }
});

test("the surface of a plane is that plane, away from its edges", () => {
  const { surface } = insightOf(space, lattice, "maximise", ["rate", "units"]);
  const { x, y, cells } = surface!;
  expect(x.edges).toHaveLength(25);
  expect(x.edges?.[0]).toBeCloseTo(0.001, 12);
  for (let row = 9; row < 15; row++) {
    for (let column = 8; column < 16; column++) {
      const rate = Math.sqrt(x.edges![column]! * x.edges![column + 1]!);
      const units = (y.edges![row]! + y.edges![row + 1]!) / 2;
      expect(Math.abs(cells[row]![column]! - plane(rate, units))).toBeLessThan(0.12);
    }
  }
});

test("a list has a cell for each value, and where nobody is near there is no number", () => {
  const few = lattice.filter(({ params }) => Number(params["rate"]) < 0.01);
  const { surface } = insightOf(space, few, "minimise", ["rate", "kind"]);
  expect(surface?.y.values).toEqual(["a", "b"]);
  expect(surface?.cells).toHaveLength(2);
  expect(surface?.cells[0]?.[0]).toBeTypeOf("number");
  expect(surface?.cells[0]?.at(-1)).toBeNull();
});

test("one diverged trial does not move the surface but to its limit", () => {
  const wild = lattice.map((one) => (one.trial === 60 ? { ...one, value: 1e30 } : one));
  const { surface } = insightOf(space, wild, "minimise", ["rate", "units"]);
  const values = surface!.cells.flat().flatMap((value) => value ?? []);
  expect(Math.max(...values)).toBeLessThanOrEqual(surface!.limit);
  expect(surface!.limit).toBeLessThan(10);
});

test("two valued trials and no parameter in common leave no surface", () => {
  expect(insightOf(space, lattice.slice(0, 2), "minimise", ["rate", "units"]).surface).toBeNull();
  expect(insightOf(space, [], "minimise", []).distribution).toEqual([]);
});
