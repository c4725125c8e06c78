import { key } from "@manyfold/core";
import { Domain, type Params, type Space } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { gridOf, importances, rawImportances } from "./importance.ts";

const space: Space = {
  a: { float: [0, 1] },
  b: { float: [0, 1] },
  c: { categorical: [0, 1] },
};
const worth = ({ a, b, c }: Params) =>
  4 * (Number(a) - 0.5) ** 2 + (Number(b) - 0.2) ** 2 + 0.001 * Number(c);
const history = Array.from({ length: 100 }, (_, trial) => {
  const [i, j] = [Math.floor(trial / 10), trial % 10];
  const params = { a: i / 9, b: j / 9, c: (i + j) % 2 };
  return { trial, params, value: worth(params) };
});

// search.md 4.11: Optuna 5.0.0 on the same 100 trials.
test("the golden grid", () => {
  const grids = Object.entries(space).map(([name, domain]) => {
    const grid = gridOf(domain);
    const cells = Uint32Array.from(history, ({ params }) =>
      grid.cellOf(params[name as keyof typeof params]),
    );
    return { ...grid, cells };
  });
  const values = Float64Array.from(history, ({ value }) => value);
  const rows = Uint32Array.from(history, ({ trial }) => trial);
  const [a = 0, b = 0, c = 1] = rawImportances(values, grids, rows);
  expect(a).toBeCloseTo(0.0323676, 6);
  expect(b).toBeCloseTo(0.00648216, 7);
  expect(c).toBeCloseTo(0, 9);
});

test("shares sum to 1, the largest first, inside their intervals", () => {
  const found = importances(space, history, key(1)) ?? [];
  expect(found.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  [0.833148, 0.166852, 0].forEach((share, i) => expect(found[i]?.share).toBeCloseTo(share, 5));
  for (const { share, low, high } of found) {
    expect(low).toBeLessThanOrEqual(share);
    expect(high).toBeGreaterThanOrEqual(share);
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
  }
  expect((found[0]?.high ?? 0) - (found[0]?.low ?? 0)).toBeGreaterThan(0.01);
  expect(importances(space, history, key(1))).toEqual(found);
});

test("few trials, and trials that are all alike, say nothing", () => {
  expect(importances(space, history.slice(0, 19), key(1))).toBeUndefined();
  const failed = history.map((one, i) => (i < 85 ? { ...one, value: null } : one));
  expect(importances(space, failed, key(1))).toBeUndefined();
  const found = importances(
    space,
    history.map((one) => ({ ...one, value: 1 })),
    key(1),
  );
  expect(found).toBeUndefined();
});

test.each([
  [{ int: [1, 8] }, [1, 2, 8], [0, 1, 7], 8],
  [{ int: [1, 1000] }, [1, 1000], [0, 49], 50],
  [{ int: [1, 100], scale: "log" }, [1, 10, 100], [0, 3, 7], 8],
  [{ float: [1, 100], scale: "log" }, [1, 10, 100], [0, 24, 49], 50],
  [{ categorical: ["x", "y"] }, ["x", "y"], [0, 1], 2],
] as const)("cells of %j", (domain, values, cells, count) => {
  const grid = gridOf(Domain.parse(domain));
  expect(grid.count).toBe(count);
  expect(values.map((value) => grid.cellOf(value))).toEqual(cells);
});
