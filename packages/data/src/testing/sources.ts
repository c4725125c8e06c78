import { DataSpec, Experiment, hashBytes, type ExperimentInput } from "@manyfold/protocol";
import type { Cells } from "../cells.ts";

/** Cells by column, as read from a file "t.csv" whose first line is the header. */
export function cellsOf(columns: Readonly<Record<string, readonly string[]>>): Cells {
  const header = Object.keys(columns);
  const count = Math.max(...Object.values(columns).map((cells) => cells.length));
  const rows = Array.from({ length: count }, (_, row) =>
    header.map((name) => columns[name]?.[row] ?? ""),
  );
  const hash = hashBytes(new TextEncoder().encode(JSON.stringify(columns)));
  return { source: "t.csv", hash, header, rows, lines: rows.map((_, row) => row + 2) };
}

/** Settings of a source; by default a classification of the column y. */
export function specOf(spec: Partial<ExperimentInput["data"]> = {}): DataSpec {
  return DataSpec.parse({ source: "t.csv", target: "y", task: "classification", ...spec });
}

/** An experiment on such a source; its model does not matter here. */
export function experimentOf(
  data: Partial<ExperimentInput["data"]> = {},
  rest: Partial<ExperimentInput> = {},
): Experiment {
  return Experiment.parse({
    version: 1,
    name: "test",
    data: specOf(data),
    model: { layers: [] },
    ...rest,
  });
}
