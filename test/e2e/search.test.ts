import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ExperimentInput } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { bag, search, subspaces, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { document } from "./program.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

const { ensemble: _, ...oneNet } = subspaces;

const SEARCHES: readonly ExperimentInput[] = [
  search,
  {
    ...bag,
    name: "grid-of-ensembles",
    ensemble: { bagging: { members: 3 }, combine: "median" },
    search: {
      sampler: "grid",
      each: "ensemble",
      metric: "accuracy",
      space: {
        "model.layers.0.dense.activation": { categorical: ["tanh", "relu"] },
        "ensemble.bagging.members": { int: [2, 4], steps: 2 },
      },
    },
  },
  {
    ...oneNet,
    name: "one-net",
    train: { ...subspaces.train, epochs: 12, earlyStopping: { patience: 2 } },
    search: {
      sampler: "random",
      trials: 4,
      assess: { validation: { fraction: 0.3 } },
      metric: "mae",
      space: { "train.optimizer.adam.lr": { float: [0.01, 0.3], scale: "log" } },
    },
  },
  {
    ...oneNet,
    name: "paused-and-confirmed",
    train: { ...subspaces.train, epochs: 4 },
    search: {
      sampler: "random",
      trials: 4,
      repeats: 2,
      confirm: { trials: 1, rounds: 2 },
      scheduler: { asha: { min: 1, eta: 2 } },
      space: { "train.optimizer.adam.lr": { float: [0.01, 0.3], scale: "log" } },
    },
  },
];

/** How a best value is corrected for having been chosen. */
function methodOf({ search: spec }: ExperimentInput): string {
  if (spec?.confirm) return "fresh";
  return typeof spec?.assess === "object" && "folds" in spec.assess ? "crossed" : "shrunken";
}

describe.each(SEARCHES)("$name", (experiment) => {
  test("its best.yaml run by itself gives the same value, and the same networks", async () => {
    const config = writeExperiment(folder, experiment);
    const run = await document(["run", config, "--out", out]);
    const { best, trials = [] } = run;
    if (!best) throw new Error("A search without a best trial.");
    expect(trials.map(({ state }) => state)).not.toContain("failed");
    expect(best).toEqual({
      trial: best.trial,
      params: trials[best.trial]?.params,
      value: trials[best.trial]?.value,
    });
    const sign = experiment.search?.metric === "accuracy" ? -1 : 1;
    const values = trials.map(({ value }) => sign * (value ?? NaN));
    // With a scheduler those that came furthest rank before others.
    const isLeast = sign * best.value === Math.min(...values);
    expect(isLeast || experiment.search?.scheduler !== undefined).toBe(true);
    expect(run.corrected?.method).toBe(methodOf(experiment));

    const alone = await document(["run", join(run.runDir, "best.yaml"), "--out", out]);
    expect(alone.best).toEqual({ trial: 0, params: best.params, value: best.value });
    expect(alone.trials).toHaveLength(1);
    expect(alone.metrics).toEqual(run.metrics);
    const weights = (dir: string) => readFileSync(join(dir, "artifact/weights.safetensors"), "hex");
    expect(weights(alone.runDir)).toBe(weights(run.runDir));
  });
});

test("without a search there are no trials, and no best.yaml", async () => {
  const run = await document(["run", writeExperiment(folder, bag), "--out", out]);
  expect(existsSync(join(run.runDir, "best.yaml"))).toBe(false);
  expect(run).not.toHaveProperty("best");
  expect(run).not.toHaveProperty("trials");
});
