import { type Combiner, ManyfoldError } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { combine, requireCombiner } from "./combiners.ts";
import type { Members } from "./members.ts";
import { fitCombiner, inverseErrorWeights } from "./fits.ts";

/** Members of one row each, from their predictions. */
function members(task: Members["task"], ...predictions: number[][]): Members {
  return {
    task,
    rows: 1,
    outputs: predictions[0]!.length,
    members: predictions.map((values, member) => ({ member, values: Float64Array.from(values) })),
  };
}

const probabilities = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 2, max: 5 }))
  .chain(([k, classes]) =>
    fc.array(fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), sized(classes)), sized(k)),
  )
  .map((rows) => rows.map((row) => row.map((p) => p / row.reduce((a, b) => a + b, 0))));

function sized(length: number) {
  return { minLength: length, maxLength: length };
}

function weigh(weights: number[]) {
  return { weights, offsets: null };
}

const ALL: Combiner[] = [
  { mean: {} },
  { median: {} },
  { vote: {} },
  { weighted: {} },
  { trimmed: { fraction: 0.2 } },
  { geometric: {} },
  { nnls: {} },
  { minimumVariance: { nonNegative: false } },
  { greedy: { picks: 25 } },
  { stacking: { penalty: 1 } },
];

describe("combine", () => {
  test("by hand", () => {
    const three = members("classification", [0.9, 0.1], [0.4, 0.6], [0.2, 0.8]);
    expect(combine({ mean: {} }, three)[0]).toBeCloseTo(0.5, 15);
    expect([...combine({ median: {} }, three)]).toEqual([0.4, 0.6]);
    expect([...combine({ vote: {} }, three)]).toEqual([1 / 3, 2 / 3]);
    expect(combine({ weighted: {} }, three, weigh([1, 0, 1]))[0]).toBeCloseTo(0.55, 15);
    const values = members("regression", [1, 10], [2, 20], [6, 0], [7, -2]);
    expect([...combine({ mean: {} }, values)]).toEqual([4, 7]);
    expect([...combine({ median: {} }, values)]).toEqual([4, 5]);
  });

  test("ties of a vote go to the lower class, and a median without any class is the mean", () => {
    const tied = members("classification", [0.5, 0.5], [0.5, 0.5]);
    expect([...combine({ vote: {} }, tied)]).toEqual([1, 0]);
    const apart = members("classification", [1, 0, 0], [0, 1, 0], [0, 0, 1]);
    for (const p of combine({ median: {} }, apart)) expect(p).toBeCloseTo(1 / 3, 15);
  });

  test("members that do not predict a row take no part in it", () => {
    const some: Members = {
      task: "regression",
      rows: 2,
      outputs: 1,
      members: [
        { member: 0, values: Float64Array.of(1, NaN), present: Uint8Array.of(1, 0) },
        { member: 1, values: Float64Array.of(3, 5), present: Uint8Array.of(1, 1) },
      ],
    };
    expect([...combine({ mean: {} }, some)]).toEqual([2, 5]);
    expect([...combine({ median: {} }, some)]).toEqual([2, 5]);
    // A row whose members all weigh nothing gets equal weights.
    expect([...combine({ weighted: {} }, some, weigh([1, 0]))]).toEqual([1, 5]);
    const none = { ...some, members: some.members.slice(0, 1) };
    expect(() => combine({ mean: {} }, none)).toThrow("row 1 must be predicted by at least one");
  });

  test("probabilities stay probabilities, whatever combines them", () => {
    fc.assert(
      fc.property(probabilities, (rows) => {
        const weights = rows.map((_, i) => i + 1);
        for (const combiner of ALL) {
          const combined = combine(combiner, members("classification", ...rows), weigh(weights));
          expect(combined.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
          for (const p of combined) expect(p).toBeGreaterThanOrEqual(-1e-15);
        }
      }),
    );
  });

  test("the order of the members changes rounding alone", () => {
    fc.assert(
      fc.property(probabilities, (rows) => {
        const all = (rows.length * (rows.length + 1)) / 2;
        const weights = rows.map((_, i) => (i + 1) / all);
        for (const combiner of ALL) {
          const forth = combine(combiner, members("classification", ...rows), weigh(weights));
          const back = combine(
            combiner,
            members("classification", ...rows.toReversed()),
            weigh(weights.toReversed()),
          );
          forth.forEach((p, at) => expect(back[at]).toBeCloseTo(p, 12));
        }
      }),
    );
  });

  test("equal members combine to themselves, to the bit", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e300, min: -1e300 }),
        fc.integer({ min: 1, max: 9 }),
        (value, k) => {
          const same = members("regression", ...Array.from({ length: k }, () => [value]));
          expect(combine({ mean: {} }, same)[0]! === value).toBe(true);
          expect(combine({ median: {} }, same)[0]).toBeCloseTo(value, 0);
        },
      ),
    );
  });

  test("votes are of classes", () => {
    expect(() => requireCombiner({ vote: {} }, "regression")).toThrow(
      'ensemble.combine must be one of mean, weighted, median, trimmed, nnls, minimumVariance, greedy, stacking for regression, got "vote".',
    );
  });
});

