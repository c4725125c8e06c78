import { metricName, paramsOf, standings, type RunState } from "@manyfold/coordinator";
import type { ParamValue } from "@manyfold/protocol";
import { styled } from "./terminal.ts";

/** Trials that the table shows. */
const SHOWN = 5;

type Row = readonly string[];

/**
 * The leading trials of a search as lines below its progress: place, value, standard error, and as
 * many parameters as there is room for. Looked up again only when another trial has been assessed.
 */
export function leaderTable(): (state: RunState) => (columns: number) => readonly string[] {
  let [seen, rows]: [number, readonly Row[]] = [0, []];
  return (state) => (columns) => {
    if (!state.experiment.search || state.assessed.size === 0) return [];
    if (seen !== state.assessed.size) [seen, rows] = [state.assessed.size, rowsOf(state)];
    return fitted(rows, columns);
  };
}

function rowsOf(state: RunState): Row[] {
  const names = Object.keys(state.experiment.search?.space ?? {});
  const ends = new Set(names.map((name) => lastPart(name, 1)));
  // Names that end alike keep one part more.
  const parts = ends.size === names.length ? 1 : 2;
  const rows = standings(state)
    .slice(0, SHOWN)
    .map(({ trial, value, standardError }): Row => {
      const params = paramsOf(state, trial) ?? {};
      const error = standardError === null ? "" : `±${short(standardError)}`;
      return [String(trial), short(value), error, ...names.map((name) => short(params[name]))];
    });
  const head = [
    "trial",
    metricName(state.experiment),
    "",
    ...names.map((one) => lastPart(one, parts)),
  ];
  return rows.length === 0 ? [] : [head, ...rows];
}

/** Columns side by side as far as they fit; what does not is told by dots. */
function fitted(rows: readonly Row[], columns: number): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  const dots = 4;
  let [kept, used] = [0, 0];
  for (const [at, width] of widths.entries()) {
    const last = at === widths.length - 1;
    if (used + width + 2 + (last ? 0 : dots) > columns && at > 1) break;
    used += width + 2;
    kept = at + 1;
  }
  const more = kept < widths.length ? "  …" : "";
  return rows.map((row, place) => {
    const cells = row.slice(0, kept).map((cell, at) => cell.padStart(widths[at] ?? 0));
    const line = `  ${cells.join("  ")}${more}`;
    return place === 0 ? styled("gray", line) : place === 1 ? styled("bold", line) : line;
  });
}

function lastPart(name: string, parts: number): string {
  return name.split(".").slice(-parts).join(".");
}

function short(value: ParamValue | undefined): string {
  if (typeof value !== "number") return value === undefined ? "" : String(value);
  return String(Number(value.toPrecision(4)));
}
