import { Experiment, type ExperimentInput, type Params } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { checkSearch, searchComplaints } from "./check.ts";
import { applyParams } from "./params.ts";

const base = {
  version: 1,
  name: "searched",
  data: { source: "a.csv", target: "y", task: "classification" },
  model: {
    layers: [
      { dense: { units: 8, activation: "relu" } },
      { repeat: { times: 1, layer: { dense: { units: 4 } } } },
      { dropout: 0.5 },
    ],
  },
  train: { optimizer: "adam", regularizers: [{ l2: 0.1 }] },
  ensemble: { bagging: { members: 3 } },
} satisfies ExperimentInput;
const experiment = Experiment.parse(base);

describe("a setting is filled in", () => {
  const at = (params: Params) => applyParams(experiment, params);

  test("at any depth, in lists and in the ensemble", () => {
    const changed = at({
      "train.optimizer.adam.lr": 0.02,
      "train.epochs": 5,
      "train.regularizers.0.l2": 0.3,
      "model.layers.0.dense.units": 64,
      "model.layers.0.dense.activation": "tanh",
      "model.layers.1.repeat.times": 3,
      "model.layers.2.dropout.rate": 0.25,
      "ensemble.bagging.members": 9,
    });
    expect(changed.train).toMatchObject({
      epochs: 5,
      optimizer: { adam: { lr: 0.02, beta1: 0.9 } },
      regularizers: [{ l2: 0.3 }],
    });
    expect(changed.model.layers).toMatchObject([
      { dense: { units: 64, activation: "tanh" } },
      { repeat: { times: 3 } },
      { dropout: { rate: 0.25 } },
    ]);
    expect(changed.ensemble).toMatchObject({ bagging: { members: 9 } });
    expect(changed.data).toBe(experiment.data);
  });

  test("in short forms", () => {
    expect(at({ "train.optimizer": "sgd" }).train.optimizer).toEqual({ sgd: { lr: 0.01 } });
    expect(at({ "model.layers.2.dropout": 0.1 }).model.layers[2]).toEqual({
      dropout: { rate: 0.1 },
    });
  });

  test("leaving the experiment as it was, and valid", () => {
    const before = JSON.stringify(experiment);
    const changed = at({ "train.epochs": 7 });
    expect(JSON.stringify(experiment)).toBe(before);
    expect(Experiment.parse(changed)).toEqual(changed);
    expect(at({})).toEqual(experiment);
    expect(applyParams(changed, { "train.epochs": 30 })).toEqual(experiment);
  });
});

describe("a setting is refused, naming the parameter", () => {
  test.each<[string, Params, string]>([
    [
      "a value out of range",
      { "train.optimizer.adam.lr": -0.1 },
      "search.space.train.optimizer.adam.lr must be > 0, got -0.1.\nEach of its values has to be a valid train.optimizer.adam.lr.",
    ],
    [
      "a number that is not whole",
      { "train.epochs": 3, "model.layers.0.dense.units": 1.5 },
      "search.space.model.layers.0.dense.units must be a whole number, got 1.5.\nEach of its values has to be a valid model.layers.0.dense.units.",
    ],
    [
      "an unknown option",
      { "train.optimizer": "adma" },
      'search.space.train.optimizer must be one of sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, newton, newtonCg, cg, bfgs, lbfgs, got "adma".\nEach of its values has to be a valid train.optimizer. Did you mean adam?',
    ],
    [
      "a mistyped path",
      { "train.optimizer.adam.lrr": 0.1 },
      'search.space.train.optimizer.adam.lrr must be a path into the experiment\'s model, train or ensemble, got "train.optimizer.adam.lrr".\nDid you mean train.optimizer.adam.lr?',
    ],
    [
      "another optimizer's path",
      { "train.optimizer.adamw.lr": 0.1 },
      'search.space.train.optimizer.adamw.lr must be a path into the experiment\'s model, train or ensemble, got "train.optimizer.adamw.lr".\nDid you mean train.optimizer.adam.lr?',
    ],
    [
      "a layer that is not there",
      { "model.layers.7.dense.units": 4 },
      'search.space.model.layers.7.dense.units must be a path into the experiment\'s model, train or ensemble, got "model.layers.7.dense.units".\nDid you mean model.layers.0.dense.units?',
    ],
    [
      "a part that cannot be searched",
      { "data.scale": "none" },
      'search.space.data.scale must be a path into the experiment\'s model, train or ensemble, got "data.scale".\nA path names what the configuration holds, as train.optimizer.adam.lr or model.layers.0.dense.units.',
    ],
  ])("%s", (_, params, message) => {
    expect(() => applyParams(experiment, params)).toThrow(message);
  });

  test.each(["train", "model.layers.length", "model.layers.00", "train.__proto__.x", "", "."])(
    "the path %j",
    (name) => {
      expect(() => applyParams(experiment, { [name]: 1 })).toThrow("must be a path into");
    },
  );
});