describe("weights", () => {
  test("inverse errors, summing to 1", () => {
    expect(inverseErrorWeights([1, 3])).toEqual([0.75, 0.25]);
    expect(inverseErrorWeights([null, 1, 3])[0]).toBeCloseTo(0.5 / (0.5 + 1 + 1 / 3), 15);
    expect(inverseErrorWeights([0, 3, 0])).toEqual([0.5, 0, 0.5]);
    expect(inverseErrorWeights([null, null])).toEqual([0.5, 0.5]);
    expect(inverseErrorWeights([1e-320, 1e-320])).toEqual([0.5, 0.5]);
  });

  test("a member that failed takes its weight with it", () => {
    const combiner: Combiner = { weighted: { weights: [1, 2, 3] } };
    expect(fitCombiner(combiner, [0, 2], null).weights).toEqual([0.25, 0.75]);
    expect(() => fitCombiner(combiner, [0, 3], null)).toThrow(ManyfoldError);
    expect(fitCombiner({ mean: {} }, [0, 1], null).weights).toBeNull();
  });
});

describe("trimmed and geometric means", () => {
  test("by hand", () => {
    const five = members("regression", [1], [2], [3], [4], [100]);
    expect(combine({ trimmed: { fraction: 0.2 } }, five)[0]).toBe(3);
    expect(combine({ trimmed: { fraction: 0 } }, five)[0]).toBe(22);
    expect(combine({ trimmed: { fraction: 0.19 } }, five)[0]).toBe(22);
    const two = members("classification", [0.9, 0.1], [0.5, 0.5]);
    const [a, b] = [Math.sqrt(0.45), Math.sqrt(0.05)];
    expect(combine({ geometric: {} }, two)[0]).toBeCloseTo(a / (a + b), 14);
    // Certainty of a member is a veto, but a finite one.
    const veto = members("classification", [1, 0], [0.5, 0.5]);
    expect(combine({ geometric: {} }, veto)[1]).toBeGreaterThan(0);
  });
});

test("negative weights do not lead out of the probabilities", () => {
  const two = members("classification", [0.9, 0.1], [0, 1]);
  const combiner: Combiner = { minimumVariance: { nonNegative: false } };
  expect([...combine(combiner, two, weigh([1.5, -0.5]))]).toEqual([1, 0]);
});

test("with signed weights the others stand in for a member that is missing", () => {
  const some: Members = {
    task: "regression",
    rows: 1,
    outputs: 1,
    members: [
      { member: 0, values: Float64Array.of(2) },
      { member: 1, values: Float64Array.of(4) },
      { member: 2, values: Float64Array.of(NaN), present: Uint8Array.of(0) },
    ],
  };
  const combiner: Combiner = { minimumVariance: { nonNegative: false } };
  // 0.8 * 2 - 0.2 * 4 + 0.4 * 3
  expect(combine(combiner, some, weigh([0.8, -0.2, 0.4]))[0]).toBeCloseTo(2, 14);
});
