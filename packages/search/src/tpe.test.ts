import { fold, key, uniforms } from "@manyfold/core";
import { Domain, SearchSpec, type Params, type ParamValue } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { normalKernels, parzen } from "./parzen.ts";
import { ask, beginSearch, seenBy } from "./samplers.ts";
import { axisOf } from "./space.ts";
import { ageWeights, bestCount, thinned } from "./tpe.ts";

// Numbers of Optuna 5.0.0's Parzen estimator (prior weight 1), search.md 4.13.

test.each([
  [1, 1],
  [10, 1],
  [11, 2],
  [50, 5],
  [100, 10],
  [101, 11],
  [240, 24],
  [241, 25],
  [10_000, 25],
])("of %i trials the best are %i", (n, best) => {
  expect(bestCount(n)).toBe(best);
});

test("weights ramp up to the 25 youngest", () => {
  expect([...ageWeights(24)]).toEqual(Array.from({ length: 24 }, () => 1));
  const thirty = ageWeights(30);
  [0.033333, 0.275, 0.516667, 0.758333, 1].forEach((weight, i) =>
    expect(thirty[i]).toBeCloseTo(weight, 6),
  );
  expect(Array.from(thirty).slice(5)).toEqual(Array.from({ length: 25 }, () => 1));
  expect(ageWeights(26)[0]).toBeCloseTo(0.0384615, 7);
});

const domain = (spec: object): Domain => Domain.parse(spec);
const rate = { float: [0, 1] };
const logRate = { float: [1e-4, 1], scale: "log" };
const ten = { int: [1, 10] };
const hundred = { int: [1, 100], scale: "log" };
const three = { categorical: ["a", "b", "c"] };

describe("kernels", () => {
  test.each([
    [rate, [0.1, 0.2, 0.5, 0.9], [0.1, 0.2, 0.5, 0.9, 0.5], [0.166667, 0.3, 0.4, 0.4, 1]],
    [rate, [0.4], [0.4, 0.5], [0.6, 1]],
    [rate, [], [0.5], [1]],
    [
      logRate,
      [1e-3, 1e-2, 0.5],
      [-6.907755, -4.60517, -0.693147, -4.60517],
      [2.302585, 3.912023, 3.912023, 9.21034],
    ],
    [ten, [2, 3, 7], [2, 3, 7, 5.5], [2, 4, 4, 10]],
    [
      hundred,
      [2, 3, 64],
      [0.693147, 1.098612, 4.158883, 1.958505],
      [1.060661, 3.060271, 3.060271, 5.303305],
    ],
  ])("%j at %j", (spec, observed, means, widths) => {
    const axis = axisOf(domain(spec));
    const found = normalKernels(
      axis,
      Float64Array.from(observed, (value) => axis.encode(value)),
    );
    means.forEach((mean, k) => expect(found.means[k]).toBeCloseTo(mean, 5));
    widths.forEach((width, k) => expect(found.widths[k]).toBeCloseTo(width, 5));
  });
});

describe("log densities", () => {
  const density = (specs: object[], observed: ParamValue[][], point: ParamValue[]): number => {
    const axes = specs.map((spec) => axisOf(domain(spec)));
    const columns = axes.map((axis, j) =>
      Float64Array.from(observed, (values) => axis.encode(values[j] ?? 0)),
    );
    const mixture = parzen(axes, columns, ageWeights(observed.length));
    return mixture.logDensity(Float64Array.from(axes, (axis, j) => axis.encode(point[j] ?? 0)));
  };

  test.each<[object, ParamValue[], ParamValue, number]>([
    [rate, [0.1, 0.2, 0.5, 0.9], 0, 0.15192876],
    [rate, [0.1, 0.2, 0.5, 0.9], 0.3, 0.18001622],
    [rate, [0.1, 0.2, 0.5, 0.9], 0.95, -0.39185162],
    [rate, [0.4], 0.4, 0.07963574],
    [rate, [], 0.4, 0.0359778],
    [logRate, [1e-3, 1e-2, 0.5], 1e-3, -2.11906034],
    [logRate, [1e-3, 1e-2, 0.5], 0.1, -2.25637615],
    [ten, [2, 3, 7], 1, -2.10429884],
    [ten, [2, 3, 7], 3, -1.98765271],
    [ten, [2, 3, 7], 10, -2.88079979],
    [hundred, [2, 3, 64], 1, -1.54241913],
    [hundred, [2, 3, 64], 3, -2.51998143],
    [hundred, [2, 3, 64], 100, -6.59964498],
    [three, ["a", "a", "c"], "a", -0.74193734],
    [three, ["a", "a", "c"], "b", -1.65822808],
    [three, ["a", "a", "c"], "c", -1.09861229],
  ])("%j at %j: %s", (spec, observed, point, expected) => {
    const found = density(
      [spec],
      observed.map((value) => [value]),
      [point],
    );
    expect(Math.abs(found - expected)).toBeLessThan(1e-6);
  });

  test("of two parameters at once", () => {
    const observed: ParamValue[][] = [
      [0.1, "a"],
      [0.2, "a"],
      [0.5, "c"],
      [0.9, "b"],
    ];
    const found = density([rate, three], observed, [0.3, "c"]);
    expect(Math.abs(found - -1.10352316)).toBeLessThan(1e-6);
  });

  test("of spaced and unordered values sum to 1", () => {
    for (const [spec, observed] of [
      [ten, [2, 3, 7]],
      [hundred, [2, 3, 64, 64]],
      [three, ["a", "a", "c"]],
    ] as const) {
      const values = domain(spec) as { int?: [number, number] };
      const all: ParamValue[] = values.int
        ? Array.from({ length: values.int[1] }, (_, i) => i + 1)
        : ["a", "b", "c"];
      const mass = all.reduce(
        (sum: number, value) =>
          sum +
          Math.exp(
            density(
              [spec],
              observed.map((one) => [one]),
              [value],
            ),
          ),
        0,
      );
      expect(mass).toBeCloseTo(1, 12);
    }
  });
});

