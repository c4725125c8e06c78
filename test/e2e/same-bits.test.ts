import { readFileSync } from "node:fs";
import { join } from "node:path";
import { allTasks, begin, fold, ledgerOf } from "@manyfold/coordinator";
import { readJournal } from "@manyfold/files";
import type { ExperimentInput, Variant } from "@manyfold/protocol";
import { JournalRecord, ReportDocument } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import {
  bag,
  chosen,
  dropout,
  growing,
  learning,
  refitted,
  search,
  snapshots,
  subspaces,
  weighted,
  writeExperiment,
} from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { document } from "./program.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

/** What may not depend on where, by how many and in how many sessions an experiment was run. */
async function determined(args: readonly string[]) {
  const { runDir, artifact, ledger, metrics, analysis, best, status, reproducible } =
    await document(args);
  const file = (name: string) => readFileSync(join(runDir, name));
  const { result } = ReportDocument.parse(JSON.parse(file("report.json").toString()));
  const weights = file("artifact/weights.safetensors").toString("hex");
  const manifest = file("artifact/manifest.json").toString();
  const predictions = file("predictions.csv").toString();
  expect({ artifact, status, reproducible }).toEqual({
    artifact: join(runDir, "artifact"),
    status: "done",
    reproducible: true,
  });
  const equal = { ledger, weights, manifest, predictions, metrics, analysis, best, result };
  return { equal, runDir };
}

/** Every experiment inline, run once for all tests. */
const inline = new Map<string, ReturnType<typeof determined>>();
function runInline(experiment: ExperimentInput): ReturnType<typeof determined> {
  const { name } = experiment;
  const known = inline.get(name);
  if (known) return known;
  const config = writeExperiment(folder, experiment);
  const run = determined(["run", config, "--out", out, "--executor", "inline"]);
  inline.set(name, run);
  return run;
}

const EXECUTORS = [
  ["threads", "1"],
  ["threads", "2"],
  ["threads", "3"],
] as const;

const EXPERIMENTS: readonly ExperimentInput[] = [
  weighted,
  bag,
  growing,
  snapshots,
  dropout,
  subspaces,
  search,
  learning,
  chosen,
  refitted,
];

describe.each(EXPERIMENTS)("$name", (experiment) => {
  test("gives the same bits inline and on 1, 2 and 3 threads", async () => {
    const expected = await runInline(experiment);
    const config = writeExperiment(folder, experiment);
    for (const [executor, workers] of EXECUTORS) {
      const options = ["--out", out, "--executor", executor, "--workers", workers];
      const { equal } = await determined(["run", config, ...options]);
      expect(equal).toEqual(expected.equal);
    }
  });
});

test("js and wasm-plain give the same networks", async () => {
  const config = writeExperiment(folder, { ...dropout, name: "kernels" });
  const js = await determined(["run", config, "--out", out, "--backend", "js"]);
  const wasm = await determined(["run", config, "--out", out, "--kernel", "plain"]);
  expect(wasm.equal.weights).toBe(js.equal.weights);
  expect(wasm.equal.predictions).toBe(js.equal.predictions);
  expect(wasm.equal.analysis).toEqual(js.equal.analysis);
  // The kernel is a part of every task, so that no run mixes two; it is all that differs.
  expect(wasm.equal.ledger).not.toBe(js.equal.ledger);
  expect(await ledgerAs("js", wasm.runDir)).toBe(js.equal.ledger);
  expect(await ledgerAs("wasm-plain", wasm.runDir)).toBe(wasm.equal.ledger);
});

/**
 * The ledger of a run's own results, had another variant been recorded: every task's id is that of
 * the same task in the other variant, and nothing else is touched.
 */
async function ledgerAs(variant: Variant, runDir: string) {
  const records: JournalRecord[] = [];
  for await (const record of readJournal(join(runDir, "journal.log"))) records.push(record);
  const [first, ...rest] = records;
  if (first?.type !== "created") throw new Error("a journal begins with its run");
  const created = { ...first, variant };
  const ids = allTasks(begin(created)).map(({ id }) => id);
  const renamed = new Map(allTasks(begin(first)).map(({ id }, i) => [id, ids[i] ?? id]));
  const state = begin(created);
  for (const record of rest) {
    const text = JSON.stringify(record).replace(/\b[0-9a-f]{64}\b/g, (id) => renamed.get(id) ?? id);
    fold(state, JournalRecord.parse(JSON.parse(text)));
  }
  return ledgerOf(state, allTasks(state));
}

test("another seed gives other bits", async () => {
  const config = writeExperiment(folder, { ...bag, name: "seeds" });
  const one = await runInline(bag);
  const two = await determined(["run", config, "--out", out, "--seed", "4"]);
  expect(two.equal.ledger).not.toBe(one.equal.ledger);
  expect(two.equal.weights).not.toBe(one.equal.weights);
});

/** The same experiment with fewer members or trials, and the option that takes it back. */
const GROWN: readonly (readonly [ExperimentInput, ExperimentInput, readonly string[]])[] = [
  [bag, { ...bag, ensemble: { bagging: { members: 4 } } }, ["--members", "8"]],
  [
    subspaces,
    {
      ...subspaces,
      ensemble: { bagging: { ...subspaces.ensemble.bagging, members: 2 } },
    },
    ["--members", "6"],
  ],
  [dropout, { ...dropout, ensemble: { dropout: { networks: 2, masks: 2 } } }, ["--members", "4"]],
  [search, { ...search, search: { ...search.search, trials: 2 } }, ["--trials", "6"]],
  [learning, { ...learning, search: { ...learning.search, trials: 5 } }, ["--trials", "9"]],
];

describe.each(GROWN)("a smaller $name", (whole, small, growth) => {
  test("grown is the whole one at once", async () => {
    const atOnce = await runInline(whole);
    const config = writeExperiment(folder, { ...small, name: `small-${small.name}` });
    const before = await determined(["run", config, "--out", out]);
    expect(before.equal.predictions).not.toBe(atOnce.equal.predictions);
    const after = await determined(["resume", before.runDir, ...growth]);
    expect(after.runDir).toBe(before.runDir);
    expect(after.equal.ledger).toBe(atOnce.equal.ledger);
    expect(after.equal.weights).toBe(atOnce.equal.weights);
    expect(after.equal.predictions).toBe(atOnce.equal.predictions);
    expect(after.equal.analysis).toEqual(atOnce.equal.analysis);
    expect(after.equal.best).toEqual(atOnce.equal.best);
  });
});
