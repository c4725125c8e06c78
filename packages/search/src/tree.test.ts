import { key } from "@manyfold/core";
import { Experiment, SearchSpec, type ExperimentInput, type Params } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { searchComplaints } from "./check.ts";
import { ConstraintError, constraintOf } from "./constraint.ts";
import { applyParams } from "./params.ts";
import { ask, trialsOf } from "./samplers.ts";
import { namesOf, treeOf } from "./tree.ts";

const optimizers = {
  "train.optimizer": { categorical: ["adam", "sgd"] },
  "train.optimizer.adam.lr": {
    float: [0.001, 0.1],
    scale: "log",
    steps: 3,
    when: { "train.optimizer": "adam" },
  },
  "train.optimizer.sgd.lr": {
    float: [0.01, 1],
    scale: "log",
    steps: 2,
    when: { "train.optimizer": "sgd" },
  },
};

const experiment = (search: object): Experiment =>
  Experiment.parse({
    version: 1,
    name: "searched",
    data: { source: "a.csv", target: "y", task: "regression" },
    model: { layers: [{ dense: { units: 8 } }, { dense: { units: 4 } }] },
    search,
  } as ExperimentInput);

const askAll = (search: SearchSpec, count: number): Params[] => {
  const history: { trial: number; params: Params; value: number | null }[] = [];
  for (let trial = 0; trial < count; trial++) {
    const params = ask(search, { key: key(3), trial, history });
    history.push({ trial, params, value: trial % 5 });
  }
  return history.map(({ params }) => params);
};

describe("a conditional space", () => {
  test("has parents before what depends on them, in any order of the file", () => {
    const turned = Object.fromEntries(Object.entries(optimizers).toReversed());
    const { space } = SearchSpec.parse({ space: turned });
    expect(namesOf(space)[0]).toBe("train.optimizer");
    expect(treeOf(space).groups.map((group) => group.length)).toEqual([1, 1, 1]);
  });

  test("is a grid of the combinations of each branch", () => {
    const { search } = experiment({ sampler: "grid", space: optimizers });
    expect(search && trialsOf(search)).toBe(5);
    const all = search ? askAll(search, 5) : [];
    expect(all).toEqual([
      { "train.optimizer": "adam", "train.optimizer.adam.lr": 0.001 },
      { "train.optimizer": "adam", "train.optimizer.adam.lr": 0.01 },
      { "train.optimizer": "adam", "train.optimizer.adam.lr": 0.1 },
      { "train.optimizer": "sgd", "train.optimizer.sgd.lr": 0.01 },
      { "train.optimizer": "sgd", "train.optimizer.sgd.lr": 1 },
    ]);
  });

  test("is filled in from the outside in, and every place is checked where it exists", () => {
    const searched = experiment({ sampler: "tpe", trials: 40, space: optimizers });
    expect(searchComplaints(searched)).toEqual([]);
    const params = { "train.optimizer": "sgd", "train.optimizer.sgd.lr": 0.5 };
    expect(applyParams(searched, params).train.optimizer).toEqual({ sgd: { lr: 0.5 } });
  });
});

describe("constraints", () => {
  const space = {
    "model.layers.0.dense.units": { int: [1, 16] },
    "model.layers.1.dense.units": { int: [1, 16] },
  };
  const funnel = ["model.layers.0.dense.units > 2 * model.layers.1.dense.units"];

  test.each(["grid", "random", "sobol", "halton", "tpe", "cma-es"])("hold in %s", (sampler) => {
    const spec = { sampler, trials: 40, space, constraints: funnel, lag: 2 };
    const { search } = experiment(spec);
    if (!search) throw new TypeError("No search.");
    const count = Math.min(40, trialsOf(search));
    expect(count).toBe(40);
    for (const params of askAll(search, count)) {
      const [first, second] = Object.keys(space).map((name) => Number(params[name]));
      expect(first).toBeGreaterThan(2 * (second ?? 0));
    }
  });

  test("take combinations out of a grid", () => {
    const { search } = experiment({ sampler: "grid", space, constraints: funnel });
    expect(search && trialsOf(search)).toBe(2 + 4 + 6 + 8 + 10 + 12 + 14);
  });

  test.each([
    ["a + 2 * b < 9 and not c == 'x'", { a: 1, b: 2, c: "y" }, true],
    ["a + 2 * b < 9 and not c == 'x'", { a: 1, b: 2, c: "x" }, false],
    ['(a - 1) / b >= -2 or c != "x"', { a: -9, b: 1, c: "x" }, false],
    ["a == true", { a: true }, true],
    ["a < b", { a: 5 }, true],
  ])("%s of %j", (text, params, expected) => {
    expect(constraintOf(text).holds(params)).toBe(expected);
  });

  test.each([
    ["a <", "Character 4 must be a name, a number, a string, not or (, got the end."],
    ["a < 3 b", "Character 7 must be an operator or the end, got b."],
    ["(a < 3", "Character 7 must be ), got the end."],
    ["a & b", "Character 3 must be a name, a number, a string or a sign, got &."],
    ["1 < 2", "Character 1 must be a condition over a parameter, got 1 < 2."],
  ])("%s is none", (text, message) => {
    expect(() => constraintOf(text)).toThrow(ConstraintError);
    expect(() => constraintOf(text)).toThrow(message);
  });
});

test.each<[string, object, string, string]>([
  [
    "an unknown parent",
    { "train.batch": { int: [1, 9], when: { "train.epoch": 1 } } },
    "another parameter of the space",
    "when.train.epoch",
  ],
  [
    "a circle",
    {
      "train.batch": { int: [1, 9], when: { "train.epochs": 1 } },
      "train.epochs": { int: [1, 9], when: { "train.batch": 1 } },
    },
    "a parameter that does not depend on this one",
    "when.train.epochs",
  ],
  [
    "a value that the parent never has",
    {
      "train.batch": { int: [1, 9], when: { "train.epochs": 10 } },
      "train.epochs": { int: [1, 9] },
    },
    "something that train.epochs can be",
    "when.train.epochs",
  ],
])("%s is refused", (_, space, condition, place) => {
  const complaints = searchComplaints(experiment({ trials: 3, space }));
  expect(complaints[0]).toMatchObject({ condition });
  expect(complaints[0]?.path.join(".")).toContain(place);
});

test.each([
  [["train.batch > 99"], "kept by some setting of the space"],
  [["train.bath > 1"], "over parameters of the space"],
  [["train.batch >"], "a constraint with a name, a number, a string, not or ( at character 14"],
])("constraints %j are refused", (constraints, condition) => {
  const space = { "train.batch": { int: [1, 9] } };
  const [complaint] = searchComplaints(experiment({ trials: 3, space, constraints }));
  expect(complaint).toMatchObject({ condition });
});
