import { key } from "@manyfold/core";
import { SearchSpec, type Params, type Space } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawn } from "./random.ts";
import { unmoved, type SamplerRule } from "./sampler.ts";
import { ask, samplers, trialsOf, type SamplerName } from "./samplers.ts";
import { namesOf } from "./tree.ts";
import { samplerContract } from "./testing.ts";

const search = (spec: object) => SearchSpec.parse(spec);

describe.each(Object.keys(samplers) as SamplerName[])("%s", (name) => {
  const { sampler } = search({ sampler: name, space: { x: { float: [0, 1] } } });
  const settings = (sampler as Record<SamplerName, never>)[name];
  test.each(samplerContract(samplers[name] as SamplerRule<never>, settings))("$name", ({ run }) => {
    expect(run).not.toThrow();
  });
});

const draw = (spec: SearchSpec, trial: number, seed = 7): Params =>
  ask(spec, { key: key(seed), trial, history: [] });

describe("random", () => {
  const lr = { "train.optimizer.adam.lr": { float: [1e-4, 0.1], scale: "log" } };
  const units = { "model.layers.0.dense.units": { int: [16, 256] } };

  test("a parameter more, or another order, moves no other", () => {
    const both = search({ trials: 64, space: { ...units, ...lr } });
    const one = search({ trials: 64, space: lr });
    const turned = search({ trials: 64, space: { ...lr, ...units } });
    for (let trial = 0; trial < 64; trial++) {
      expect(draw(both, trial)).toMatchObject(draw(one, trial));
      expect(JSON.stringify(draw(turned, trial))).toBe(JSON.stringify(draw(both, trial)));
    }
  });

  test("seeds and trials draw different settings", () => {
    const spec = search({ trials: 64, space: lr });
    const drawn = [1, 2, 3].flatMap((seed) =>
      Array.from({ length: 64 }, (_, trial) => draw(spec, trial, seed)["train.optimizer.adam.lr"]),
    );
    expect(new Set(drawn).size).toBe(3 * 64);
  });

  // Kolmogorov and Smirnov: the largest gap to the uniform distribution stays under 1.95 / sqrt(n)
  // with probability 0.999.
  test("draws are uniform on the parameter's scale", () => {
    const spec = search({ trials: 2000, space: lr });
    const shares = Array.from({ length: 2000 }, (_, trial) => {
      const value = Number(draw(spec, trial)["train.optimizer.adam.lr"]);
      return Math.log(value / 1e-4) / Math.log(0.1 / 1e-4);
    }).toSorted((a, b) => a - b);
    const gap = Math.max(...shares.map((share, i) => Math.abs(share - (i + 0.5) / 2000)));
    expect(gap).toBeLessThan(1.95 / Math.sqrt(2000));
  });

  test("the first draws of seed 7 are these, on every machine and in every version", () => {
    const spec = search({ trials: 3, space: { ...lr, ...units } });
    expect([0, 1, 2].map((trial) => draw(spec, trial))).toMatchInlineSnapshot(`
      [
        {
          "model.layers.0.dense.units": 186,
          "train.optimizer.adam.lr": 0.004501004363275092,
        },
        {
          "model.layers.0.dense.units": 117,
          "train.optimizer.adam.lr": 0.00029394495459879273,
        },
        {
          "model.layers.0.dense.units": 153,
          "train.optimizer.adam.lr": 0.004134002983404113,
        },
      ]
    `);
  });
});

describe("grid", () => {
  test("counts in mixed radix, the last name fastest", () => {
    const space = { b: { categorical: ["x", "y", "z"] }, a: { float: [0, 1], steps: 2 } };
    const spec = search({ sampler: "grid", space });
    expect(trialsOf(spec)).toBe(6);
    expect(Array.from({ length: 6 }, (_, trial) => draw(spec, trial))).toEqual([
      { a: 0, b: "x" },
      { a: 0, b: "y" },
      { a: 0, b: "z" },
      { a: 1, b: "x" },
      { a: 1, b: "y" },
      { a: 1, b: "z" },
    ]);
  });

  test("holds every combination exactly once", () => {
    const counts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(counts, (sizes) => {
        const space = Object.fromEntries(
          sizes.map((size, i) => [
            `p${i}`,
            { categorical: Array.from({ length: size }, (_, j) => j) },
          ]),
        );
        const spec = search({ sampler: "grid", space });
        const size = sizes.reduce((product, count) => product * count, 1);
        expect(trialsOf(spec)).toBe(size);
        const all = Array.from({ length: size }, (_, trial) => JSON.stringify(draw(spec, trial)));
        expect(new Set(all).size).toBe(size);
      }),
    );
  });
});

describe("the number of trials", () => {
  test("is the smaller one of trials and the grid", () => {
    const space = { a: { int: [1, 5] } };
    expect(trialsOf(search({ sampler: "grid", space }))).toBe(5);
    expect(trialsOf(search({ sampler: "grid", space, trials: 3 }))).toBe(3);
    expect(trialsOf(search({ sampler: "grid", space, trials: 30 }))).toBe(5);
    expect(trialsOf(search({ sampler: "random", space, trials: 30 }))).toBe(30);
  });

  test("has to be given where there is no end", () => {
    expect(() => trialsOf(search({ sampler: "random", space: { a: { int: [1, 5] } } }))).toThrow(
      "search.trials must be a number of trials for sampler: random, got nothing.",
    );
    const huge = Object.fromEntries(
      Array.from({ length: 9 }, (_, i) => [`p${i}`, { float: [0, 1], steps: 1000 }]),
    );
    expect(() => trialsOf(search({ sampler: "grid", space: huge }))).toThrow("search.trials");
    expect(trialsOf(search({ sampler: "grid", space: huge, trials: 9 }))).toBe(9);
  });
});

test("the contract finds a sampler that breaks it", () => {
  const of = (space: Space) => (trial: number) => drawn(key(1), space, trial);
  let asked = 0;
  const broken: Record<string, SamplerRule> = {
    "a hidden state": {
      ...samplers.random,
      begin: ({ space }) => unmoved(() => of(space)(asked++)),
    },
    "a state that searches share": {
      ...samplers.random,
      adaptive: true,
      begin: ({ space }) => ({
        tell: () => void (asked += 1),
        ask: () => of(space)(asked),
      }),
    },
    "a state that asking changes": {
      ...samplers.random,
      begin: ({ space }) => {
        let questions = 0;
        return unmoved(() => of(space)(questions++));
      },
    },
    "out of range": fills(() => 1e9),
    "not JSON": fills(() => Number.NaN),
    repeats: {
      ...samplers.grid,
      begin: (premise) => unmoved(() => samplers.grid.begin(premise, {}).ask(0, [])),
    },
    "a name too few": { ...samplers.random, begin: () => unmoved(() => ({})) },
    "no space at all": {
      ...samplers.random,
      complaints: () => [{ path: [], at: "value", condition: "else", got: "this" }],
    },
  };
  const isBroken = (rule: SamplerRule) => {
    try {
      for (const { run } of samplerContract(rule, {})) run();
      return false;
    } catch {
      return true;
    }
  };
  expect(Object.keys(broken).filter((fault) => !isBroken(broken[fault]!))).toEqual([]);
});

function fills(value: () => number): SamplerRule {
  return {
    ...samplers.random,
    begin: ({ space }) =>
      unmoved(() => Object.fromEntries(namesOf(space).map((name) => [name, value()]))),
  };
}
