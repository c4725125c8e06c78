// ASHA that promotes, against training every trial to the end: the search of configs/digits-asha.yaml
// with and without its scheduler, over seeds. Judged is the best validation value, in standard errors
// of the full search's, and the epochs that it took.  npm run evidence -- asha [--seeds N]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ExperimentInput } from "@manyfold/protocol";
import { parse } from "yaml";
import { keep, openLaboratory } from "./experiments.ts";

const { values } = parseArgs({ options: { seeds: { type: "string", default: "10" } } });
const config = parse(readFileSync("configs/digits-asha.yaml", "utf8")) as ExperimentInput;
config.data.source = `configs/${config.data.source}`;
const { search } = config;
if (!search) throw new Error("The configuration has no search.");
const { scheduler: _, ...whole } = search;

const laboratory = openLaboratory();

/** As in the configuration, and three times as long, where there is more to save. */
const EPOCHS = [18, 54];

/** The best trial of a search, what it is worth on rows that no search saw, and all epochs trained. */
async function outcome(seed: number, epochs: number, spec: NonNullable<ExperimentInput["search"]>) {
  const train = { ...config.train, epochs };
  const { report } = await laboratory.run({ ...config, seed, train, search: spec });
  const { search: found, metrics } = report.result;
  const best = found?.trials.find(({ trial }) => trial === found.best?.trial);
  if (!found || !best || best.value === null) throw new Error("No trial has a value.");
  return {
    trial: best.trial,
    value: best.value,
    standardError: best.standardError ?? 0,
    epochs: found.trials.reduce((sum, trial) => sum + (trial.epochs ?? NaN), 0),
    test: metrics.test,
  };
}

const median = (all: readonly number[]) => {
  const sorted = all.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
};

const arms = [];
for (const epochs of EPOCHS) {
  const rows = [];
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const asha = await outcome(seed, epochs, search);
    const full = await outcome(seed, epochs, whole);
    const behind = (asha.value - full.value) / full.standardError;
    rows.push({ seed, behind, share: asha.epochs / full.epochs, asha, full });
    console.error(epochs, seed, behind.toFixed(2), (asha.epochs / full.epochs).toFixed(3));
  }
  const behind = median(rows.map((row) => row.behind));
  const share = median(rows.map((row) => row.share));
  const checks = {
    "validation value behind that of full training, in its standard errors (median)": {
      figure: behind,
      target: "<= 1",
      holds: behind <= 1,
    },
    "epochs over those of full training (median)": {
      figure: share,
      largest: Math.max(...rows.map((row) => row.share)),
      target: "<= 1/3",
      holds: share <= 1 / 3,
    },
  };
  arms.push({ epochs, checks, rows });
}
await laboratory.close();

keep("asha", { config: "configs/digits-asha.yaml", seeds: Number(values.seeds), arms });
if (arms.some(({ checks }) => Object.values(checks).some(({ holds }) => !holds))) {
  process.exitCode = 1;
}