describe("before a search starts", () => {
  const complaints = (search: object) =>
    searchComplaints(
      Experiment.parse({ ...base, search: { trials: 4, ...search } as ExperimentInput["search"] }),
    ).map(({ path, at, condition, got }) => [path.join("."), at, condition, got]);
  const lr = "train.optimizer.adam.lr";

  test("a sound search has no complaints, nor has an experiment without one", () => {
    const space = { [lr]: { float: [1e-4, 0.1], scale: "log" }, "train.epochs": { int: [1, 9] } };
    expect(complaints({ space })).toEqual([]);
    expect(searchComplaints(experiment)).toEqual([]);
    expect(() => checkSearch(experiment)).not.toThrow();
  });

  test("every value of a range has to fit", () => {
    expect(complaints({ space: { "train.epochs": { float: [1, 9] } } })).toEqual([
      ["search.space.train.epochs", "value", "a whole number", expect.stringMatching(/^3\.5/)],
    ]);
    expect(complaints({ space: { "model.layers.2.dropout.rate": { float: [0, 1] } } })).toEqual([
      ["search.space.model.layers.2.dropout.rate", "value", "< 1", "1"],
    ]);
    expect(complaints({ space: { "train.loss": { categorical: ["auto", "hinge"] } } })).toEqual([
      [
        "search.space.train.loss",
        "value",
        "one of auto, squaredError, binaryCrossEntropy, softmaxCrossEntropy, absoluteError, mixtureNll, huber, gaussianNll, perTarget",
        '"hinge"',
      ],
    ]);
  });

  test("names have to be different places", () => {
    const space = {
      "train.optimizer": { categorical: ["adam", "sgd"] },
      [lr]: { float: [0.1, 0.2] },
      "train.epoch": { int: [1, 2] },
    };
    expect(complaints({ space })).toEqual([
      [
        "search.space.train.epoch",
        "key",
        "a path into the experiment's model, train or ensemble",
        '"train.epoch"',
      ],
      [
        "search.space.train.optimizer.adam.lr",
        "key",
        "outside of train.optimizer, which is searched too",
        '"train.optimizer.adam.lr"',
      ],
    ]);
  });

  test("values have to be different", () => {
    expect(complaints({ space: { "train.epochs": { categorical: [3, 4, 3] } } })).toEqual([
      ["search.space.train.epochs.categorical", "value", "different values", "3 twice"],
    ]);
  });

  test("a trial of one network does not search the ensemble", () => {
    const space = { "ensemble.bagging.members": { int: [2, 9] } };
    expect(complaints({ space })).toEqual([
      [
        "search.each",
        "value",
        "ensemble where the space holds ensemble.bagging.members",
        '"model"',
      ],
    ]);
    expect(complaints({ space, each: "ensemble" })).toEqual([]);
  });

  test("a grid needs points, a random search a number of trials", () => {
    expect(complaints({ sampler: "grid", space: { [lr]: { float: [0.1, 0.2] } } })).toEqual([
      [
        "search.space.train.optimizer.adam.lr",
        "value",
        "a range with steps for sampler: grid",
        '{"float":[0.1,0.2]}',
      ],
    ]);
    expect(complaints({ trials: undefined, space: { [lr]: { float: [0.1, 0.2] } } })).toEqual([
      ["search.trials", "value", "a number of trials for sampler: random", "nothing"],
    ]);
  });

  test("checkSearch throws what searchComplaints finds", () => {
    const search = { trials: 2, space: { "train.epoch": { int: [1, 2] as [number, number] } } };
    expect(() => checkSearch(Experiment.parse({ ...base, search }))).toThrow(
      "Did you mean train.epochs?",
    );
  });
});
