import type {
  ExperimentInput,
  Metrics,
  ReportDocument,
  SearchInsight,
  SearchResult,
  Span,
  TrialRow,
} from "@manyfold/protocol";
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

const rate = "train.optimizer.adam.lr";
const units = "model.layers.0.dense.units";
const activation = "model.layers.0.dense.activation";

/** What a setting is worth, but for chance. */
function worth(lr: number, width: number): number {
  return 0.09 + 0.11 * (Math.log10(lr) + 2.6) ** 2 + 8 / width;
}

/** @param looks epochs at which a scheduler looked; only the better half went on each time */
function simulatedSearch(trials: number, looks?: readonly number[]): SearchResult {
  const { uniform } = chance(21);
  const rows = Array.from({ length: trials }, (_, trial): TrialRow => {
    const [lr, width] = [10 ** (-4 + 3 * uniform()), Math.round(2 ** (4 + 4 * uniform()))];
    const params = { [rate]: lr, [units]: width, [activation]: uniform() < 0.5 ? "relu" : "tanh" };
    const value = worth(lr, width) + 0.03 * uniform();
    if (trial === 17) {
      return { trial, params, value: null, standardError: null, state: "failed", epochs: 3 };
    }
    const standardError = 0.004 + 0.006 * uniform();
    const luck = uniform();
    const rungs = (looks ?? [])
      .filter((_look, at) => luck < 0.5 ** at)
      .map((epochs) => ({ epochs, value: value + (0.5 * uniform()) / epochs, standardError }));
    const last = rungs.at(-1);
    return {
      trial,
      params,
      value: last?.value ?? value,
      standardError,
      state: "completed",
      epochs: last?.epochs ?? 30,
      ...(looks && { rungs }),
    };
  });
  const furthest = Math.max(...rows.map(({ epochs = 0 }) => epochs));
  const best = rows
    .filter(({ value, epochs }) => value !== null && epochs === furthest)
    .reduce((a, b) => ((b.value ?? Infinity) < (a.value ?? Infinity) ? b : a));
  return {
    sampler: "random",
    metric: "nll",
    direction: "minimise",
    best: { trial: best.trial, params: best.params, value: best.value ?? 0 },
    trials: rows,
    importance: [
      { name: rate, share: 0.71, low: 0.58, high: 0.83 },
      { name: units, share: 0.22, low: 0.12, high: 0.34 },
      { name: activation, share: 0.07, low: 0.01, high: 0.13 },
    ],
    insight: simulatedInsight(rows),
  };
}

function simulatedInsight(rows: readonly TrialRow[]): SearchInsight {
  const valued = rows.flatMap(({ trial, params, value }) =>
    value === null ? [] : [{ trial, params, value }],
  );
  const values = valued.map(({ value }) => value).sort((a, b) => a - b);
  const grid = (low: number, high: number, cells: number) =>
    Array.from({ length: cells + 1 }, (_, at) => low * (high / low) ** (at / cells));
  const [rates, widths] = [grid(0.0001, 0.1, 24), grid(15.5, 256.5, 24)];
  const middles = (edges: readonly number[]) =>
    edges.slice(1).map((edge, at) => Math.sqrt(edge * (edges[at] ?? edge)));
  return {
    progress: valued
      .filter(({ value }, at) => valued.slice(0, at).every((before) => before.value > value))
      .map(({ trial, value }) => ({ trial, value })),
    distribution: values.map((value, at) => ({ share: (at + 1) / values.length, value })),
    slices: [
      {
        name: rate,
        bins: middles(grid(0.0001, 0.1, 12)).map((lr, at) => ({
          from: grid(0.0001, 0.1, 12)[at] ?? lr,
          to: grid(0.0001, 0.1, 12)[at + 1] ?? lr,
          trials: 3,
          best: worth(lr, 200),
          median: worth(lr, 64),
        })),
      },
    ],
    surface: {
      x: { name: rate, edges: rates },
      y: { name: units, edges: widths },
      cells: middles(widths).map((width, row) =>
        middles(rates).map((lr, column) => (row + column < 2 ? null : worth(lr, width))),
      ),
      limit: 0.9,
    },
  };
}

/** What two workers did: a trial after another, then the members. */
function simulatedTimeline(trials: number, members: number): Span[] {
  const { uniform } = chance(33);
  const free = [0.2, 0.4];
  return Array.from({ length: trials + members }, (_, at): Span => {
    const slot = (free[0] ?? 0) <= (free[1] ?? 0) ? 0 : 1;
    const from = free[slot] ?? 0;
    const to = from + 0.5 + 2 * uniform();
    free[slot] = to + 0.02;
    const final = at >= trials;
    const key = {
      trial: final ? -1 : at,
      fold: 0,
      repeat: 0,
      rung: 0,
      unit: final ? at - trials : 0,
    };
    const failure = at === 17 ? { failure: "nan" as const } : {};
    return { key, attempt: 1, worker: `threads-${slot}`, from, to, ...failure };
  });
}

function searchedReport(search: SearchResult, scheduler?: "asha"): ReportDocument {
  const numbers = Array.from({ length: 8 }, (_, member) => member);
  const simulation = simulateClasses(
    { seed: 5, rows: 450, members: numbers, shared: 1.2, own: 1.2 },
    10,
  );
  const { analysis, test, ...parts } = scored(digit, simulation, { mean: {} });
  const trials = search.trials.length;
  const space = {
    [rate]: { float: [0.0001, 0.1] as [number, number], scale: "log" as const },
    [units]: { int: [16, 256] as [number, number], scale: "log" as const },
    [activation]: { categorical: ["relu", "tanh"] },
  };
  const document = documentOf(
    {
      ...digits,
      name: scheduler === undefined ? "digits-random" : "digits-asha",
      ensemble: { initOnly: { members: 8 } },
      search: {
        sampler: "random",
        trials,
        space,
        ...(scheduler && { scheduler: { asha: { min: 1, eta: 3 } } }),
      },
    },
    digit,
    { train: 1347, test: 450 },
    {
      ...parts,
      members: simulateTraining(13, 8, { epochs: 30, start: 2.3, end: 0.02 }),
      analysis,
      metrics: { test, oob: null },
      search,
    },
  );
  return {
    ...document,
    execution: { ...document.execution, timeline: simulatedTimeline(trials, 8) },
  };
}

/** A search over three parameters; its best setting refitted as an ensemble of 8. */
export function searchReport(trials = 32): ReportDocument {
  return searchedReport(simulatedSearch(trials));
}

/** The same with a scheduler that looks four times. */
export function schedulerReport(trials = 64): ReportDocument {
  return searchedReport(simulatedSearch(trials, [1, 3, 9, 30]), "asha");
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
