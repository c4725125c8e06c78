import { fold, key, normals } from "@manyfold/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { combine } from "./combiners.ts";
import { memberErrors } from "./errors.ts";
import { type Members, membersOf, type Truth, truthOf } from "./members.ts";
import { confusion, metrics, residualVariance, spreadOf } from "./metrics.ts";
import { outOfBag } from "./oob.ts";

const digits = { task: "classification", column: "y", classes: ["a", "b", "c"] } as const;
const CLASSES = { ...digits, classes: [...digits.classes] };
const VALUES = {
  task: "regression" as const,
  columns: [
    { name: "p", offset: 10, scale: 2 },
    { name: "q", offset: 0, scale: 100 },
  ],
};

describe("original units", () => {
  test("values are scaled back in float64, columns in turn", () => {
    const values = Float32Array.of(0, 1, -1, 0.5);
    expect([...membersOf(VALUES, [{ member: 3, values }]).members[0]!.values]).toEqual([
      10, 100, 8, 50,
    ]);
    const truth = truthOf(VALUES, values, [1]);
    expect(truth).toMatchObject({ task: "regression", rows: 1, targets: 2, scale: [2, 100] });
    expect(truth.task === "regression" && [...truth.values]).toEqual([8, 50]);
  });

  test("members of different rows are refused", () => {
    const predictions = [
      { member: 0, values: new Float32Array(6) },
      { member: 1, values: new Float32Array(3) },
    ];
    expect(() => membersOf(CLASSES, predictions)).toThrow("predictions of member 1 must be 6");
  });
});

describe("classification", () => {
  const truth = truthOf(CLASSES, Float32Array.of(0, 2));

  test("by hand", () => {
    const prediction = Float64Array.of(0.5, 0.25, 0.25, 0.5, 0.5, 0);
    const brier = (0.25 + 0.0625 + 0.0625 + 0.25 + 0.25 + 1) / 2;
    expect(metrics(truth, prediction)).toEqual({
      accuracy: 0.5,
      brier,
      nll: expect.closeTo((-Math.log(0.5) - Math.log(1e-15)) / 2, 12),
    });
    expect(confusion(truth, prediction)).toEqual([
      [1, 0, 0],
      [0, 0, 0],
      [1, 0, 0],
    ]);
  });

  test("a perfect prediction", () => {
    const perfect = Float64Array.of(1, 0, 0, 0, 0, 1);
    expect(metrics(truth, perfect)).toEqual({ accuracy: 1, brier: 0, nll: expect.closeTo(0, 15) });
  });
});

describe("regression", () => {
  const truth: Truth = {
    task: "regression",
    rows: 2,
    targets: 1,
    values: Float64Array.of(1, 2),
    scale: [1],
  };

  test("by hand", () => {
    const gaussian = { spread: Float64Array.of(0, 3), residualVariance: [16] };
    const term = (variance: number, error: number) =>
      (Math.log(2 * Math.PI * variance) + error ** 2 / variance) / 2;
    expect(metrics(truth, Float64Array.of(4, -2), gaussian)).toEqual({
      rmse: Math.sqrt(12.5),
      mae: 3.5,
      nll: expect.closeTo((term(16, 3) + term(25, 4)) / 2, 12),
    });
  });

  test("a perfect prediction of one net has a finite score", () => {
    const prediction = Float64Array.of(1, 2);
    const members: Members = {
      task: "regression",
      rows: 2,
      outputs: 1,
      members: [{ member: 0, values: prediction }],
    };
    const spread = spreadOf(members);
    expect([...spread]).toEqual([0, 0]);
    const variance = residualVariance(truth, prediction, spread)!;
    expect(variance).toEqual([0]);
    const score = metrics(truth, prediction, { spread, residualVariance: variance });
    expect(score).toMatchObject({ rmse: 0, mae: 0 });
    expect(Number.isFinite(score.nll)).toBe(true);
  });

  test("the Gaussian is as wide as the residuals that it was estimated from", () => {
    const rows = 400;
    const noise = normals(key(1), rows);
    const members: Members = {
      task: "regression",
      rows,
      outputs: 1,
      members: [0, 1, 2, 3, 4].map((member) => ({
        member,
        values: normals(fold(key(2), "member", member), rows),
      })),
    };
    const wide: Truth = { ...truth, rows, values: noise.map((error) => 3 * error) };
    const combined = combine({ mean: {} }, members);
    const spread = spreadOf(members);
    const [residual = 0] = residualVariance(wide, combined, spread)!;
    const squares = wide.values.reduce((sum, y, row) => sum + (y - combined[row]!) ** 2, 0) / rows;
    const spreads = spread.reduce((sum, s) => sum + s * s, 0) / rows;
    expect(residual + spreads).toBeCloseTo(squares, 12);
    // No other residual variance scores these rows better, but for a little.
    const nll = (variance: number) =>
      metrics(wide, combined, { spread, residualVariance: [variance] }).nll;
    expect(nll(residual)).toBeLessThan(nll(residual * 1.5));
    expect(nll(residual)).toBeLessThan(nll(residual / 1.5));
  });

  test("spread is the sample deviation, exact around any centre", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 9 }),
        fc.constantFrom(0, 1e6),
        (values, centre) => {
          const members: Members = {
            task: "regression",
            rows: 1,
            outputs: 1,
            members: values.map((value, member) => ({
              member,
              values: Float64Array.of(value + centre),
            })),
          };
          const average = values.reduce((a, b) => a + b) / values.length;
          const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
          const deviation = Math.sqrt(squares / (values.length - 1));
          expect(spreadOf(members)[0]).toBeCloseTo(deviation, 7);
        },
      ),
    );
  });
});

describe("out of bag", () => {
  const target = { task: "regression" as const, columns: [{ name: "y", offset: 1, scale: 10 }] };
  const trainRows = Uint32Array.of(2, 3, 5, 7);
  const members = [
    { member: 0, rows: Uint32Array.of(2, 5), values: Float32Array.of(0.25, 0.5) },
    { member: 4, rows: Uint32Array.of(5), values: Float32Array.of(1) },
    { member: 5, rows: Uint32Array.of(), values: Float32Array.of() },
  ];
  const oob = outOfBag(target, members, trainRows);

  test("each row is predicted by the members that left it out; the others are named", () => {
    expect([...oob.rows]).toEqual([2, 5]);
    expect([...oob.uncovered]).toEqual([3, 7]);
    expect(oob.membersPerRow).toBe(1.5);
    expect([...combine({ mean: {} }, oob.members)]).toEqual([3.5, 8.5]);
    expect([...spreadOf(oob.members)]).toEqual([0, Math.sqrt(12.5)]);
  });

  test("members' own errors count their own rows alone", () => {
    const y = Float32Array.from({ length: 8 }, (_, row) => row / 10);
    const truth = truthOf(target, y, oob.rows);
    // Truth 3 and 6: member 0 says 3.5 and 6, member 4 says 11 of the second.
    expect(memberErrors(oob.members, truth)).toEqual([
      expect.closeTo(0.125, 5),
      expect.closeTo(25, 5),
      null,
    ]);
  });

  test("rows that are not training rows are refused; nothing covered is said", () => {
    const foreign = [{ member: 0, rows: [4], values: Float32Array.of(0) }];
    expect(() => outOfBag(target, foreign, trainRows)).toThrow("must be training rows, got 4");
    expect(outOfBag(target, [], trainRows)).toMatchObject({ membersPerRow: 0 });
    expect([...outOfBag(target, [], trainRows).uncovered]).toEqual([...trainRows]);
  });
});
