import { fold, key, normals, uniforms } from "@manyfold/core";
import type { ClassCalibration, GaussianCalibration } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyse } from "./analysis.ts";
import { combine } from "./combiners.ts";
import type { Members, Truth } from "./members.ts";
import { residualVariance, spreadOf } from "./metrics.ts";
import { observe } from "./observatory.ts";
import { normalCdf } from "./observatory/normal.ts";
import { softmax } from "./probability.ts";

function classesOf(seed: number, k: number, rows: number, classes: number) {
  const from = key(seed);
  const labels = Uint32Array.from(uniforms(fold(from, "labels"), rows), (u) =>
    Math.floor(u * classes),
  );
  const shared = normals(fold(from, "shared"), rows * classes);
  const members = Array.from({ length: k }, (_, member) => {
    const values = normals(fold(from, "own", member), rows * classes);
    for (let row = 0; row < rows; row++) {
      const odds = values.subarray(row * classes, (row + 1) * classes);
      odds.forEach((own, cls) => (odds[cls] = own + shared[row * classes + cls]!));
      odds[labels[row]!]! += 1.5;
      softmax(odds);
    }
    return { member, values };
  });
  const truth: Truth = { task: "classification", rows, classes, labels };
  const all: Members = { task: "classification", rows, outputs: classes, members };
  return { members: all, truth };
}

function seen({ members, truth }: { members: Members; truth: Truth }) {
  const prediction = combine({ mean: {} }, members);
  const spread = spreadOf(members);
  const residual = residualVariance(truth, prediction, spread);
  const gaussian = residual === null ? undefined : { spread, residualVariance: residual };
  const rowNumbers = Array.from({ length: members.rows }, (_, row) => 2 * row);
  return observe(members, truth, { prediction, gaussian, rowNumbers });
}

const ensembles = fc
  .tuple(fc.integer({ min: 2, max: 7 }), fc.integer({ min: 1, max: 70 }), fc.nat(1e6))
  .map(([k, rows, seed]) => classesOf(seed, k, rows, 3));

describe("identities", () => {
  test("KW variance is (k-1)/(2k) times the mean disagreement", () => {
    fc.assert(
      fc.property(ensembles, (made) => {
        const { pairwise, group } = seen(made).diversity!;
        const k = made.members.members.length;
        expect(group.kwVariance).toBeCloseTo(((k - 1) / (2 * k)) * pairwise.disagreement, 12);
      }),
    );
  });

  test("the geometric mean's gain in log loss is its mean divergence from the members", () => {
    fc.assert(
      fc.property(ensembles, (made) => {
        const { members, geometric, divergence, jensenGap } = seen(made).logLoss!;
        expect(members - geometric).toBeCloseTo(divergence, 11);
        expect(jensenGap).toBeGreaterThanOrEqual(-1e-12);
      }),
    );
  });

  test("bias, variance and covariance add up to the ensemble's error", () => {
    fc.assert(
      fc.property(ensembles, (made) => {
        const { centred } = seen(made);
        const { ensembleError } = analyse(made.members, made.truth, "test");
        expect(centred.error).toBeCloseTo(ensembleError, 12);
      }),
    );
  });

  test("entropies: total is aleatoric plus epistemic, which is never below 0", () => {
    fc.assert(
      fc.property(ensembles, (made) => {
        const { total, aleatoric, epistemic } = seen(made).uncertainty;
        expect(aleatoric + epistemic).toBeCloseTo(total, 12);
        expect(epistemic).toBeGreaterThanOrEqual(-1e-12);
      }),
    );
  });

  test("the Brier score is reliability - resolution + uncertainty, bins of equal forecasts apart", () => {
    // Ten rows of each of three forecasts: every bin holds one value only.
    const rows = 30;
    const p = Array.from({ length: rows }, (_, row) => [0.1, 0.4, 0.8][row % 3]!);
    const labels = Uint32Array.from(p, (own, row) => (((row * 7) % 10) / 10 < own ? 1 : 0));
    const values = Float64Array.from(p.flatMap((own) => [1 - own, own]));
    const members: Members = {
      task: "classification",
      rows,
      outputs: 2,
      members: [{ member: 0, values }],
    };
    const made = seen({ members, truth: { task: "classification", rows, classes: 2, labels } });
    const { brier } = made.calibration as ClassCalibration;
    expect(brier.withinBins).toBeCloseTo(0, 14);
    expect(brier.score).toBeCloseTo(brier.reliability - brier.resolution + brier.uncertainty, 14);
    expect(made.diversity).toBeNull();
  });
});

