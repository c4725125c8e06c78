import { Experiment, type ExperimentInput } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { experimentComplaints } from "./check.ts";

type Parts = { [K in "data" | "model" | "train" | "ensemble"]?: object };

/** Where the complaints about an experiment point. */
function places(parts: Parts): string[] {
  const experiment = Experiment.parse({
    version: 1,
    name: "x",
    data: { source: "a.csv", target: "y", task: "classification", ...parts.data },
    model: { layers: [{ dense: { units: 4 } }], ...parts.model },
    train: parts.train,
    ...(parts.ensemble && { ensemble: parts.ensemble }),
  } as ExperimentInput);
  return experimentComplaints(experiment).map(({ path }) => path.join("."));
}

const lbfgs = { optimizer: "lbfgs", batch: "all" };
const keep = { unlabelled: "keep" };
const dropout = {
  layers: [{ dense: { units: 4 } }, { repeat: { times: 2, layer: { dropout: 0.5 } } }],
};

test.each<[string, Parts, string[]]>([
  ["second order on all rows", { train: { ...lbfgs, regularizers: [{ l2: 0.1 }] } }, []],
  ["second order on minibatches", { train: { optimizer: "newton" } }, ["train.batch"]],
  ["second order with dropout", { train: lbfgs, model: dropout }, ["model.layers.1"]],
  ["dropout that drops nothing", { train: lbfgs, model: { layers: [{ dropout: 0 }] } }, []],
  [
    "a penalty with a kink",
    { train: { ...lbfgs, regularizers: [{ l1: 1 }] } },
    ["train.regularizers"],
  ],
  ["a rate for a line search", { train: { ...lbfgs, schedule: "cosine" } }, ["train.schedule"]],
  ["noise on a line search", { train: { ...lbfgs, noise: { inputs: 1 } } }, ["train.noise"]],
  ["an average and a best epoch", { train: { average: {}, earlyStopping: {} } }, ["train.average"]],
  [
    "snapshots in whole cycles, by their own schedule",
    {
      train: { epochs: 9, schedule: "linear", average: {} },
      ensemble: { snapshots: { members: 5 } },
    },
    ["train.average", "train.epochs", "train.schedule"],
  ],
  [
    "snapshots in a line search",
    { train: { ...lbfgs, epochs: 10 }, ensemble: { snapshots: {} } },
    ["ensemble.snapshots"],
  ],
  [
    "no momentum to change",
    { train: { momentumSchedule: "sutskever" } },
    ["train.momentumSchedule"],
  ],
  ["rows without a class", { data: keep, train: { semi: "vat" } }, []],
  ["rows without a class for pre-training", { data: keep, train: { pretrain: {} } }, []],
  ["no rows without a class", { train: { semi: "pseudoLabels" } }, ["train.semi"]],
  ["rows that nothing learns from", { data: keep }, ["data.unlabelled"]],
  [
    "classes of numbers",
    { data: { ...keep, task: "regression" }, train: { semi: "pseudoLabels" } },
    ["train.semi"],
  ],
  [
    "one output for two classes",
    { data: keep, model: { output: "sigmoid" }, train: { semi: "vat" } },
    ["train.semi"],
  ],
  [
    "classes that are smoothed",
    { data: keep, train: { semi: "vat", noise: { labels: 0.1 } } },
    ["train.noise.labels"],
  ],
  [
    "a line search on rows without a class",
    { data: keep, train: { ...lbfgs, semi: "vat" } },
    ["train.semi"],
  ],
  ["pre-training", { train: { ...lbfgs, pretrain: {} } }, []],
  [
    "pre-training by a line search",
    { train: { pretrain: { optimizer: "lbfgs" } } },
    ["train.pretrain.optimizer"],
  ],
  ["no layer to pre-train", { train: { pretrain: {} }, model: { layers: [] } }, ["train.pretrain"]],
  ["momentum", { train: { optimizer: "nesterov", momentumSchedule: "linear" } }, []],
  [
    "no one rate to shrink by",
    { train: { regularizers: [{ proximalL1: 1 }] } },
    ["train.regularizers"],
  ],
  [
    "labels of numbers",
    { data: { task: "regression" }, train: { noise: { labels: 0.1 } } },
    ["train.noise.labels"],
  ],
  [
    "images of columns on scales of their own",
    { train: { augment: { image: { height: 2, width: 2 } } } },
    ["data.scale"],
  ],
  [
    "images",
    { data: { scale: "minmax" }, train: { augment: { image: { height: 2, width: 2 } } } },
    [],
  ],
  [
    "shares of what is no share",
    {
      train: { sparsity: { kind: "kl" } },
      model: { layers: [{ dense: { units: 2, activation: "sigmoid" } }, { dense: { units: 2 } }] },
    },
    ["model.layers.1"],
  ],
  [
    "rows out of the bag and in the training",
    { train: { earlyStopping: { on: "oob", finish: "retrain" } } },
    ["train.earlyStopping.on", "train.earlyStopping.finish"],
  ],
])("%s", (_, parts, expected) => {
  expect(places(parts)).toEqual(expected);
});
