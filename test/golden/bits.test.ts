import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { decodeTable, prepare } from "@manyfold/data";
import { hashOf, readCsv } from "@manyfold/files";
import { Experiment, type ExperimentInput, type TaskSpec } from "@manyfold/protocol";
import { runTask } from "@manyfold/workers";
import { expect, test } from "vitest";
import { bag, dropout, subspaces, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";

/*
 * The bits of some trainings, as hashes. They are the same on every machine, with every version of
 * Node, and with `js` as with `wasm-plain`. Where one changes, old runs can no longer be grown or
 * compared: that is a decision, and is made here.
 */

const folder = temporaryFolder();

/** Hashes of the weights and the test predictions of an experiment's first member. */
async function bitsOf(experiment: ExperimentInput) {
  const path = writeExperiment(folder, experiment);
  const parsed = Experiment.parse(JSON.parse(readFileSync(path, "utf8")));
  const raw = await readCsv(join(dirname(path), parsed.data.source), parsed.data);
  const { data, tables } = prepare(raw, parsed, hashOf);
  const [bytes] = tables;
  if (bytes === undefined) throw new Error("There is no table.");
  const { bagging } = parsed.ensemble ?? {};
  const spec: TaskSpec = {
    version: 1,
    kind: "train",
    variant: "js",
    data: data.final.table,
    model: parsed.model,
    train: parsed.train,
    draw: bagging
      ? { sample: bagging.sample, features: bagging.features }
      : { sample: { all: {} }, features: 1 },
    seed: parsed.seed,
    fold: 0,
    repeat: 0,
    member: 0,
    report: ["test"],
  };
  const outcome = runTask(spec, () => decodeTable(bytes), {});
  if (outcome.status !== "done") throw new Error(`The training ended as ${outcome.status}.`);
  const { weights, predictions } = outcome.output;
  return {
    table: data.final.table.hash.slice(0, 16),
    weights: hashOf(weights).slice(0, 16),
    test: hashOf(predictions.test ?? new Uint8Array()).slice(0, 16),
  };
}

test("a bag, a dropout network, random subspaces", async () => {
  expect(await bitsOf(bag)).toMatchInlineSnapshot(`
    {
      "table": "86798a8cceeb3047",
      "test": "06bb5a553c530e34",
      "weights": "1b897603b72edc6d",
    }
  `);
  expect(await bitsOf(dropout)).toMatchInlineSnapshot(`
    {
      "table": "86798a8cceeb3047",
      "test": "c407022802c8b4c0",
      "weights": "ec480959f93eb580",
    }
  `);
  expect(await bitsOf(subspaces)).toMatchInlineSnapshot(`
    {
      "table": "6b1bab57b62efec1",
      "test": "5fbc1cbac0ec28c1",
      "weights": "581e5eac27c45de0",
    }
  `);
});

test("optimizers, schedules, regularizers, early stopping", async () => {
  const trained = (name: string, train: ExperimentInput["train"]) =>
    bitsOf({ ...subspaces, name, train: { epochs: 4, batch: 8, ...train } });
  const weights: Record<string, string> = {};
  const optimizers = {
    sgd: { sgd: {} },
    momentum: { momentum: {} },
    nesterov: { nesterov: {} },
    adagrad: { adagrad: {} },
    rmsprop: { rmsprop: {} },
    adam: { adam: {} },
    adamw: { adamw: {} },
  } as const;
  for (const [name, optimizer] of Object.entries(optimizers)) {
    weights[name] = (await trained(name, { optimizer })).weights;
  }
  const schedules = { linear: "linear", cosine: "cosine" } as const;
  for (const [name, schedule] of Object.entries(schedules)) {
    weights[name] = (await trained(name, { schedule })).weights;
  }
  const regularizers = { l2: { l2: 0.01 }, l1: { l1: 0.01 }, maxnorm: { maxNorm: 0.5 } };
  for (const [name, regularizer] of Object.entries(regularizers)) {
    weights[name] = (await trained(name, { regularizers: [regularizer] })).weights;
  }
  weights["stopping"] = (
    await trained("stopping", { epochs: 30, earlyStopping: { patience: 2 } })
  ).weights;
  expect(weights).toMatchInlineSnapshot(`
    {
      "adagrad": "141328695ee65b7a",
      "adam": "bd011911cf7a5ce2",
      "adamw": "9bfd823518c28e9e",
      "cosine": "cb388d3d39299312",
      "l1": "4226b4d8f57db208",
      "l2": "0089992728411daa",
      "linear": "293ab25243de1f85",
      "maxnorm": "8653e7ac84ab5465",
      "momentum": "d68900b05ec8de42",
      "nesterov": "310955456d82f60f",
      "rmsprop": "a5301b69e7b189a1",
      "sgd": "39b1cb677963ac59",
      "stopping": "9367d61254d29c8d",
    }
  `);
});
