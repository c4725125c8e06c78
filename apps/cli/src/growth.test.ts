import { Experiment } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { growthOf } from "./growth.ts";

const experiment = (extra: object) =>
  Experiment.parse({
    version: 1,
    name: "x",
    data: { source: "x.csv", target: "y", task: "regression" },
    model: { layers: [] },
    ensemble: { bagging: { members: 4 } },
    ...extra,
  });
const search = (each: string) => ({
  search: { each, trials: 2, space: { "train.batch": { int: [8, 16] } } },
});

test("a run grows by what is more than it has", () => {
  expect(growthOf(experiment({}), { members: 8 })).toEqual({ members: 8 });
  expect(growthOf(experiment({}), { members: 4 })).toBeUndefined();
  expect(growthOf(experiment(search("model")), { trials: 3 })).toEqual({ trials: 3 });
  expect(() => growthOf(experiment({}), { members: 3 })).toThrow("at least the run's 4");
  expect(() => growthOf(experiment({}), { trials: 3 })).toThrow("a search with trials");
});

test("trials that are ensembles do not grow: their values are of what they were", () => {
  expect(growthOf(experiment(search("model")), { members: 8 })).toEqual({ members: 8 });
  expect(() => growthOf(experiment(search("ensemble")), { members: 8 })).toThrow(
    "left out where trials are ensembles",
  );
});
