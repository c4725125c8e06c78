import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { galleryDocument, ROWS, rowsNamed, runRow } from "./gallery.ts";
import { renderGallery } from "./page.ts";
import type { Materials } from "./row.ts";

const data = resolve(import.meta.dirname, "../../../configs/data/digits.csv");
const cells = readFileSync(join(data), "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((row) => row.split(",").map(Number));
const materials: Materials = {
  digits: {
    x: Float32Array.from(cells.flatMap((row) => row.slice(0, 64))),
    y: Float32Array.from(cells, (row) => row[64]!),
  },
};

// This is where CI runs the gallery: each row is a test, and a verdict other than "holds" fails it.
test.each(ROWS.map((row) => [row.id, row] as const))(
  "%s holds",
  (_, row) => {
    const { finding, verdict } = runRow(row, materials);
    expect(finding.checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(verdict).toBe("holds");
  },
  180_000,
);

const ids = (letter: string, count: number, more = "") =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`).flatMap((id) =>
    id === more ? [id, `${id}'`] : [id],
  );

test("all 75 rows are there, in the lecture's order", () => {
  const wanted = [
    ids("A", 7),
    ids("B", 9),
    ids("C", 13),
    ids("D", 10),
    ids("E", 16, "E10"),
    ids("F", 18, "F13"),
  ].flat();
  expect(ROWS.map(({ id }) => id)).toEqual(wanted);
  expect(wanted).toHaveLength(75);
});

describe("the gallery", () => {
  const results = rowsNamed("C5").map((row) => runRow(row, materials));

  test("says the same twice", () => {
    const again = rowsNamed("c5").map((row) => runRow(row, materials));
    expect(galleryDocument(again)).toEqual(galleryDocument(results));
  });

  test("takes a row without checks for one that does not hold", () => {
    const [row] = rowsNamed("C5");
    expect(runRow({ ...row!, run: () => ({ checks: [] }) }, materials).verdict).toBe("fails");
  });

  test("names rows nearby where there is none", () => {
    expect(() => rowsNamed("C55")).toThrow(/row must be one of the lecture.*\n.*C5/);
  });

  test("is a page in both languages", () => {
    expect(renderGallery(results, "en")).toContain("A variable used twice");
    expect(renderGallery(results, "zh")).toContain("使用两次的变量");
  });
});
