import { Experiment, type ExperimentInput } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { experimentComplaints } from "./check.ts";

type Ensemble = ExperimentInput["ensemble"];

function complaints(
  task: "classification" | "regression",
  ensemble: Ensemble,
  train = {},
  data: Partial<ExperimentInput["data"]> = {},
) {
  const input: ExperimentInput = {
    version: 1,
    name: "x",
    seed: 1,
    data: { source: "x.csv", target: "y", task, ...data },
    model: { layers: [] },
    train: { epochs: 1, ...train },
    ...(ensemble && { ensemble }),
  };
  return experimentComplaints(Experiment.parse(input)).map(({ path }) => path.join("."));
}

const bagging = { members: 2 };
const initOnly = { members: 2 };

test("votes, geometric means and calibration are of classes", () => {
  for (const combine of ["vote", "geometric"] as const) {
    expect(complaints("regression", { bagging, combine })).toEqual(["ensemble.combine"]);
    expect(complaints("classification", { bagging, combine })).toEqual([]);
  }
  const calibrate = "temperature";
  expect(complaints("regression", { bagging, calibrate })).toEqual(["ensemble.calibrate"]);
  expect(complaints("classification", { bagging, calibrate })).toEqual([]);
});

test("what is fitted needs rows that members left out", () => {
  for (const combine of ["nnls", "minimumVariance", "greedy", "stacking"] as const) {
    expect(complaints("regression", { bagging, combine })).toEqual([]);
    expect(complaints("regression", { initOnly, combine })).toEqual(["ensemble.combine"]);
  }
  expect(complaints("regression", { initOnly, combine: "weighted" })).toEqual([]);
  expect(complaints("classification", { initOnly, calibrate: "isotonic" })).toEqual([
    "ensemble.calibrate",
  ]);
  expect(complaints("regression", { initOnly, conformal: {} })).toEqual(["ensemble.conformal"]);
});

test("no coverage is promised by rows that took part in a decision", () => {
  const refused = ["ensemble.conformal"];
  const conformal = { coverage: 0.9 };
  expect(complaints("regression", { bagging, conformal })).toEqual([]);
  expect(complaints("regression", { bagging, conformal, combine: "nnls" })).toEqual(refused);
  expect(complaints("classification", { bagging, conformal, calibrate: "isotonic" })).toEqual(
    refused,
  );
  const train = { earlyStopping: { on: "oob", patience: 3 } };
  expect(complaints("regression", { bagging, conformal }, train)).toEqual(refused);
  const score = ["ensemble.conformal.score"];
  expect(complaints("regression", { bagging, conformal: { score: "adaptive" } })).toEqual(score);
  expect(complaints("classification", { bagging, conformal: { score: "quantile" } })).toEqual(
    score,
  );
  expect(complaints("regression", { bagging, conformal: { score: "normalised" } })).toEqual([]);
});

test("a learning curve wants test rows, and members that random parts of the rows suit", () => {
  const learningCurve = {};
  const refused = ["ensemble.learningCurve"];
  const split = { split: { test: 0.2 } };
  const about = (ensemble: Ensemble, data = {}) =>
    complaints("regression", { ...ensemble, learningCurve }, {}, data);
  expect(about({ bagging }, split)).toEqual([]);
  expect(about({ initOnly }, split)).toEqual([]);
  expect(about({ bagging })).toEqual(refused);
  expect(about({ dropout: {} }, split)).toEqual(refused);
  expect(about({ bagging: { members: 8, sample: "ordered" } }, split)).toEqual(refused);
});

test("a bag grows by rows that members leave out, and those then promise no coverage", () => {
  const stop = { tolerance: 0.1, step: 4 };
  const bagging = { members: 8 };
  expect(complaints("regression", { bagging, stop })).toEqual([]);
  expect(complaints("regression", { initOnly, stop })).toEqual(["ensemble.stop"]);
  const all = { members: 8, sample: "all" } as const;
  expect(complaints("regression", { bagging: all, stop })).toEqual(["ensemble.stop"]);
  expect(complaints("regression", { bagging: { members: 3 }, stop })).toEqual([
    "ensemble.stop.step",
  ]);
  expect(complaints("regression", { bagging, stop, conformal: {} })).toEqual([
    "ensemble.conformal",
  ]);
});

test.each([
  ["search.budget.cells", { budget: { cells: 5 }, repeats: 2, assess: { folds: { k: 3 } } }],
  ["search.order", { order: "free" }],
  ["search.confirm.rounds", { confirm: { trials: 2, rounds: 1 } }],
  [undefined, { budget: { cells: 6 }, repeats: 2, assess: { folds: { k: 3 } } }],
  [undefined, { order: "free", sampler: "tpe" }],
  [undefined, { order: "free", budget: { failures: 3 } }],
  [undefined, { confirm: { trials: 1, rounds: 1 } }],
  [undefined, { confirm: { trials: 2, rounds: 1 }, assess: { folds: { k: 3 } } }],
] as const)("what a search may not ask for: %s in %j", (path, search) => {
  const found = experimentComplaints(
    Experiment.parse({
      version: 1,
      name: "x",
      data: { source: "x.csv", target: "y", task: "regression" },
      model: { layers: [] },
      search: { trials: 2, space: { "train.batch": { int: [8, 16] } }, ...search },
    }),
  );
  expect(found.map((one) => one.path.join("."))).toEqual(path === undefined ? [] : [path]);
});

test("an ensemble from a search has a search of one split, and weights of its own", () => {
  const space = { "train.batch": { int: [8, 64] } };
  const found = (search: object | undefined, ensemble: object = {}) => {
    const input = {
      version: 1,
      name: "x",
      data: { source: "x.csv", target: "y", task: "regression" },
      model: { layers: [] },
      ensemble: { fromSearch: {}, ...ensemble },
      ...(search && { search: { trials: 4, space, ...search } }),
    };
    return experimentComplaints(Experiment.parse(input)).map(({ path }) => path.join("."));
  };
  expect(found({})).toEqual([]);
  expect(found({ repeats: 2, scheduler: "asha" })).toEqual([]);
  expect(found(undefined)).toEqual(["ensemble.fromSearch"]);
  expect(found({ assess: { folds: { k: 3 } } })).toEqual(["search.assess"]);
  const refit = { fromSearch: { refit: true } };
  expect(found({ assess: { folds: { k: 3 } } }, refit)).toEqual([]);
  expect(found({ each: "ensemble" })).toEqual(["search.each"]);
  expect(found({}, { combine: "median" })).toEqual(["ensemble.combine"]);
  expect(found({}, { conformal: {} })).toEqual(["ensemble.conformal"]);
  const output = { "model.output": { categorical: ["auto", "gaussian"] } };
  expect(found({ space: output })).toEqual(["search.space.model.output"]);
});

test("a trial of one net leaves no rows out that could stop it", () => {
  const stopping = (each: "model" | "ensemble") =>
    experimentComplaints(
      Experiment.parse({
        version: 1,
        name: "x",
        data: { source: "x.csv", target: "y", task: "regression" },
        model: { layers: [] },
        train: { earlyStopping: { on: "oob" } },
        ensemble: { bagging },
        search: { each, trials: 2, space: { "train.batch": { int: [8, 16] } } },
      }),
    ).map(({ path }) => path.join("."));
  expect(stopping("ensemble")).toEqual([]);
  expect(stopping("model")).toEqual(["train.earlyStopping.on"]);
});
