import type { Contest, Contestant, SeedMean } from "@manyfold/protocol";

/** A comparison as a table of text, each figure with half the width of its 95 % interval. */
export function contestTable({ contestants, seeds, task, unit, sentences }: Contest): string {
  const isClasses = task === "classification";
  const columns: readonly (readonly [title: string, cell: (own: Contestant) => string])[] = [
    ["", ({ label }) => label],
    ["k", ({ k }) => String(k)],
    ["nets", ({ networks }) => String(networks)],
    ["v", ({ v }) => figure(v)],
    ["c", ({ c }) => (c === null ? "-" : figure(c))],
    ["error", ({ error }) => figure(error)],
    [isClasses ? "accuracy" : "RMSE", ({ score }) => figure(score, 4)],
    ["NLL", ({ nll }) => figure(nll)],
    [isClasses ? "ECE" : "CRPS", ({ calibration }) => figure(calibration)],
    ["core-s", ({ seconds }) => figure(seconds, 2)],
  ];
  const table = [
    columns.map(([title]) => title),
    ...contestants.map((own) => columns.map(([, cell]) => cell(own))),
  ];
  const widths = columns.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return [
    ...lines,
    "",
    `Means over ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"} with half the width of their 95 % intervals, on the test rows; v, c and error in ${unit}.`,
    ...sentences,
  ].join("\n");
}

function figure({ mean, low, high }: SeedMean, digits = 3): string {
  const value = mean.toPrecision(digits);
  return low === null || high === null
    ? value
    : `${value} ±${Number(((high - low) / 2).toPrecision(2))}`;
}
