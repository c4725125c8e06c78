import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ReportDocument } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { onlyRun } from "./journal-file.ts";
import { document, manyfold } from "./program.ts";

/*
 * Searches over functions of the user's own: the same trials wherever and in however many parts
 * they run, and a function that misbehaves costs its trial alone.
 */

const folder = temporaryFolder();
const out = join(folder, "runs");

const MODULE = `
/** Falls towards the parameters' best over its steps, each of which draws from the trial's key. */
export const descends = ({ x, kind }, { budget, checkpoint, data, random, report, fold }) => {
  const saved = checkpoint.load();
  let [step, at] = saved ? JSON.parse(new TextDecoder().decode(saved)) : [0, 5];
  while (step < budget) {
    step += 1;
    at = at / 2 + (x - 0.3) ** 2 + (kind === "b" ? 0.1 : 0) + 0.01 * random("step", step)();
    checkpoint.save(new TextEncoder().encode(JSON.stringify([step, at])));
    report(step, at);
  }
  return { value: at, rows: data.train.rows, fold };
};
/** Each of these does what its parameter says. */
export const misbehaves = ({ how }) => {
  if (how === "throw") throw new Error("no such luck");
  if (how === "hang") for (;;);
  if (how === "nan") return NaN;
  if (how === "exit") process.exit(7);
  return 1;
};
`;

const rows = Array.from({ length: 40 }, (_, row) => `${row % 7},${(row * 3) % 11}`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "rows.csv"), ["a,y", ...rows, ""].join("\n"));
writeFileSync(join(folder, "mine.mjs"), MODULE);

const data = {
  source: "rows.csv",
  target: "y",
  task: "regression",
  split: { test: 0.25 },
};

function write(name: string, more: object): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, JSON.stringify({ version: 1, name, seed: 3, data, ...more }, null, 2));
  return path;
}

const space = { x: { float: [0, 1] }, kind: { categorical: ["a", "b"] } };
const objective = { module: "./mine.mjs", export: "descends", steps: 9 };
const SEARCHES = {
  learning: { sampler: { tpe: { startup: 3 } }, trials: 10, lag: 2, assess: { folds: { k: 2 } } },
  halving: { sampler: "random", trials: 9, lag: 2, scheduler: { asha: { min: 1, eta: 3 } } },
  stopping: { sampler: "sobol", trials: 6, lag: 2, scheduler: { median: { startup: 2 } } },
};

describe.each(Object.entries(SEARCHES))("a search over an objective, %s", (name, search) => {
  const config = write(name, { objective, search: { ...search, space } });

  test("has one ledger inline, on threads, and after kills and resumes", async () => {
    const inline = await document(["run", config, "--out", out, "--executor", "inline"]);
    expect(inline).toMatchObject({ status: "done", artifact: null, reproducible: true });
    expect(inline.tasks.completed).toBe(inline.tasks.total);
    const threads = await document(["run", config, "--out", out, "--workers", "2"]);
    expect(threads.ledger).toBe(inline.ledger);
    expect(threads.best).toEqual(inline.best);

    const parent = join(folder, `killed-${name}`);
    const dies = { fault: { DIE_AT_BYTE: "14000" } } as const;
    await manyfold(["run", config, "--out", parent, "--workers", "2"], dies);
    const again = await document(["resume", onlyRun(parent), "--workers", "1"]);
    expect(again.ledger).toBe(inline.ledger);
  });
});

test("its best.yaml gives the same value alone", async () => {
  const { learning: search } = SEARCHES;
  const config = write("alone", { objective, search: { ...search, trials: 4, space } });
  const run = await document(["run", config, "--out", out, "--executor", "inline"]);
  const args = ["run", join(run.runDir, "best.yaml"), "--out", out, "--executor", "inline"];
  const alone = await document(args);
  expect(alone.best).toEqual({ ...run.best, trial: 0 });
});

test("one that throws, hangs, returns NaN or exits is a trial that failed, and the study goes on", async () => {
  const hows = ["fine", "throw", "hang", "nan", "exit", "well"];
  const config = write("misbehaves", {
    objective: { module: "./mine.mjs", export: "misbehaves" },
    search: { sampler: "grid", space: { how: { categorical: hows } } },
    limits: { seconds: 1 },
  });
  const run = await document(["run", config, "--out", out, "--workers", "2"], 1);
  expect(run).toMatchObject({
    status: "partial",
    reproducible: false,
    best: { trial: 0, value: 1 },
  });
  expect(run.trials?.map(({ value }) => value)).toEqual([1, null, null, null, null, 1]);
});

test("the example of a trainable that is no network runs, and its best setting meets the test rows", async () => {
  const config = join(import.meta.dirname, "../../configs/custom-objective.yaml");
  const run = await document(["run", config, "--out", out, "--workers", "2"]);
  expect(run).toMatchObject({ status: "done", artifact: null, tasks: { total: 16 * 5 + 1 } });
  // The target's deviation is 77, which is what the mean alone would err by.
  expect(run.best?.value).toBeGreaterThan(50);
  expect(run.best?.value).toBeLessThan(62);
  const { result } = ReportDocument.parse(
    JSON.parse(readFileSync(join(run.runDir, "report.json"), "utf8")),
  );
  expect(result.search?.test?.value).toBeGreaterThan(50);
  expect(result.search?.test?.value).toBeLessThan(70);
  expect(Object.keys(result.search?.test?.values ?? {})).toEqual(["mae"]);
});

test("what cannot be run is said before anything runs, with its place", async () => {
  const search = { sampler: "random", trials: 2, space };
  const cases: [string, object, string][] = [
    [
      "missing",
      { objective: { module: "./none.mjs" }, search },
      "objective.module must be a JavaScript file, seen from this configuration's folder, got ./none.mjs (not there).",
    ],
    [
      "package",
      { objective: { module: "no-such-thing" }, search },
      "objective.module must be an installed package, or a file as ./name.js, got no-such-thing (not there).",
    ],
    [
      "export",
      { objective: { ...objective, export: "descend" }, search },
      "objective.export must be a function that ./mine.mjs exports, got descend.\nDid you mean descends?",
    ],
    ["searchless", { objective }, "search must be given with an objective, got nothing."],
    [
      "metric",
      { objective, search: { ...search, metric: "rmse" } },
      'search.metric must be auto or left out beside an objective, got "rmse".',
    ],
    [
      "network",
      { objective, search, model: { layers: [{ dense: { units: 2 } }] } },
      "model must be left out beside an objective",
    ],
    ["modelless", { search }, "model must be an object with layers, got nothing."],
  ];
  for (const [name, experiment, sentence] of cases) {
    const config = write(`bad-${name}`, experiment);
    const { code, stderr } = await manyfold(["run", config, "--out", out]);
    expect({ name, code, stderr }).toMatchObject({ name, code: 2 });
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(new RegExp(`bad-${name}\\.yaml:\\d+:\\d+ `));
  }
});

test("a run does not go on with another module than it began with", async () => {
  const { learning: search } = SEARCHES;
  copyFileSync(join(folder, "mine.mjs"), join(folder, "later.mjs"));
  const config = write("changed", {
    objective: { ...objective, module: "later.mjs" },
    search: { ...search, space },
  });
  const parent = join(folder, "changed");
  await manyfold(["run", config, "--out", parent], { fault: { DIE_AT_BYTE: "12000" } });
  writeFileSync(join(folder, "later.mjs"), `${MODULE}\n// otherwise\n`);
  const { code, stderr } = await manyfold(["resume", onlyRun(parent)]);
  expect(code).toBe(2);
  expect(stderr).toContain("later.mjs must be the file that the run began with");
});
