import {
  analyse,
  combine,
  confusion,
  membersOf,
  metrics,
  observe,
  residualVariance,
  spreadOf,
  truthOf,
} from "@manyfold/ensemble";
import {
  Experiment,
  hashJson,
  type Combiner,
  type Execution,
  type ExperimentInput,
  type FittedTarget,
  type Metrics,
  type Preprocessing,
  type ReportDocument,
  type RunResult,
} from "@manyfold/protocol";
import type { Simulation } from "./simulation.ts";

export const digit: FittedTarget = {
  task: "classification",
  column: "digit",
  classes: Array.from({ length: 10 }, (_, index) => String(index)),
};

export const progression: FittedTarget = {
  task: "regression",
  columns: [{ name: "progression", offset: 152.1, scale: 77.1 }],
};

function preprocessing(target: FittedTarget, inputs: number): Preprocessing {
  return {
    inputs: Array.from({ length: inputs }, (_, index) => ({
      kind: "numeric" as const,
      name: `x${index}`,
      offset: 0,
      factor: 1 / 16,
      impute: 4,
      indicator: false,
      min: 0,
      max: 16,
    })),
    target,
    width: inputs,
  };
}

const execution: Execution = {
  runId: "20260304-050607-digits-bagging-a1b2c3",
  executor: "threads",
  variant: "js",
  workers: [
    { id: "threads-0", host: "workbench", tasks: 17 },
    { id: "threads-1", host: "workbench", tasks: 16 },
  ],
  attempts: 33,
  lost: 1,
  started: "2026-03-04T05:06:07.000Z",
  finished: "2026-03-04T05:08:19.412Z",
  seconds: { total: 132.4, train: 251.8 },
  reproducible: true,
  reasons: [],
  manyfold: "0.1.0",
  node: "20.20.2",
};

/** What the members' predictions determine. */
export function scored(target: FittedTarget, simulation: Simulation, combiner: Combiner) {
  const members = membersOf(target, simulation.predictions);
  const truth = truthOf(target, simulation.y);
  const spread = spreadOf(members);
  const score = (some: typeof members, how: Combiner): Metrics => {
    const values = combine(how, some);
    const variance = residualVariance(truth, values, spread);
    return metrics(truth, values, variance ? { spread, residualVariance: variance } : undefined);
  };
  const analysis = analyse(members, truth, "test");
  const rowNumbers = Array.from({ length: members.rows }, (_, row) => 4 * row + 1);
  const best = { ...members, members: members.members.slice(analysis.best, analysis.best + 1) };
  const combined = combine(combiner, members);
  const values = truth.task === "regression" ? truth.values : null;
  const residuals =
    values === null
      ? null
      : Array.from(combined, (predicted, at) => ({
          predicted,
          residual: (values[at] ?? 0) - predicted,
          spread: spread[at] ?? 0,
        }));
  const others: Combiner[] =
    target.task === "classification" ? [{ median: {} }, { vote: {} }] : [{ median: {} }];
  const name = (how: Combiner) => Object.keys(how).join("");
  const variance = residualVariance(truth, combined, spread);
  const gaussian = variance === null ? undefined : { spread, residualVariance: variance };
  return {
    analysis,
    observatory: observe(members, truth, { prediction: combined, gaussian, rowNumbers }),
    confusion: confusion(truth, combined),
    residuals,
    test: score(members, combiner),
    comparison: [
      ...others.map((how) => ({ name: name(how), metrics: score(members, how) })),
      { name: "best member", metrics: score(best, { mean: {} }) },
    ],
  };
}

type Parts = Pick<RunResult, "members"> & Partial<RunResult>;

/** A whole document around what a run determined; executed by two threads in two minutes. */
export function documentOf(
  input: ExperimentInput,
  target: FittedTarget,
  rows: RunResult["data"]["rows"],
  parts: Parts,
): ReportDocument {
  const experiment = Experiment.parse(input);
  const source = {
    name: input.data.source,
    hash: hashJson(input.data.source),
    rows: rows.train + rows.test,
  };
  return {
    result: {
      version: 1,
      name: experiment.name,
      experiment,
      variant: "js",
      ledger: hashJson(input.name),
      data: { source, rows, preprocessing: preprocessing(target, 8), notes: [] },
      metrics: { test: null, oob: null },
      oob: null,
      comparison: [],
      analysis: null,
      confusion: null,
      residuals: null,
      search: null,
      ...parts,
    },
    execution,
  };
}
