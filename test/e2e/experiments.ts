import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExperimentInput } from "@manyfold/protocol";

/*
 * Small experiments on made-up data: nets of a handful of units, trained for a handful of epochs.
 * What is asked of them is not how good they are, but that they always come out the same.
 */

/** Numbers in [0, 1) by a congruential generator; the tests' own, so that nothing else moves them. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const KINDS = ["ash", "birch", "cedar"];

/** Trees of three kinds: three measurements with gaps, one category, one yes or no. */
function trees(rows: number): string {
  const next = numbers(1);
  const lines = Array.from({ length: rows }, (_, row) => {
    const kind = row % 3;
    const height = 10 + 4 * kind + 5 * next();
    const width = next() < 0.05 ? "" : (1 + 0.4 * kind + next()).toFixed(3);
    const age = Math.floor(20 + 30 * next() + 10 * kind);
    const soil = ["clay", "sand", "loam"][Math.floor(3 * next())];
    const wet = next() < 0.3 + 0.2 * kind ? "yes" : "no";
    return [height.toFixed(3), width, age, soil, wet, KINDS[kind]].join(",");
  });
  return ["height,width,age,soil,wet,kind", ...lines, ""].join("\n");
}

/** The target, which is the last column, of every other row taken away. */
function gapped(text: string): string {
  const [header, ...lines] = text.split("\n");
  const kept = lines.map((line, i) => (i % 2 === 0 ? line : line.replace(/[^,]+$/, "")));
  return [header, ...kept].join("\n");
}

/** Two values to predict from six measurements, one of them of no use. */
function yields(rows: number): string {
  const next = numbers(2);
  const lines = Array.from({ length: rows }, () => {
    const x = Array.from({ length: 6 }, () => 2 * next() - 1) as [number, number, number, number];
    const noise = () => 0.2 * (next() - 0.5);
    const grain = 30 + 8 * x[0] * x[1] + 4 * x[2] + noise();
    const straw = 500 + 90 * Math.abs(x[3]) - 40 * x[0] + 30 * noise();
    return [...x, grain, straw].map((value) => value.toFixed(4)).join(",");
  });
  return ["a,b,c,d,e,f,grain,straw", ...lines, ""].join("\n");
}

const train = { epochs: 6, batch: 16, optimizer: { adam: { lr: 0.03 } } };
const model = { layers: [{ dense: { units: 5, activation: "tanh" as const } }] };

/** Eight nets, each on rows drawn for it. */
export const bag = {
  version: 1,
  name: "bag",
  seed: 3,
  data: {
    source: "trees.csv",
    target: "kind",
    task: "classification",
    split: { test: 0.25, stratify: true },
  },
  model,
  train,
  ensemble: { bagging: { members: 8 } },
} satisfies ExperimentInput;

/** Looked at after every four nets; the first look is not enough, and a later one is. */
export const growing = {
  ...bag,
  name: "growing",
  ensemble: {
    bagging: { members: 40 },
    stop: { tolerance: 0.02, step: 4, confidence: 0.6 },
  },
} satisfies ExperimentInput;

/** Every row in every net, each counting by a weight of that net's own. */
export const weighted = {
  ...bag,
  name: "weighted",
  ensemble: { bagging: { members: 4, sample: "bayesian" } },
} satisfies ExperimentInput;

/** Three snapshots of each of two trainings. */
export const snapshots = {
  ...bag,
  name: "snapshots",
  ensemble: { snapshots: { members: 3, networks: 2 } },
} satisfies ExperimentInput;

/** Eight masks of each of two dropout networks. */
export const dropout = {
  ...bag,
  name: "dropout",
  model: {
    layers: [
      { dropout: 0.1 },
      { dense: { units: 8, activation: "relu" } },
      { dropout: { rate: 0.4 } },
    ],
  },
  ensemble: { dropout: { networks: 2, masks: 4 } },
} satisfies ExperimentInput;

/** Two target columns; every net sees half of the inputs and two thirds of the rows. */
export const subspaces = {
  ...bag,
  name: "subspaces",
  data: {
    source: "yields.csv",
    target: ["grain", "straw"],
    task: "regression",
    split: { test: 0.25 },
  },
  model: { layers: [{ dense: { units: 6, activation: "relu" } }] },
  ensemble: { bagging: { members: 6, sample: { subsample: { fraction: 0.66 } }, features: 0.5 } },
} satisfies ExperimentInput;

