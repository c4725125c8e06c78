import { resolve } from "node:path";
import type { Ending, RunState, Setting } from "@manyfold/coordinator";
import { allTasks, executionOf, ledgerOf, progressOf } from "@manyfold/coordinator";
import type { ReportDocument, RunDocument, RunStatus, SearchResult } from "@manyfold/protocol";
import type { RunPaths } from "./run-folder.ts";

/** The document of `manyfold run --json`, however the session ended. */
export function runDocument(
  state: RunState,
  setting: Setting,
  ending: Ending,
  paths: RunPaths,
): RunDocument {
  if (ending.status !== "interrupted") return finishedDocument(ending, paths);
  const { done, total, failed } = progressOf(state);
  const { variant, workers, attempts, lost, copies, seconds, reproducible } = executionOf(
    state,
    setting,
  );
  return {
    runId: state.run,
    runDir: resolve(paths.folder),
    artifact: null,
    status: "interrupted",
    reproducible,
    tasks: { total, completed: done - failed, failed },
    metrics: { test: null, oob: null },
    analysis: null,
    ledger: ledgerOf(state, allTasks(state)),
    execution: { variant, workers, attempts, lost, copies },
    seconds,
  };
}

/** The document of a run that came to its end. */
export function finishedDocument(
  ending: Exclude<Ending, { status: "interrupted" }>,
  paths: RunPaths,
): RunDocument {
  const { result, execution }: ReportDocument = ending.report;
  const { variant, workers, attempts, lost, copies, seconds, reproducible, runId } = execution;
  const status: RunStatus = ending.status;
  return {
    runId,
    runDir: resolve(paths.folder),
    artifact: ending.artifact ? resolve(paths.artifact) : null,
    status,
    reproducible,
    tasks: ending.tasks,
    metrics: result.metrics,
    ...(result.heads && { heads: result.heads }),
    analysis: result.analysis && pick(result.analysis),
    ledger: result.ledger,
    execution: { variant, workers, attempts, lost, copies },
    seconds,
    ...(result.search && searchOf(result.search)),
    ...(ending.error ? { error: ending.error } : {}),
  };
}

function searchOf({ best, corrected, trials }: SearchResult): Partial<RunDocument> {
  return { best, trials, ...(corrected && { corrected }) };
}

function pick(
  analysis: NonNullable<ReportDocument["result"]["analysis"]>,
): NonNullable<RunDocument["analysis"]> {
  const { on, rows, k, v, c, rho, ensembleError, predictedError, identityGap } = analysis;
  return { on, rows, k, v, c, rho, ensembleError, predictedError, identityGap };
}
