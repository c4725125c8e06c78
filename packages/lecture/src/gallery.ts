import { ManyfoldError, nearest } from "@manyfold/protocol";
import { CHAPTER_A } from "./chapters/a.ts";
import { CHAPTER_B } from "./chapters/b.ts";
import { CHAPTER_C } from "./chapters/c.ts";
import { CHAPTER_D } from "./chapters/d.ts";
import { PENALTIES } from "./chapters/e-penalties.ts";
import { ENSEMBLES } from "./chapters/e-ensembles.ts";
import { LANDSCAPES } from "./chapters/f-landscapes.ts";
import { METHODS } from "./chapters/f-methods.ts";
import type { Finding, Materials, Row } from "./row.ts";

/** All rows of the lecture, in its order. */
export const ROWS: readonly Row[] = [
  ...CHAPTER_A,
  ...CHAPTER_B,
  ...CHAPTER_C,
  ...CHAPTER_D,
  ...PENALTIES,
  ...ENSEMBLES,
  ...LANDSCAPES,
  ...METHODS,
];

/** A row with what it measured. */
export interface Result {
  readonly row: Row;
  readonly finding: Finding;
  /** `holds` where every check does. */
  readonly verdict: "holds" | "fails";
}

/** The rows that a user names (`C5`), a chapter (`C`), or all without a name. */
export function rowsNamed(name?: string): readonly Row[] {
  if (name === undefined) return ROWS;
  const wanted = name.toUpperCase();
  const found = ROWS.filter(
    ({ id }) => id === wanted || (id.startsWith(wanted) && /^[A-F]$/.test(wanted)),
  );
  if (found.length > 0) return found;
  const near = nearest(
    wanted,
    ROWS.map(({ id }) => id),
  );
  throw new ManyfoldError({
    code: "usage",
    path: "row",
    condition: "one of the lecture, from A1 to F18, or a chapter from A to F",
    got: name,
    ...(near === undefined ? {} : { help: `Did you mean ${near}?` }),
  });
}

/** Measures a row; the verdict follows from its checks alone, and a row without any fails. */
export function runRow(row: Row, materials: Materials): Result {
  const finding = row.run(materials);
  const holds = finding.checks.length > 0 && finding.checks.every((check) => check.holds);
  return { row, finding, verdict: holds ? "holds" : "fails" };
}

/** The gallery as one document. */
export interface GalleryDocument {
  readonly rows: readonly {
    readonly id: string;
    readonly verdict: Result["verdict"];
    readonly expected: string;
    readonly measured: string;
  }[];
}

/** What `manyfold lecture --json` prints. */
export function galleryDocument(results: readonly Result[]): GalleryDocument {
  return {
    rows: results.map(({ row, finding, verdict }) => ({
      id: row.id,
      verdict,
      expected: row.expected.en,
      measured: finding.checks
        .map(({ what, measured, wanted, holds }) => {
          return `${what.en}: ${measured} (${holds ? "" : "NOT "}${wanted})`;
        })
        .join("; "),
    })),
  };
}
