import { ManyfoldError, nearest } from "@manyfold/protocol";
import { LINEAR } from "./chapters/a/perceptron.ts";
import { XOR_ROWS } from "./chapters/a/xor.ts";
import { LAYERS } from "./chapters/b/layers.ts";
import { RECURSION } from "./chapters/b/recursion.ts";
import { GRAPHS } from "./chapters/c/graphs.ts";
import { JACOBIANS } from "./chapters/c/jacobians.ts";
import { AGREEMENT } from "./chapters/c/agreement.ts";
import { FIGURES } from "./chapters/c/figures.ts";
import { LIKELIHOOD } from "./chapters/d/likelihood.ts";
import { OUTPUTS } from "./chapters/d/outputs.ts";
import { UNITS } from "./chapters/d/units.ts";
import { NORMS } from "./chapters/e/norms.ts";
import { AUGMENTATION } from "./chapters/e/augmentation.ts";
import { NOISE } from "./chapters/e/noise.ts";
import { TARGETS } from "./chapters/e/targets.ts";
import { STOPPING } from "./chapters/e/stopping.ts";
import { SHARING } from "./chapters/e/sharing.ts";
import { ENSEMBLES } from "./chapters/e/ensembles.ts";
import { DROPOUT } from "./chapters/e/dropout.ts";
import { RISK } from "./chapters/f/risk.ts";
import { TERRAIN } from "./chapters/f/terrain.ts";
import { GRADIENTS } from "./chapters/f/gradients.ts";
import { DESCENT } from "./chapters/f/descent.ts";
import { STARTS } from "./chapters/f/starts.ts";
import { METHODS } from "./chapters/f/methods.ts";
import type { Finding, Materials, Row } from "./row.ts";

/** All rows of the lecture, in its order. */
export const ROWS: readonly Row[] = [
  ...LINEAR,
  ...XOR_ROWS,
  ...LAYERS,
  ...RECURSION,
  ...GRAPHS,
  ...JACOBIANS,
  ...AGREEMENT,
  ...FIGURES,
  ...LIKELIHOOD,
  ...OUTPUTS,
  ...UNITS,
  ...NORMS,
  ...AUGMENTATION,
  ...NOISE,
  ...TARGETS,
  ...STOPPING,
  ...SHARING,
  ...ENSEMBLES,
  ...DROPOUT,
  ...RISK,
  ...TERRAIN,
  ...GRADIENTS,
  ...DESCENT,
  ...STARTS,
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
