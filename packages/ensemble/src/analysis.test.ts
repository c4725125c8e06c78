import { ErrorAnalysis } from "@manyfold/protocol";
import { fold, key, normals } from "@manyfold/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyse } from "./analysis.ts";
import { combine } from "./combiners.ts";
import { fitLaw, lawError, membersEnough } from "./law.ts";
import { type Member, type Members, type Truth } from "./members.ts";
import { metrics } from "./metrics.ts";

function numbered(values: readonly (readonly number[])[]): Member[] {
  return values.map((own, member) => ({ member, values: Float64Array.from(own) }));
}

/** Members whose errors on targets `y` are given, `[k][rows]`. */
function withErrors(errors: readonly (readonly number[])[], y?: readonly number[]) {
  const values = y ?? errors[0]!.map((_, row) => row);
  const members: Members = {
    task: "regression",
    rows: values.length,
    outputs: 1,
    members: numbered(errors.map((own) => own.map((error, row) => values[row]! + error))),
  };
  const truth: Truth = {
    task: "regression",
    rows: values.length,
    targets: 1,
    values: Float64Array.from(values),
    scale: [1],
  };
  return { members, truth };
}

function sized(length: number) {
  return { minLength: length, maxLength: length };
}

const matrix = (value: fc.Arbitrary<number>) =>
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 12 }))
    .chain(([k, rows]) => fc.array(fc.array(value, sized(rows)), sized(k)));

const finite = (size: number) => fc.double({ min: -size, max: size, noNaN: true });

const few = { numRuns: 40 };

describe("the law", () => {
  test("textbook values", () => {
    expect(lawError(1, 0.2, 5)).toBeCloseTo(0.36, 15);
    expect(lawError(3, 3, 7)).toBeCloseTo(3, 14);
    expect(lawError(1, 0, 8)).toBe(1 / 8);
  });

  test("holds for any errors", () => {
    fc.assert(
      fc.property(
        fc.oneof(matrix(finite(1)), matrix(finite(1e6))),
        fc.constantFrom(0, 1, 1e6, 1.7e9),
        (errors, centre) => {
          const y = errors[0]!.map((_, row) => centre + row);
          const { members, truth } = withErrors(errors, y);
          const found = analyse(members, truth, "test");
          const bound = 1e-12 * Math.max(1, found.v);
          expect(Math.abs(found.identityGap)).toBeLessThanOrEqual(bound);
          expect(Math.abs(found.ambiguity.gap)).toBeLessThanOrEqual(bound);
        },
      ),
      few,
    );
  });

  test("holds for probabilities, as the Brier score", () => {
    const classes = 3;
    const row = fc
      .array(fc.double({ min: 0.001, max: 1, noNaN: true }), sized(classes))
      .map((p) => p.map((value) => value / p.reduce((a, b) => a + b)));
    const cases = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 8 }))
      .chain(([k, rows]) =>
        fc.tuple(
          fc.array(
            fc.array(row, sized(rows)).map((all) => all.flat()),
            sized(k),
          ),
          fc.array(fc.nat(classes - 1), sized(rows)),
        ),
      );
    fc.assert(
      fc.property(cases, ([predictions, labels]) => {
        const rows = labels.length;
        const members: Members = {
          task: "classification",
          rows,
          outputs: classes,
          members: numbered(predictions),
        };
        const truth: Truth = {
          task: "classification",
          rows,
          classes,
          labels: Uint32Array.from(labels),
        };
        const found = analyse(members, truth, "test");
        expect(Math.abs(found.identityGap)).toBeLessThanOrEqual(1e-12);
        expect(Math.abs(found.ambiguity.gap)).toBeLessThanOrEqual(1e-12);
        const scores = metrics(truth, combine({ mean: {} }, members));
        expect("brier" in scores && scores.brier).toBeCloseTo(found.ensembleError, 12);
        const own = members.members.map(({ values }) => metrics(truth, values));
        own.forEach((score, i) => {
          expect("brier" in score && score.brier).toBeCloseTo(found.members[i]!.error, 12);
          expect("accuracy" in score && score.accuracy).toBe(found.members[i]!.accuracy);
        });
      }),
      few,
    );
  });

  test("members that err alike gain nothing", () => {
    const { members, truth } = withErrors([1, 2, 3].map(() => [1, -2, 0.5]));
    const found = analyse(members, truth, "test");
    expect(found.c).toBeCloseTo(found.v, 15);
    expect(found.ensembleError).toBeCloseTo(found.v, 15);
    expect(found.rho).toBeCloseTo(1, 15);
    expect(found.enough.map(({ members: enough }) => enough)).toEqual([1, 1, 1]);
    expect(found.sentences.join(" ")).toContain("gained nothing");
  });

  test("members that err independently gain the factor k", () => {
    // Rows of a Hadamard matrix: every two members' errors are orthogonal.
    const errors = [
      [1, 1, 1, 1],
      [1, -1, 1, -1],
      [1, 1, -1, -1],
      [1, -1, -1, 1],
    ];
    const { members, truth } = withErrors(errors);
    const found = analyse(members, truth, "test");
    expect(found).toMatchObject({ k: 4, v: 1, c: 0, rho: 0, ensembleError: 0.25 });
    expect(found.floor).toBe(0);
    expect(found.enough.map(({ members: enough }) => enough)).toEqual([null, null, null]);
  });

  test("v = 1, c = 0.2, five members: 0.36", () => {
    // A shared error of size sqrt(0.2), and own ones of size sqrt(0.8) on rows of their own sign.
    const signs = [0, 1, 2, 3, 4].map((i) =>
      Array.from({ length: 32 }, (_, row) => (row >> i) & 1),
    );
    const errors = signs.map((own) =>
      own.map((bit) => Math.sqrt(0.2) + Math.sqrt(0.8) * (bit === 1 ? 1 : -1)),
    );
    const { members, truth } = withErrors(errors);
    const found = analyse(members, truth, "test");
    expect(found.v).toBeCloseTo(1, 14);
    expect(found.c).toBeCloseTo(0.2, 14);
    expect(found.ensembleError).toBeCloseTo(0.36, 14);
    expect(found.enough.map(({ members: enough }) => enough)).toEqual([40, 80, 400]);
    // Raw correlation is c/v; without the shared error nothing is left of it.
    expect(found.correlation?.raw[0]?.[1]).toBeCloseTo(0.2, 14);
    expect(found.correlation?.centred[0]?.[1]).toBeCloseTo(0, 14);
  });
});

