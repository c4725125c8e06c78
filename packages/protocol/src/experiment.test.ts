import { expect, test } from "vitest";
import { Experiment, parseExperiment, type ExperimentInput } from "./index.ts";

const smallest: ExperimentInput = {
  version: 1,
  name: "smallest",
  data: { source: "data.csv", target: "y", task: "regression" },
  model: { layers: [] },
};

test("defaults are filled and parsing twice changes nothing", () => {
  const experiment = Experiment.parse(smallest);
  expect(experiment.train).toMatchObject({
    epochs: 30,
    batch: 64,
    optimizer: { adam: { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  });
  expect(experiment.seed).toBe(0);
  expect(experiment.data.scale).toBe("standard");
  expect(Experiment.parse(JSON.parse(JSON.stringify(experiment)))).toEqual(experiment);
});

test("short forms mean their long forms", () => {
  const short = Experiment.parse({
    ...smallest,
    model: { layers: [{ dropout: 0.5 }, { repeat: { times: 2, layer: { dropout: 0.1 } } }] },
    train: { optimizer: "nesterov", schedule: "cosine" },
    ensemble: { bagging: { sample: "bootstrap" }, combine: "vote" },
    search: { sampler: "grid", assess: "folds", space: { "train.epochs": { categorical: [1] } } },
  });
  expect(short.model.layers).toEqual([
    { dropout: { rate: 0.5 } },
    { repeat: { times: 2, layer: { dropout: { rate: 0.1 } } } },
  ]);
  expect(short.train.optimizer).toEqual({ nesterov: { lr: 0.01, momentum: 0.9 } });
  expect(short.ensemble).toMatchObject({
    bagging: { members: 10, sample: { bootstrap: { fraction: 1 } }, features: 1 },
    combine: { vote: {} },
  });
  expect(short.search).toMatchObject({ sampler: { grid: {} }, assess: { folds: { k: 5 } } });
});

test("parseExperiment gives the experiment or complaints, never throwing", () => {
  const parsed = parseExperiment(smallest);
  expect(parsed).toEqual({ ok: true, experiment: Experiment.parse(smallest) });
  for (const wrong of [null, 1, "text", [], {}, undefined, Number.NaN]) {
    expect(parseExperiment(wrong).ok).toBe(false);
  }
});
