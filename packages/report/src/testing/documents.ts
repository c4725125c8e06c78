import type { ExperimentInput, Metrics, ReportDocument, SearchResult } from "@manyfold/protocol";
import { digit, documentOf, progression, scored } from "./assembly.ts";
import { chance, simulateClasses, simulateTraining, simulateValues } from "./simulation.ts";

const digits: ExperimentInput = {
  version: 1,
  name: "digits-bagging",
  seed: 7,
  data: {
    source: "data/digits.csv",
    target: "digit",
    task: "classification",
    split: { test: 0.25, stratify: true },
    scale: "minmax",
  },
  model: {
    layers: [
      { dense: { units: 128, activation: "relu" } },
      { dense: { units: 64, activation: "relu" } },
    ],
  },
  train: {
    epochs: 30,
    batch: 64,
    optimizer: { adam: { lr: 0.001 } },
    regularizers: [{ l2: 0.0001 }],
  },
};

/** A bag of `asked` networks on ten classes, of which one failed. */
export function bagReport(asked = 32): ReportDocument {
  const failed = 13;
  const numbers = Array.from({ length: asked }, (_, member) => member).filter(
    (member) => member !== failed,
  );
  const simulation = simulateClasses(
    { seed: 4, rows: 450, members: numbers, shared: 1.25, own: 1.1 },
    10,
  );
  const { analysis, observatory, test, ...parts } = scored(digit, simulation, { mean: {} });
  const split = { method: "split", coverage: 0.95, achieved: 0.9578, size: 1.04 } as const;
  const oob: Metrics = { accuracy: 0.9681, brier: 0.0598, nll: 0.1342 };
  const document = documentOf(
    { ...digits, ensemble: { bagging: { members: asked, sample: "bootstrap" } } },
    digit,
    { train: 1347, test: 450 },
    {
      ...parts,
      observatory: { ...observatory, conformal: [{ ...split, from: 1346, on: 450 }] },
      members: simulateTraining(11, asked, { epochs: 30, start: 2.3, end: 0.02, failed: [failed] }),
      analysis,
      metrics: { test, oob },
      oob: { metrics: oob, rows: 1346, uncovered: [811], membersPerRow: 11.4, biased: false },
    },
  );
  document.result.data.notes.push(
    "Column x0 is constant on the training rows; it was scaled to 0.",
  );
  return document;
}

/** A bag of 10 networks that predict a number, each stopped by its own out-of-bag rows. */
export function regressionReport(): ReportDocument {
  const numbers = Array.from({ length: 10 }, (_, member) => member);
  const recipe = { seed: 9, rows: 111, members: numbers, shared: 0.6, own: 0.4 };
  const { analysis, test, ...parts } = scored(progression, simulateValues(recipe), { median: {} });
  const oob: Metrics = { rmse: 54.9, mae: 44.7, nll: 5.43 };
  return documentOf(
    {
      ...digits,
      name: "diabetes-bagging",
      data: {
        source: "data/diabetes.csv",
        target: "progression",
        task: "regression",
        split: { test: 0.25 },
      },
      train: { epochs: 60, earlyStopping: { on: "oob", patience: 10 } },
      ensemble: {
        bagging: { members: 64 },
        stop: { tolerance: 0.03, step: 5 },
        combine: "median",
      },
    },
    progression,
    { train: 331, test: 111 },
    {
      ...parts,
      members: simulateTraining(12, 10, { epochs: 60, start: 1.2, end: 0.35, held: 0.6 }),
      analysis,
      growth: {
        looks: [
          {
            members: 5,
            estimate: { k: 5, v: 3600, c: 2900, gain: 140, allowed: 87, upper: 190 },
            enough: false,
          },
          {
            members: 10,
            estimate: { k: 10, v: 3560, c: 2910, gain: 65, allowed: 87.3, upper: 81 },
            enough: true,
          },
        ],
        ended:
          "Stopped at 10 members: all further ones together would gain about 65, which with 90 % confidence is no more than 3 % of the floor, 87.3.",
      },
      metrics: { test, oob },
      oob: {
        metrics: oob,
        rows: 327,
        uncovered: [4, 77, 130, 291],
        membersPerRow: 3.7,
        biased: true,
      },
    },
  );
}