describe("analyse", () => {
  const k = 12;
  const rows = 60;
  const shared = normals(fold(key(1), "shared"), rows);
  const errors = Array.from({ length: k }, (_, member) => {
    const own = normals(fold(key(1), "own", member), rows);
    return Array.from(shared, (error, row) => error + own[row]! * (1 + member / 10));
  });
  const { members, truth } = withErrors(errors);
  const found = analyse(members, truth, "test");

  test("is a document of its schema, the same each time", () => {
    expect(ErrorAnalysis.parse(found)).toEqual(found);
    expect(analyse(members, truth, "test")).toEqual(found);
  });

  test("agrees with sums written out", () => {
    const product = (i: number, l: number) =>
      errors[i]!.reduce((sum, error, row) => sum + error * errors[l]![row]!, 0) / rows;
    let pairs = 0;
    for (let i = 0; i < k; i++) for (let l = 0; l < i; l++) pairs += product(i, l);
    expect(found.c).toBeCloseTo(pairs / ((k * (k - 1)) / 2), 12);
    expect(found.v).toBeCloseTo(errors.reduce((sum, _, i) => sum + product(i, i), 0) / k, 12);
    found.members.forEach(({ withOthers }, i) => {
      const others = errors.reduce((sum, _, l) => sum + (l === i ? 0 : product(i, l)), 0);
      expect(withOthers).toBeCloseTo(others / (k - 1), 12);
    });
    expect(found.best).toBe(
      found.members.findIndex(
        ({ error }) => error === Math.min(...found.members.map((member) => member.error)),
      ),
    );
  });

  test("the curve ends at the ensemble's error, inside its band", () => {
    const last = found.curve.at(-1)!;
    expect(found.curve.map((point) => point.k)).toEqual(Array.from({ length: k }, (_, i) => i + 1));
    expect(last.measured).toBe(found.ensembleError);
    expect(last.law).toBeCloseTo(last.measured, 12);
    expect(last.low).toBeCloseTo(last.measured, 12);
    expect(last.high).toBeCloseTo(last.measured, 12);
    expect(found.curve[0]!.measured).toBeCloseTo(found.members[0]!.error, 12);
    for (const { low, high, law } of found.curve) {
      expect(low).toBeLessThanOrEqual(law + 1e-12);
      expect(high).toBeGreaterThanOrEqual(law - 1e-12);
    }
  });

  test("intervals hold their figures", () => {
    for (const name of ["v", "c", "rho", "ensembleError"] as const) {
      const { low, high } = found.intervals[name]!;
      expect(low).toBeLessThan(found[name]!);
      expect(high).toBeGreaterThan(found[name]!);
    }
    for (const { members: enough, interval } of found.enough) {
      expect(interval!.low).toBeLessThanOrEqual(enough!);
      expect(interval!.high).toBeGreaterThanOrEqual(enough!);
    }
  });

  test("intervals over rows cover the truth at about their level", () => {
    // The true v of members with errors b_row + own noise is 1 + 0.5^2 over rows drawn anew.
    let covered = 0;
    const draws = 200;
    for (let draw = 0; draw < draws; draw++) {
      const at = fold(key(2), "draw", draw);
      const common = normals(fold(at, "common"), 80);
      const own = [0, 1, 2].map((member) => {
        const noise = normals(fold(at, "own", member), 80);
        return Array.from(common, (error, row) => error + noise[row]! / 2);
      });
      const made = withErrors(own);
      const { low, high } = analyse(made.members, made.truth, "test").intervals.c!;
      if (low <= 1 && 1 <= high) covered++;
    }
    expect(covered / draws).toBeGreaterThan(0.88);
    expect(covered / draws).toBeLessThan(0.99);
  });

  test("one member has no c, one row no width, and no error no rho", () => {
    const alone = analyse({ ...members, members: members.members.slice(0, 1) }, truth, "train");
    expect(ErrorAnalysis.parse(alone)).toEqual(alone);
    expect(alone).toMatchObject({ k: 1, c: null, rho: null, floor: null, enough: [] });
    expect(alone.predictedError).toBeCloseTo(alone.ensembleError, 14);
    expect(alone.intervals.gain).toBeNull();
    expect(alone.sentences).toHaveLength(2);

    const row = withErrors([[1], [3]]);
    const single = analyse(row.members, row.truth, "test");
    expect(single).toMatchObject({ v: 5, c: 3, ensembleError: 4, predictedError: 4 });
    expect(single.intervals.v).toEqual({ low: 5, high: 5, level: 0.95 });

    const perfect = withErrors([
      [0, 0],
      [0, 0],
    ]);
    const without = analyse(perfect.members, perfect.truth, "test");
    expect(ErrorAnalysis.parse(without)).toEqual(without);
    expect(without).toMatchObject({ v: 0, c: 0, rho: null, ensembleError: 0 });
    expect(without.intervals.rho).toBeNull();
    expect(without.sentences[0]).toContain("without error");
  });

  test("several targets are averaged", () => {
    const truth: Truth = {
      task: "regression",
      rows: 1,
      targets: 2,
      values: Float64Array.of(0, 0),
      scale: [1, 1],
    };
    const both: Members = { task: "regression", rows: 1, outputs: 2, members: numbered([[1, 3]]) };
    expect(analyse(both, truth, "test").v).toBe(5);
  });

  test("says what more members would bring", () => {
    const text = found.sentences.join("\n");
    expect(text).toContain("Averaging the 12 members brings the error from");
    expect(text).toContain("members enough to be");
    expect(text).toContain("cannot tell them apart");
  });
});

