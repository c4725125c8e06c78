import { afterAll, expect, test } from "vitest";
import { openLaboratory } from "../evidence/experiments.ts";

const laboratory = openLaboratory();
afterAll(() => laboratory.close());

test("a search that proposes what it has tried goes on to its last trial and its final fit", async () => {
  const outputs = await laboratory.run({
    version: 1,
    name: "repeated",
    data: { source: "configs/data/iris.csv", target: "species", task: "classification" },
    model: { layers: [{ dense: { units: 3, activation: "tanh" } }] },
    train: { epochs: 2 },
    search: {
      sampler: "tpe",
      trials: 20,
      lag: 2,
      space: { "train.batch": { categorical: [16, 32] } },
    },
  });
  expect(outputs.status).toBe("done");
  const { search, members } = outputs.report.result;
  expect(search?.trials.map(({ state }) => state)).toEqual(Array(20).fill("completed"));
  expect(members).toHaveLength(1);
});

test("a setting that does not fit the data is a failed trial, and the others go on", async () => {
  const outputs = await laboratory.run({
    version: 1,
    name: "unfit",
    data: { source: "configs/data/diabetes.csv", target: "progression", task: "regression" },
    model: { layers: [{ dense: { units: 3, activation: "tanh" } }] },
    train: { epochs: 1 },
    ensemble: { bagging: { members: 2 } },
    search: {
      sampler: "grid",
      each: "ensemble",
      space: { "ensemble.combine": { categorical: ["mean", "vote"] } },
    },
  });
  const { search, oob } = outputs.report.result;
  expect(search?.trials.map(({ state }) => state)).toEqual(["completed", "failed"]);
  expect(search?.best?.trial).toBe(0);
  // The best of two was chosen on these very rows.
  expect(oob?.biased).toBe(true);
});