function simulatedSearch(trials: number): SearchResult {
  const { uniform } = chance(21);
  const rows = Array.from({ length: trials }, (_, trial) => {
    const params = {
      "train.optimizer.adam.lr": 10 ** (-4 + 3 * uniform()),
      "model.layers.0.dense.units": Math.round(2 ** (4 + 4 * uniform())),
      "model.layers.0.dense.activation": uniform() < 0.5 ? "relu" : "tanh",
    };
    const off = Math.log10(params["train.optimizer.adam.lr"]) + 2.6;
    const small = 8 / params["model.layers.0.dense.units"];
    const value = 0.09 + 0.11 * off ** 2 + small + 0.03 * uniform();
    const failed = trial === 17;
    return {
      trial,
      params,
      value: failed ? null : value,
      standardError: failed ? null : 0.004 + 0.006 * uniform(),
      state: failed ? ("failed" as const) : ("completed" as const),
    };
  });
  const best = rows.reduce((a, b) => ((b.value ?? Infinity) < (a.value ?? Infinity) ? b : a));
  return {
    sampler: "random",
    metric: "nll",
    direction: "minimise",
    best: { trial: best.trial, params: best.params, value: best.value ?? 0 },
    trials: rows,
  };
}

/** A search over three parameters; its best setting refitted as an ensemble of 8. */
export function searchReport(trials = 32): ReportDocument {
  const numbers = Array.from({ length: 8 }, (_, member) => member);
  const simulation = simulateClasses(
    { seed: 5, rows: 450, members: numbers, shared: 1.2, own: 1.2 },
    10,
  );
  const { analysis, test, ...parts } = scored(digit, simulation, { mean: {} });
  const space = {
    "train.optimizer.adam.lr": { float: [0.0001, 0.1] as [number, number], scale: "log" as const },
    "model.layers.0.dense.units": { int: [16, 256] as [number, number], scale: "log" as const },
    "model.layers.0.dense.activation": { categorical: ["relu", "tanh"] },
  };
  return documentOf(
    {
      ...digits,
      name: "digits-random",
      ensemble: { initOnly: { members: 8 } },
      search: { sampler: "random", trials, space },
    },
    digit,
    { train: 1347, test: 450 },
    {
      ...parts,
      members: simulateTraining(13, 8, { epochs: 30, start: 2.3, end: 0.02 }),
      analysis,
      metrics: { test, oob: null },
      search: simulatedSearch(trials),
    },
  );
}

/** One dropout network whose sampled masks are the members. */
export function dropoutReport(): ReportDocument {
  const numbers = Array.from({ length: 16 }, (_, member) => member);
  const recipe = { seed: 8, rows: 450, members: numbers, shared: 1.5, own: 0.7 };
  const { analysis, test, ...parts } = scored(digit, simulateClasses(recipe, 10), { mean: {} });
  return documentOf(
    { ...digits, name: "digits-dropout", ensemble: { dropout: { networks: 1, masks: 16 } } },
    digit,
    { train: 1347, test: 450 },
    {
      ...parts,
      members: simulateTraining(16, 1, { epochs: 30, start: 2.3, end: 0.05 }),
      analysis,
      metrics: { test, oob: null },
    },
  );
}

/** One network: nothing to average. */
export function singleReport(): ReportDocument {
  const simulation = simulateClasses(
    { seed: 6, rows: 450, members: [0], shared: 1.2, own: 1.2 },
    10,
  );
  const {
    analysis,
    observatory,
    confusion: counts,
    test,
  } = scored(digit, simulation, {
    mean: {},
  });
  const members = simulateTraining(14, 1, { epochs: 30, start: 2.3, end: 0.02, held: 0.3 });
  return documentOf(
    { ...digits, name: "digits-single" },
    digit,
    { train: 1347, test: 450 },
    { members, analysis, observatory, confusion: counts, metrics: { test, oob: null } },
  );
}

/** A bag without held-out rows: everything is measured on the rows it was trained on. */
export function trainingRowsReport(): ReportDocument {
  const document = bagReport(8);
  const { result } = document;
  const { split: _, ...data } = result.experiment.data;
  return {
    ...document,
    result: {
      ...result,
      experiment: { ...result.experiment, data },
      data: { ...result.data, rows: { train: 1797, test: 0 } },
      metrics: { ...result.metrics, test: null },
      analysis: result.analysis && { ...result.analysis, on: "train" },
    },
  };
}

/** A bag of which too many failed: no analysis, no artifact. */
export function failedReport(): ReportDocument {
  const failed = [0, 2, 3, 5, 6, 7];
  const members = simulateTraining(15, 8, {
    epochs: 30,
    start: 2.3,
    end: 0.02,
    failed,
  });
  const document = documentOf(
    { ...digits, name: "digits-diverged", ensemble: { bagging: { members: 8 } } },
    digit,
    { train: 1347, test: 450 },
    { members },
  );
  const reasons = ["a time limit per task was set", "worker threads-1 was lost"];
  return { ...document, execution: { ...document.execution, reproducible: false, reasons } };
}