describe("fitLaw", () => {
  // Published: deep ensembles on ImageNet, 1 to 10 members.
  const k = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

  test("finds the published floor and slope of the Brier score", () => {
    const brier = [0.317, 0.294, 0.286, 0.282, 0.28, 0.278, 0.277, 0.276, 0.276, 0.275];
    const { floor, slope, r2 } = fitLaw(k, brier);
    expect(floor).toBeCloseTo(0.2704, 4);
    expect(slope).toBeCloseTo(0.0467, 4);
    expect(r2).toBeCloseTo(0.9997, 4);
  });

  test("finds those of the negative log likelihood", () => {
    const nll = [0.959, 0.867, 0.836, 0.818, 0.809, 0.803, 0.797, 0.794, 0.791, 0.789];
    const { floor, slope, r2 } = fitLaw(k, nll);
    expect(floor).toBeCloseTo(0.7708, 4);
    expect(slope).toBeCloseTo(0.1893, 4);
    expect(r2).toBeCloseTo(0.9996, 4);
  });

  test("needs two different numbers of members", () => {
    expect(() => fitLaw([3, 3], [1, 2])).toThrow("at least two different numbers of members");
    expect(fitLaw([1, 2], [1, 1])).toEqual({ floor: 1, slope: 0, r2: 1 });
  });
});

test("members enough for a tolerance are the fewest the law allows", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.double({ min: 1, max: 20, noNaN: true }),
      fc.constantFrom(0.1, 0.05, 0.01),
      (c, times, tolerance) => {
        const v = c * times;
        const k = membersEnough(v, c, tolerance)!;
        expect(lawError(v, c, k)).toBeLessThanOrEqual(c * (1 + tolerance) * (1 + 1e-9));
        const fewer = k === 1 ? Infinity : lawError(v, c, k - 1);
        expect(fewer).toBeGreaterThan(c * (1 + tolerance) * (1 - 1e-9));
      },
    ),
  );
  expect(membersEnough(1, 0, 0.1)).toBeNull();
  expect(membersEnough(1, -1, 0.1)).toBeNull();
  expect(membersEnough(1, 1e-300, 0.1)).toBeNull();
});
