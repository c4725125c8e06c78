import { basename } from "node:path";
import type { Cells } from "@manyfold/data";
import {
  analyse,
  combine,
  comparisonOf,
  confusion,
  gaussianOf,
  metrics,
  observe,
  residualsOf,
  residualVariance,
  spreadOf,
} from "@manyfold/ensemble";
import type { AnalysisDocument, ScoredRows } from "@manyfold/protocol";
import type { MemberTable } from "./member-table.ts";

/**
 * Everything that a table of predictions says, as a run's report says it of its own members; the
 * prediction is the equal-weight mean.
 */
export function analysisDocument(
  cells: Cells,
  { members, truth, target, names, labels }: MemberTable,
  on: ScoredRows,
): AnalysisDocument {
  const mean = { mean: {} };
  const combined = combine(mean, members);
  const spread = spreadOf(members);
  const gaussian =
    truth.task === "regression"
      ? gaussianOf(members, residualVariance(truth, combined, spread))
      : undefined;
  return {
    version: 1,
    source: { name: basename(cells.source), rows: members.rows },
    target,
    members: [...names],
    notes: notesOf(truth.task, labels),
    metrics: metrics(truth, combined, gaussian),
    comparison: comparisonOf(members, truth, gaussian, { combiner: mean, combined }),
    analysis: analyse(members, truth, on),
    observatory: observe(members, truth, {
      prediction: combined,
      gaussian,
      rowNumbers: rowNumbers(cells),
    }),
    confusion: confusion(truth, combined),
    residuals: residualsOf(truth, combined, spread),
  };
}

function notesOf(task: "classification" | "regression", labels: boolean): string[] {
  if (task === "regression") {
    return [
      "The predicted width (NLL, CRPS, PIT) takes the residual variance from these very rows: it says how well one width fits all rows, not how well it was foreseen.",
    ];
  }
  if (!labels) return [];
  return [
    "Members say a class and no probability: it counts as probability 1, so that the average is the share of votes and a member's Brier score is twice its share of wrong answers. A log loss says little here.",
  ];
}

/** Numbers in a column `row`, or places from 0. */
function rowNumbers({ header, rows }: Cells): number[] {
  const at = header.indexOf("row");
  const found = rows.map((cells) => (at < 0 ? NaN : Number(cells[at])));
  const fit = found.every((row) => Number.isSafeInteger(row) && row >= 0);
  return fit ? found : rows.map((_, row) => row);
}
