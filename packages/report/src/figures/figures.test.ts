import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { Html } from "../html.ts";
import { bagReport, regressionReport, searchReport } from "../testing/index.ts";
import { confusionMatrix } from "./confusion.ts";
import { correlationMaps } from "./correlation.ts";
import { errorCurve } from "./curve.ts";
import { memberErrors } from "./members.ts";
import { residualPlots } from "./residuals.ts";
import { trialHistory } from "./trials.ts";

const bag = bagReport().result;
const analysis = bag.analysis!;

const dom = (content: Html | null) =>
  parseHTML(`<html><body>${content?.markup ?? ""}</body></html>`).document;

/** Centres of the dots of the wide picture whose dots number `count`. */
function dots(content: Html | null, count: number): { x: number; y: number }[] {
  const groups = [...dom(content).querySelectorAll(".wide [aria-label=dot]")];
  const circles = groups.map((group) => [...group.querySelectorAll("circle")]);
  const found = circles.find((group) => group.length === count) ?? [];
  return found.map((circle) => ({
    x: Number(circle.getAttribute("cx")),
    y: Number(circle.getAttribute("cy")),
  }));
}

/** Correlation of pixels with the values they stand for: +-1 on a linear axis. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((s, x) => s + x, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sum = (f: (i: number) => number) => a.reduce((total, _, i) => total + f(i), 0);
  const product = sum((i) => (a[i]! - ma) * (b[i]! - mb));
  return product / Math.sqrt(sum((i) => (a[i]! - ma) ** 2) * sum((i) => (b[i]! - mb) ** 2));
}

test("the curve's dots lie where the measured errors are", () => {
  const drawn = dots(errorCurve(analysis, "Brier score"), analysis.k);
  const { curve } = analysis;
  expect(drawn).toHaveLength(31);
  expect(
    correlation(
      drawn.map(({ x }) => x),
      curve.map(({ k }) => k),
    ),
  ).toBeCloseTo(1, 6);
  expect(
    correlation(
      drawn.map(({ y }) => y),
      curve.map((p) => p.measured),
    ),
  ).toBeCloseTo(-1, 6);
});

test("members are sorted, and the best is named", () => {
  const figure = memberErrors(analysis, "Brier score");
  const drawn = dots(figure, analysis.k);
  const sorted = analysis.members.map(({ error }) => error).toSorted((a, b) => a - b);
  expect(
    correlation(
      drawn.map(({ y }) => y),
      sorted,
    ),
  ).toBeCloseTo(-1, 6);
  const best = analysis.members[analysis.best]!;
  expect(dom(figure).body.textContent).toContain(`member ${best.member}, the best`);
});

test("the correlation maps fill every cell but the diagonal once", () => {
  const { k } = analysis;
  for (const map of dom(correlationMaps(analysis)).querySelectorAll("svg")) {
    const filled = new Set<string>();
    for (const path of map.querySelectorAll("path")) {
      const runs = (path.getAttribute("d") ?? "").matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g);
      for (const [, x, y, length] of runs) {
        for (let i = 0; i < Number(length); i++) filled.add(`${Number(x) + i},${y}`);
      }
    }
    expect(filled.size).toBe(k * k - k);
    for (let i = 0; i < k; i++) expect(filled.has(`${i},${i}`)).toBe(false);
  }
});

test("no maps above 128 members, nor a curve of one", () => {
  expect(correlationMaps({ ...analysis, correlation: null })).toBeNull();
  expect(errorCurve({ ...analysis, curve: analysis.curve.slice(0, 1) }, "x")).toBeNull();
});

test("a confusion matrix shows every count; one of many classes lists the confusions", () => {
  const counts = bag.confusion!;
  const cells = [...dom(confusionMatrix(counts, "0123456789".split(""))).querySelectorAll("td")];
  const shown = cells
    .map(({ textContent }) => textContent)
    .filter((text) => /^\d+$/.test(text ?? ""));
  expect(shown.map(Number)).toEqual(counts.flat());

  const many = Array.from({ length: 40 }, (_, i) =>
    Array.from({ length: 40 }, (__, j) => (i === j ? 10 : i === 3 && j === 5 ? 4 : 0)),
  );
  const names = many.map((_, i) => `class-${i}`);
  const rows = [...dom(confusionMatrix(many, names)).querySelectorAll("tbody tr")];
  expect(rows.map(({ textContent }) => textContent?.trim())).toEqual([
    "class-3class-5428.6\u00a0%",
  ]);
});

test("residuals are drawn where they are, all of a small set and some of a large one", () => {
  const residuals = regressionReport().result.residuals!;
  const drawn = dots(residualPlots(residuals, "y", true), residuals.length);
  expect(
    correlation(
      drawn.map(({ x }) => x),
      residuals.map((r) => r.predicted),
    ),
  ).toBeCloseTo(1, 6);
  expect(
    correlation(
      drawn.map(({ y }) => y),
      residuals.map((r) => r.residual),
    ),
  ).toBeCloseTo(-1, 6);
  const large = Array.from({ length: 50 }, () => residuals).flat();
  expect(residualPlots(large, "y", true)?.markup).toContain("Drawn is every 5th");
});

test("equal residuals and a single network leave no figure without numbers", () => {
  const flat = [1, 2, 3].map((predicted) => ({ predicted, residual: 0, spread: 0.5 }));
  expect(residualPlots(flat, "y", true)?.markup).not.toMatch(/NaN|Infinity/);
  expect(residualPlots(flat, "y", false)?.markup).not.toContain("spread");
});

test("trials without a value are marked and do not move the best so far", () => {
  const search = searchReport().result.search!;
  const figure = dom(trialHistory(search));
  expect(figure.body.textContent).toContain("without a value");
  expect(dots(trialHistory(search), 31)).toHaveLength(31);
  const steps = figure.querySelector(".wide [aria-label=line] path")?.getAttribute("d") ?? "";
  const heights = [...steps.matchAll(/[MLV](?:[\d.]+,)?([\d.]+)/g)].map(([, y]) => Number(y));
  expect(heights.every((y, i) => i === 0 || y >= heights[i - 1]!)).toBe(true);
});

test("members that have every row right are counted", () => {
  const members = analysis.members.map((row, index) => ({ ...row, accuracy: index < 3 ? 1 : 0.9 }));
  const text = memberErrors({ ...analysis, members }, "Brier score")?.markup.replace(/\s+/g, " ");
  expect(text).toContain("3 of 31 have every row right.");
});
