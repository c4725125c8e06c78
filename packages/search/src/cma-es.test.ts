import { key } from "@manyfold/core";
import { SearchSpec, type Params, type Space } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { strategyOf } from "./cma-es.ts";
import { beginSearch, seenBy, samplerComplaints } from "./samplers.ts";

// search.md 4.8: numbers of the cmaes library.
test.each([
  [2, 6, [2.02861146, 0.1548154, 0.05785909, 0.44620499, 1.44620499, 0.62455454, 1.25427274]],
  [5, 8, [2.60017883, 0.0472923, 0.03816916, 0.36508838, 1.36508838, 0.45019956, 2.12852376]],
  [10, 10, [3.16729928, 0.01528382, 0.02015428, 0.28442859, 1.28442859, 0.29499038, 3.08472657]],
])("the strategy in %i dimensions", (d, population, constants) => {
  const { muEff, c1, cMu, cSigma, dSigma, cC, chi, ...rest } = strategyOf(d);
  expect(rest.population).toBe(population);
  [muEff, c1, cMu, cSigma, dSigma, cC, chi].forEach((found, i) =>
    expect(found).toBeCloseTo(constants[i] ?? NaN, 7),
  );
});

test("weights in 10 dimensions", () => {
  const published = [
    0.456273, 0.270753, 0.162231, 0.085234, 0.02551, -0.085321, -0.236477, -0.367414, -0.482908,
    -0.586222,
  ];
  strategyOf(10).weights.forEach((weight, i) => expect(weight).toBeCloseTo(published[i] ?? NaN, 6));
});

const cube = (d: number): Space =>
  Object.fromEntries(Array.from({ length: d }, (_, i) => [`x${i}`, { float: [-4, 6] }]));

function study(
  space: Space,
  worth: (params: Params) => number,
  { trials, lag, seed = 1 }: { trials: number; lag: number; seed?: number },
) {
  const search = SearchSpec.parse({ sampler: "cma-es", trials, lag, space });
  const learner = beginSearch(search, key(seed));
  const history: { trial: number; params: Params; value: number }[] = [];
  let told = 0;
  for (let trial = 0; trial < trials; trial++) {
    for (; told < seenBy(search, trial); told++) learner.tell(history[told]!);
    const params = learner.ask(trial, []);
    history.push({ trial, params, value: worth(params) });
  }
  return history;
}

const best = (history: readonly { value: number }[]) =>
  Math.min(...history.map(({ value }) => value));
const squares = (params: Params): number =>
  Object.values(params).reduce<number>((sum, x) => sum + Number(x) ** 2, 0);

describe("on functions with one minimum", () => {
  test("it reaches 1e-10 on the sphere in 10 dimensions in about 2000 trials", () => {
    const needed = [1, 2, 3].map((seed) => {
      const history = study(cube(10), squares, { trials: 2600, lag: 0, seed });
      return history.findIndex(({ value }) => value < 1e-10);
    });
    for (const trials of needed) {
      expect(trials).toBeGreaterThan(1000);
      expect(trials).toBeLessThan(2500);
    }
  });

  test("a lag of 8 costs some trials, not the minimum", () => {
    expect(best(study(cube(10), squares, { trials: 4000, lag: 8 }))).toBeLessThan(1e-10);
    expect(best(study(cube(3), squares, { trials: 1500, lag: 16 }))).toBeLessThan(1e-10);
  });

  test("it turns along a narrow valley", () => {
    const valley = (params: Params) => {
      const [x = 0, y = 0] = Object.values(params).map(Number);
      return (x + y) ** 2 + 1e-4 * (x - y - 1) ** 2;
    };
    expect(best(study(cube(2), valley, { trials: 600, lag: 0 }))).toBeLessThan(1e-10);
  });

  test("only the order of values counts", () => {
    const plain = study(cube(4), squares, { trials: 300, lag: 3 });
    const bent = study(cube(4), (params) => -1 / (1 + squares(params)) ** 3, {
      trials: 300,
      lag: 3,
    });
    expect(bent.map(({ params }) => params)).toEqual(plain.map(({ params }) => params));
  });

  test("whole numbers are found too", () => {
    const space: Space = {
      a: { int: [1, 60] },
      b: { int: [1, 512], scale: "log" },
      x: { float: [-4, 6] },
    };
    const worth = ({ a, b, x }: Params) =>
      ((Number(a) - 41) / 10) ** 2 + Math.log(Number(b) / 300) ** 2 + Number(x) ** 2;
    const { params, value } = study(space, worth, { trials: 600, lag: 4 }).toSorted(
      (one, other) => one.value - other.value,
    )[0]!;
    expect(params).toMatchObject({ a: 41, b: 300 });
    expect(value).toBeLessThan(1e-8);
  });
});

test("categories are refused", () => {
  const space = { kind: { categorical: ["relu", "tanh"] }, x: { float: [0, 1] } };
  const search = SearchSpec.parse({ sampler: "cma-es", trials: 9, space });
  expect(samplerComplaints(search)).toMatchObject([
    {
      path: ["search", "space", "kind"],
      condition: "a range of numbers without a condition for sampler: cma-es",
      got: '{"categorical":["relu","tanh"]}',
    },
  ]);
});
