// The three sets and their 20 published splits (Hernandez-Lobato and Adams 2015), read where they
// lie: they are not part of this repository.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeRows, encodeTargets, fitPreprocessing, type RawTable } from "@manyfold/data";
import { readCsv } from "@manyfold/files";
import { DataSpec, type FittedTarget } from "@manyfold/protocol";

export const SETS = {
  concrete: { target: "strength" },
  energy: { target: "heating_load" },
  yacht: { target: "residuary_resistance" },
} as const;
export type SetName = keyof typeof SETS;

/** A set with the test rows of each of its splits. */
export interface UciSet {
  readonly name: SetName;
  readonly raw: RawTable;
  readonly test: readonly (readonly number[])[];
}

/** Rows made ready for networks: standardised by the mean and deviation of some rows. */
export interface Scaled {
  readonly target: FittedTarget;
  readonly inputs: number;
  /** `[rows of the set, inputs]` and `[rows of the set]`. */
  readonly x: Float32Array;
  readonly y: Float32Array;
}

export async function readSet(folder: string, name: SetName): Promise<UciSet> {
  const source = join(folder, `${name}.csv`);
  if (!existsSync(source)) {
    throw new Error(
      `${source} must be a file, got none.\nUCI_DATA names the folder that holds the sets and their splits.`,
    );
  }
  const { target } = SETS[name];
  const raw = await readCsv(source, DataSpec.parse({ source, target, task: "regression" }));
  const splits = JSON.parse(readFileSync(join(folder, `${name}.splits.json`), "utf8")) as {
    readonly rows: number;
    readonly test: readonly (readonly number[])[];
  };
  if (splits.rows !== raw.rows) throw new Error(`The splits of ${name} are of another table.`);
  return { name, raw, test: splits.test };
}

/** The rows of a split, ascending. */
export function splitOf({ raw, test }: UciSet, split: number) {
  const held = Uint32Array.from(test[split] ?? []).sort();
  const isHeld = new Set(held);
  const train = Uint32Array.from({ length: raw.rows }, (_, row) => row).filter(
    (row) => !isHeld.has(row),
  );
  return { train, test: held };
}

/** Inputs and target standardised on these rows alone. */
export function scaledOn({ raw }: UciSet, rows: Uint32Array): Scaled {
  const preprocessing = fitPreprocessing(raw, rows, "standard");
  const all = Uint32Array.from({ length: raw.rows }, (_, row) => row);
  return {
    target: preprocessing.target,
    inputs: preprocessing.width,
    x: encodeRows(preprocessing, raw),
    y: encodeTargets(preprocessing, raw.target, all),
  };
}

export function inputsOf({ x, inputs }: Scaled, rows: Uint32Array): Float32Array {
  const picked = new Float32Array(rows.length * inputs);
  rows.forEach((row, at) => picked.set(x.subarray(row * inputs, (row + 1) * inputs), at * inputs));
  return picked;
}
