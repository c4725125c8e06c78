import { relative } from "node:path";
import type { Outputs } from "@manyfold/coordinator";
import type {
  CorrectedValue,
  ErrorAnalysis,
  Metrics,
  SearchEnsemble,
  SearchResult,
} from "@manyfold/protocol";
import { duration } from "./progress.ts";
import type { RunPaths } from "./run-folder.ts";
import { styled } from "./terminal.ts";

/**
 * What a finished run tells a person: the result, why, where to look, and what to try next.
 *
 * @param source file to show the predict command with
 */
export function summary(outputs: Outputs, paths: RunPaths, source: string): string {
  const { result, execution } = outputs.report;
  const { analysis, metrics, oob, search } = result;
  const failed = result.members.filter(({ state }) => state === "failed");
  const took = duration(execution.seconds.total * 1000);
  const lines = [
    "",
    `${styled("bold", result.name)}  ${outputs.tasks.completed} of ${outputs.tasks.total} tasks in ${took} (${execution.workers.length} ${plural(execution.workers.length, "worker")})`,
  ];
  if (search) lines.push("", ...searchLines(search));
  if (metrics.test) lines.push("", `test rows     ${scores(metrics.test)}`);
  if (oob) {
    const biased = oob.biased ? "  (biased: these rows took part in a decision)" : "";
    const bare = oob.uncovered.length > 0 ? `, ${oob.uncovered.length} rows in every bag` : "";
    if (!metrics.test) lines.push("");
    lines.push(`out of bag    ${scores(oob.metrics)}${bare}${biased}`);
  }
  for (const { target, metrics, on } of result.heads ?? []) {
    lines.push(`${target} (${on === "test" ? "test" : "training"} rows)  ${scores(metrics)}`);
  }
  if (analysis && analysis.k > 1) lines.push("", ...lawLines(analysis));
  if (result.growth) lines.push("", result.growth.ended);
  for (const { member, failure } of failed) {
    lines.push("", styled("yellow", `member ${member} failed: ${failure?.message ?? "unknown"}`));
  }
  if (outputs.error) lines.push("", `${styled("red", "error")}: ${outputs.error.message}`);
  for (const reason of execution.reasons) lines.push(`not reproducible: ${reason}`);
  for (const note of result.data.notes) lines.push(styled("gray", `note: ${note}`));
  lines.push("", `report        ${near(paths.page)}`);
  if (outputs.artifact) {
    lines.push(`artifact      ${near(paths.artifact)}`);
    lines.push(
      "",
      "Predict with it (any CSV with the same input columns):",
      `  npx manyfold predict ${near(paths.artifact)} ${near(source)}`,
    );
  }
  return lines.join("\n");
}

function lawLines(analysis: ErrorAnalysis): string[] {
  const { k, v, c, ensembleError, predictedError, on } = analysis;
  const where = on === "test" ? "on the test rows" : "on the training rows (no rows were held out)";
  return [
    `Why ${k} beat one, ${where}: error = v/k + (k-1)/k c`,
    `  v  mean error of a member        ${short(v)}`,
    `  c  error that members share      ${c === null ? "none" : short(c)}`,
    `     predicted for the ensemble    ${short(predictedError)}`,
    `     measured                      ${short(ensembleError)}`,
    ...analysis.sentences.map((sentence) => `  ${sentence}`),
  ];
}

/** Trials that a summary lists. */
const LISTED = 5;

function searchLines(found: SearchResult): string[] {
  const { best, corrected, ensemble, trials, metric, direction, stopped, test } = found;
  const sign = direction === "maximise" ? -1 : 1;
  const valued = trials
    .flatMap(({ value, ...trial }) => (value === null ? [] : [{ ...trial, value }]))
    .sort((a, b) => sign * (a.value - b.value) || a.trial - b.trial);
  const lines = valued.slice(0, LISTED).map(({ trial, value, standardError, params }) => {
    const error = standardError === null ? "" : ` ± ${short(standardError)}`;
    const setting = Object.entries(params)
      .map(
        ([path, chosen]) =>
          `${path} ${typeof chosen === "number" ? short(chosen) : String(chosen)}`,
      )
      .join(", ");
    return `  ${trial === best?.trial ? "*" : " "} trial ${trial}  ${metric} ${short(value)}${error}  ${setting}`;
  });
  const failed = trials.filter(({ state }) => state === "failed").length;
  const more = failed > 0 ? `, ${failed} failed` : "";
  const rest = Object.entries(test?.values ?? {}).map(([name, value]) => `${name} ${short(value)}`);
  const tested = test && `on test rows  ${[`${metric} ${short(test.value)}`, ...rest].join("   ")}`;
  return [
    `Best of ${trials.length} trials${more} (on validation rows):`,
    ...lines,
    ...(stopped ? [`    search.budget.${stopped} ended the search`] : []),
    ...(corrected && corrected.among > 1 ? [correctedLine(metric, corrected)] : []),
    ...(tested === undefined ? [] : ["", tested]),
    ...(ensemble ? ensembleLines(ensemble) : []),
  ];
}

function ensembleLines({ choose, among, members, test }: SearchEnsemble): string[] {
  const shares = members
    .toSorted((a, b) => b.weight - a.weight)
    .map(({ trial, weight }) => `${trial} (${(100 * weight).toFixed(0)} %)`);
  return [
    "",
    `Chosen from ${among} trials (${choose}): ${shares.join(", ")}`,
    ...(test
      ? [
          `  test rows, ensemble    ${scores(test.ensemble)}`,
          `  best trial alone       ${scores(test.best)}`,
        ]
      : []),
  ];
}

const CORRECTED: { readonly [Method in CorrectedValue["method"]]: string } = {
  fresh: "on fresh splits",
  crossed: "on each fold, chosen on the others",
  shrunken: "drawn towards the median trial",
};

function correctedLine(metric: string, found: CorrectedValue): string {
  const { method, value, low, high } = found;
  const range = low === null || high === null ? "" : `, 95 % ${short(low)} to ${short(high)}`;
  return `    without the luck of being chosen: ${metric} ${short(value)}${range} (${CORRECTED[method]})`;
}

function scores(metrics: Metrics): string {
  return Object.entries(metrics)
    .filter((entry): entry is [string, number] => entry[1] !== undefined)
    .map(([name, value]) =>
      name === "accuracy" ? `accuracy ${(value * 100).toFixed(2)} %` : `${name} ${short(value)}`,
    )
    .join("   ");
}

function short(value: number): string {
  return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)
    ? value.toExponential(3)
    : value.toPrecision(4);
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** Relative to where the user is, where that is shorter. */
function near(path: string): string {
  const own = relative(process.cwd(), path);
  return own.startsWith("..") || own === "" ? path : own;
}