// Frequencies of draws against the density that scores them.
test("draws have the density of the mixture", () => {
  const axes = [axisOf(domain(rate)), axisOf(domain(ten)), axisOf(domain(three))];
  const columns = [
    [0.1, 0.15, 0.9],
    [2, 3, 9],
    [0.5, 0.5, 2.5],
  ].map((c) => Float64Array.from(c));
  const n = 20_000;
  axes.forEach((axis, j) => {
    const mixture = parzen([axis], [columns[j] ?? new Float64Array()], ageWeights(3));
    const shares = uniforms(fold(key(3), "draw", j), 2 * n);
    const counts = new Map<number, number>();
    const cellOf = (x: number) => (axis.kind === "dense" ? (Math.floor(x * 20) + 0.5) / 20 : x);
    for (let i = 0; i < n; i++) {
      const cell = cellOf(mixture.draw(shares, 2 * i)[0] ?? 0);
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    for (const [cell, count] of counts) {
      const width = axis.kind === "dense" ? 1 / 20 : 1;
      const expected = n * width * Math.exp(mixture.logDensity(Float64Array.of(cell)));
      expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected) + 0.01 * expected);
    }
  });
});

test("thinning keeps the young, the weight and the mean age", () => {
  const trials = Uint32Array.from({ length: 10_000 }, (_, i) => i);
  const { trials: kept, weights } = thinned(trials);
  expect(kept).toHaveLength(256);
  expect(new Set(kept).size).toBe(256);
  expect(kept.slice(-25)).toEqual(trials.slice(-25));
  const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
  const all = ageWeights(10_000);
  expect(sum(weights) / sum(all)).toBeCloseTo(1, 9);
  const age = sum(Array.from(kept, (trial, i) => trial * (weights[i] ?? 0)));
  expect(age / sum(Array.from(trials, (trial) => trial * (all[trial] ?? 0)))).toBeCloseTo(1, 3);
  for (const m of [256, 257, 300, 600, 1000]) {
    const some = thinned(trials.slice(0, m));
    expect(new Set(some.trials).size).toBe(some.weights.length);
    expect(some.weights.length).toBeGreaterThan(150);
    expect(sum(some.weights) / sum(ageWeights(m))).toBeCloseTo(1, 9);
  }
});

describe("a search", () => {
  const spec = (sampler: object | string, more: object = {}) =>
    SearchSpec.parse({
      sampler,
      trials: 60,
      space: { x: { float: [-5, 10] }, y: { float: [0, 15] } },
      ...more,
    });

  /** Branin and Hoo: three minima of 0.397887. */
  const branin = ({ x, y }: Params): number => {
    const [a, b] = [Number(x), Number(y)];
    const bow = b - (5.1 / (4 * Math.PI ** 2)) * a ** 2 + (5 / Math.PI) * a - 6;
    return bow ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10;
  };

  const study = (search: SearchSpec, seed: number, trials = 60) => {
    const learner = beginSearch(search, key(seed));
    const history: { trial: number; params: Params; value: number }[] = [];
    let told = 0;
    for (let trial = 0; trial < trials; trial++) {
      for (; told < seenBy(search, trial); told++) learner.tell(history[told]!);
      const params = learner.ask(
        trial,
        history.slice(told).map((one) => one.params),
      );
      history.push({ trial, params, value: branin(params) });
    }
    return history;
  };

  const regret = (sampler: object | string, lag = 8): number => {
    const regrets = Array.from(
      { length: 15 },
      (_, seed) =>
        Math.min(...study(spec(sampler, { lag }), seed).map(({ value }) => value)) - 0.397887,
    );
    return regrets.toSorted((a, b) => a - b)[7] ?? NaN;
  };

  test("finds better settings than random draws", () => {
    const random = regret("random");
    const found = {
      multivariate: regret("tpe"),
      univariate: regret({ tpe: { multivariate: false } }),
      "without lag": regret("tpe", 0),
    };
    for (const value of Object.values(found)) expect(value).toBeLessThan(random / 1.5);
  });

  test("trials wait for the tenth result, then differ from random ones", () => {
    const tpe = study(spec("tpe"), 3, 30).map(({ params }) => params);
    const random = study(spec("random"), 3, 30).map(({ params }) => params);
    expect(tpe.slice(0, 18)).toEqual(random.slice(0, 18));
    expect(tpe.slice(18)).not.toEqual(random.slice(18));
  });

  test("asked with a history, it sees values behind the lag only", () => {
    const search = spec("tpe", { lag: 4 });
    const history = study(search, 5, 40);
    const proposal = (changed: typeof history) =>
      ask(search, { key: key(5), trial: 30, history: changed });
    expect(proposal(history)).toEqual(history[30]?.params);
    const blurred = history.map((one) => (one.trial >= 26 ? { ...one, value: -99 } : one));
    expect(proposal(blurred)).toEqual(history[30]?.params);
    const worst = history.slice(0, 26).toSorted((one, other) => other.value - one.value)[0];
    const seen = history.map((one) => (one === worst ? { ...one, value: -99 } : one));
    expect(proposal(seen)).not.toEqual(history[30]?.params);
    const moved = history.map((one) =>
      one.trial === 29 ? { ...one, params: history[30]!.params } : one,
    );
    expect(proposal(moved)).not.toEqual(history[30]?.params);
  });
});