describe("diversity by hand", () => {
  test("two members on ten rows", () => {
    // Both right on 5, first alone on 2, second alone on 1, neither on 2.
    const right = [
      [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
      [1, 1, 1, 1, 1, 0, 0, 1, 0, 0],
    ];
    const members: Members = {
      task: "classification",
      rows: 10,
      outputs: 2,
      members: right.map((own, member) => ({
        member,
        values: Float64Array.from(own.flatMap((one) => [1 - one, one])),
      })),
    };
    const labels = new Uint32Array(10).fill(1);
    const { pairwise, group } = seen({
      members,
      truth: { task: "classification", rows: 10, classes: 2, labels },
    }).diversity!;
    expect(pairwise.q).toBeCloseTo((10 - 2) / (10 + 2), 14);
    expect(pairwise.phi).toBeCloseTo(8 / Math.sqrt(7 * 3 * 6 * 4), 14);
    expect(pairwise.disagreement).toBeCloseTo(0.3, 14);
    expect(pairwise.doubleFault).toBeCloseTo(0.2, 14);
    expect(pairwise.kappa).toBeCloseTo((2 * 8) / (7 * 4 + 6 * 3), 14);
    expect(group.entropy).toBeCloseTo(0.3, 14);
    expect(group.interRaterKappa).toBeCloseTo(1 - 0.15 / (0.65 * 0.35), 14);
    // p1 = 3/10 rows failed by one, p2 = 2/10 by both: 1 - p(2)/p(1) = 1 - .2/.35.
    expect(group.generalisedDiversity).toBeCloseTo(1 - 0.2 / 0.35, 14);
    expect(group.coincidentFailure).toBeCloseTo(0.3 / 0.5, 14);
    expect(group.difficulty).toBeCloseTo((5 + 3 / 4) / 10 - 0.65 ** 2, 14);
  });

  test("members without a fault have no figure that asks for one", () => {
    const one = { member: 0, values: Float64Array.of(0, 1) };
    const members: Members = {
      task: "classification",
      rows: 1,
      outputs: 2,
      members: [one, { ...one, member: 1 }],
    };
    const truth: Truth = { task: "classification", rows: 1, classes: 2, labels: Uint32Array.of(1) };
    expect(seen({ members, truth }).diversity).toEqual({
      pairwise: { q: null, phi: null, disagreement: 0, doubleFault: 0, kappa: null },
      group: {
        kwVariance: 0,
        interRaterKappa: null,
        entropy: 0,
        difficulty: 0,
        generalisedDiversity: null,
        coincidentFailure: 0,
      },
    });
  });
});

describe("calibration", () => {
  test("outcomes drawn from the probabilities are calibrated, sharper ones are not", () => {
    const rows = 20000;
    const chance = uniforms(key(1), 2 * rows);
    const p = Float64Array.from({ length: rows }, (_, row) => chance[row]!);
    const labels = Uint32Array.from(p, (own, row) => (chance[rows + row]! < own ? 1 : 0));
    const truth: Truth = { task: "classification", rows, classes: 2, labels };
    const of = (bend: (p: number) => number) => {
      const values = Float64Array.from([...p].flatMap((own) => [1 - bend(own), bend(own)]));
      const members: Members = {
        task: "classification",
        rows,
        outputs: 2,
        members: [{ member: 0, values }],
      };
      return seen({ members, truth }).calibration as ClassCalibration;
    };
    const honest = of((own) => own);
    const sure = of((own) => own ** 3 / (own ** 3 + (1 - own) ** 3));
    expect(honest.ece.equalWidth).toBeLessThan(0.02);
    expect(honest.ece.equalMass).toBeLessThan(0.02);
    expect(sure.ece.equalWidth).toBeGreaterThan(0.1);
    expect(sure.mce).toBeGreaterThan(sure.ece.equalWidth);
    expect(honest.bins.reduce((sum, bin) => sum + bin.rows, 0)).toBe(rows);
    expect(honest.brier.uncertainty).toBeCloseTo(0.5, 2);
  });

  test("a Gaussian of the right width: level PIT, nominal coverage, CRPS s / sqrt(pi)", () => {
    const rows = 20000;
    const values = normals(key(2), rows).map((z) => 5 + 3 * z);
    const truth: Truth = { task: "regression", rows, targets: 1, values, scale: [3] };
    const prediction = new Float64Array(rows).fill(5);
    const members: Members = {
      task: "regression",
      rows,
      outputs: 1,
      members: [{ member: 0, values: prediction }],
    };
    const gaussian = { spread: new Float64Array(rows), residualVariance: [9] };
    const found = observe(members, truth, { prediction, gaussian, rowNumbers: values })
      .calibration as GaussianCalibration;
    expect(found.crps).toBeCloseTo(3 / Math.sqrt(Math.PI), 1);
    for (const { level, share } of found.coverage)
      expect(Math.abs(share - level)).toBeLessThan(0.01);
    for (const tenth of found.pit) expect(Math.abs(tenth / rows - 0.1)).toBeLessThan(0.01);
  });

  test("the normal distribution function", () => {
    // Golden values from R's pnorm.
    for (const [z, p] of [
      [0, 0.5],
      [1, 0.8413447460685429],
      [-2, 0.02275013194817921],
      [3.5, 0.9997673709209645],
      [-5, 2.866515718791939e-7],
    ] as const) {
      expect(Math.abs(normalCdf(z) / p - 1)).toBeLessThan(1e-13);
    }
  });
});

test("hardest rows come worst first, under the source's numbers; margins count every row", () => {
  const made = classesOf(5, 4, 60, 3);
  const { hardest, margins } = seen(made);
  const analysis = analyse(made.members, made.truth, "test");
  expect(hardest).toHaveLength(10);
  hardest.forEach(({ row, error, memberError }, at) => {
    expect(row % 2).toBe(0);
    expect(error).toBeLessThanOrEqual(hardest[at - 1]?.error ?? Infinity);
    expect(memberError).toBeGreaterThanOrEqual(error - 1e-12);
  });
  expect(hardest[0]!.error).toBeGreaterThan(analysis.ensembleError);
  expect(margins!.reduce((sum, bin) => sum + bin.rows, 0)).toBe(60);
});