/** Six trials over three folds, then a bag of the best; stopped early on held-out rows. */
export const search = {
  ...bag,
  name: "search",
  train: { ...train, earlyStopping: { patience: 2 } },
  ensemble: { bagging: { members: 3 } },
  search: {
    sampler: "random",
    trials: 6,
    assess: { folds: { k: 3 } },
    space: {
      "train.optimizer.adam.lr": { float: [0.001, 0.1], scale: "log" },
      "model.layers.0.dense.units": { int: [2, 8] },
    },
  },
} satisfies ExperimentInput;

/** Networks of a search's own trials, of different widths, as members. */
export const chosen = {
  ...bag,
  name: "chosen",
  ensemble: { fromSearch: { choose: "greedy", size: 6 } },
  search: {
    ...search.search,
    trials: 8,
    repeats: 2,
    assess: { validation: { fraction: 0.3 } },
  },
} satisfies ExperimentInput;

/** Chosen by the predictions of three folds, and trained anew on all training rows. */
export const refitted = {
  ...chosen,
  name: "refitted",
  ensemble: { fromSearch: { choose: "minimumVariance", size: 4, refit: true } },
  search: { ...search.search, sampler: "sobol" },
} satisfies ExperimentInput;

/** Like {@link search}, but learning from its trials after the third one, with few of them at once. */
export const learning = {
  ...search,
  name: "learning",
  ensemble: { bagging: { members: 2 } },
  search: {
    ...search.search,
    sampler: { tpe: { startup: 3 } },
    lag: 2,
    trials: 9,
    assess: { validation: { fraction: 0.3 } },
  },
} satisfies ExperimentInput;

/** Two trials, then two nets of the best one on rows drawn for each. */
const composed = (
  changes: Pick<ExperimentInput, "train"> & Partial<Pick<ExperimentInput, "data" | "model">>,
) =>
  ({
    ...bag,
    ...changes,
    train: { epochs: 4, batch: 16, ...changes.train },
    ensemble: { bagging: { members: 2 } },
    search: {
      sampler: "random",
      trials: 2,
      assess: { validation: { fraction: 0.3 } },
      space: { "model.layers.0.dense.units": { int: [3, 6] } },
    },
  }) satisfies ExperimentInput;

const gaps = { ...bag.data, source: "gaps.csv", unlabelled: "keep" } as const;
const values = { ...bag.data, source: "yields.csv", target: "grain", task: "regression" } as const;
const regression = { ...values, split: { test: 0.25 } };

/** Every way to train under a search and bagging, some together. */
export const COMPOSED = {
  vat: composed({ data: gaps, train: { semi: "vat" } }),
  "denoising-and-pseudo-labels": composed({
    data: gaps,
    train: {
      pretrain: { epochs: 2, corrupt: 0.3 },
      semi: { pseudoLabels: { threshold: 0.4, warmUp: 0.5 } },
    },
  }),
  "moved-and-attacked": composed({
    data: { ...regression, scale: "none" },
    train: {
      augment: { image: { height: 1, width: 7, shift: 0.5 }, mixup: 0.3 },
      adversarial: { epsilon: 0.02 },
    },
  }),
  "pretrained-mixture": composed({
    data: regression,
    model: { ...model, output: { mixture: { components: 2 } } },
    train: { pretrain: { epochs: 2 } },
  }),
  "newton-cg": composed({ train: { batch: "all", optimizer: { newtonCg: {} } } }),
  heads: composed({
    model: {
      ...model,
      heads: [
        { target: "height", task: "regression", output: "gaussian", weight: 0.3 },
        { target: "soil", task: "classification" },
      ],
    },
    train: {},
  }),
} as const;

/** Writes an experiment and its data into a folder of their own; returns the configuration's path. */
export function writeExperiment(parent: string, experiment: ExperimentInput): string {
  const folder = join(parent, experiment.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "trees.csv"), trees(90));
  writeFileSync(join(folder, "yields.csv"), yields(80));
  writeFileSync(join(folder, "gaps.csv"), gapped(trees(90)));
  const path = join(folder, "experiment.yaml");
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(experiment, null, 2));
  return path;
}
