import { Experiment, type ExperimentInput } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { checkExperiment } from "./check.ts";
import { contestantsOf, contestMembers } from "./contestants.ts";

const input: ExperimentInput = {
  version: 1,
  name: "x",
  data: { source: "x.csv", target: "y", task: "regression", split: { test: 0.2 } },
  model: {
    layers: [
      { dropout: 0.1 },
      { repeat: { times: 2, layer: { dense: { units: 4 } } } },
      { repeat: { times: 2, layer: { dropout: 0.5 } } },
    ],
  },
  ensemble: {
    bagging: { members: 6, sample: { subsample: { fraction: 0.5 } } },
    combine: "median",
  },
};
const experiment = Experiment.parse(input);

test("six ways, all on the same data and training, each a whole experiment", () => {
  const all = contestantsOf(experiment, contestMembers(experiment));
  expect(all.map(({ name }) => name)).toEqual([
    "net",
    "dropout",
    "masks",
    "bag",
    "initOnly",
    "dropoutBag",
  ]);
  for (const { experiment: own } of all) {
    expect(Experiment.parse(own)).toEqual(own);
    checkExperiment(own);
    expect([own.data, own.train, own.seed]).toEqual([
      experiment.data,
      experiment.train,
      experiment.seed,
    ]);
  }
});

test("nets that do not drop units keep the names of their layers", () => {
  const rates = contestantsOf(experiment, 6).map(({ name, experiment: { model } }) => {
    const dropped = JSON.stringify(model.layers).matchAll(/"rate":([\d.]+)/g);
    return [name, [...dropped].map(([, rate]) => Number(rate)), model.layers.length];
  });
  const [none, some] = [
    [0, 0],
    [0.1, 0.5],
  ];
  expect(rates).toEqual([
    ["net", none, 3],
    ["dropout", some, 3],
    ["masks", some, 3],
    ["bag", none, 3],
    ["initOnly", none, 3],
    ["dropoutBag", some, 3],
  ]);
});

test("ensembles have as many members, bags the configuration's draw, all the plain mean", () => {
  const ensembles = contestantsOf(experiment, 6).map(({ experiment: own }) => own.ensemble);
  const rest = { combine: { mean: {} }, allowFailed: 0 };
  const bagging = { members: 6, sample: { subsample: { fraction: 0.5 } }, features: 1 };
  expect(ensembles).toEqual([
    undefined,
    undefined,
    { ...rest, dropout: { networks: 1, masks: 6 } },
    { ...rest, bagging },
    { ...rest, initOnly: { members: 6 } },
    { ...rest, bagging },
  ]);
});

test.each<[Partial<ExperimentInput>, string]>([
  [{ data: { source: "x", target: "y", task: "regression" } }, "data.split must be given"],
  [{ model: { layers: [{ dropout: 0 }] } }, "model.layers must be with at least one dropout layer"],
  [
    { search: { trials: 2, space: { "train.batch": { int: [4, 8] } } } },
    "search must be left out of a comparison",
  ],
])("%j is refused", (parts, words) => {
  expect(() => contestantsOf(Experiment.parse({ ...input, ...parts }), 4)).toThrow(words);
});
