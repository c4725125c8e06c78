import { describe, expect, test } from "vitest";
import { logMass, logNormalCdf, normalCdf, truncatedQuantile } from "./gaussian.ts";

// SciPy 1.17.1: norm.cdf, norm.logcdf.
const CDF: readonly (readonly [number, number, number])[] = [
  [-38.0, 0.0, -726.5572160188201],
  [-37.0, 5.7255712225239266e-300, -689.0305855768908],
  [-20.0, 2.7536241186061556e-89, -203.9171553710973],
  [-8.5, 9.47953482220325e-18, -39.19739642821768],
  [-5.7, 5.99037140106353e-9, -18.933112423224742],
  [-3.0, 0.0013498980316300933, -6.60772622151035],
  [-1.0, 0.15865525393145707, -1.8410216450092634],
  [-0.66, 0.25462691467133614, -1.3679558848901994],
  [-0.1, 0.460172162722971, -0.7761545927302733],
  [0.0, 0.5, -0.6931471805599453],
  [0.3, 0.6179114221889526, -0.4814101615884813],
  [0.67, 0.7485711049046899, -0.2895890831016871],
  [1.0, 0.8413447460685429, -0.1727537790234499],
  [2.5, 0.9937903346742238, -0.00622902548586],
  [5.0, 0.9999997133484281, -2.8665161296376294e-7],
  [9.0, 1.0, -1.1285884059538324e-19],
];

describe("the normal distribution", () => {
  test.each(CDF)("at %s", (z, cdf, logCdf) => {
    // A rounding of z²/2 is as many in the density; the last term is for subnormals.
    expect(Math.abs(normalCdf(z) - cdf)).toBeLessThanOrEqual(
      (4e-15 + 2e-16 * z * z) * cdf + 1e-315,
    );
    expect(Math.abs(logNormalCdf(z) - logCdf)).toBeLessThanOrEqual(4e-15 * Math.abs(logCdf));
  });

  test("is smooth where its formulas meet, and rises", () => {
    for (const z of [0.46875, 4].map((x) => x * Math.SQRT2)) {
      for (const side of [-1, 1]) {
        const [before, after] = [side * z * (1 - 1e-14), side * z * (1 + 1e-14)];
        expect(normalCdf(before) / normalCdf(after)).toBeCloseTo(1, 11);
        expect(logNormalCdf(before) / logNormalCdf(after)).toBeCloseTo(1, 11);
      }
    }
    const all = Array.from({ length: 2000 }, (_, i) => logNormalCdf(-40 + i * 0.025));
    all.forEach((value, i) => expect(value).toBeGreaterThanOrEqual(all[i - 1] ?? -Infinity));
  });
});

// Golden values of Optuna 5.0.0 (4.13).
test.each([
  [-12, -11, -63.82494339],
  [-1, 1, -0.38171515],
  [8, 9, -35.01361859],
])("the logarithm of the mass of [%s, %s]", (low, high, mass) => {
  expect(logMass(low, high)).toBeCloseTo(mass, 7);
});

test("a truncated density far out", () => {
  expect(-(10.5 ** 2) / 2 - 0.5 * Math.log(2 * Math.PI) - logMass(10, 12)).toBeCloseTo(
    -2.81265338,
    7,
  );
});

test.each([
  [0.1, -0.7046478211],
  [0.5, 0.171163918],
  [0.9, 1.2557153642],
  [0, -1],
  [1, 2],
])("the quantile %s of [-1, 2]", (share, quantile) => {
  expect(truncatedQuantile(share, -1, 2)).toBeCloseTo(quantile, 9);
});
