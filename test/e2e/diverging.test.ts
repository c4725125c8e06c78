import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ReportDocument } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { search, subspaces, writeExperiment } from "./experiments.ts";
import { filesBelow, temporaryFolder } from "./folder.ts";
import { completions } from "./journal-file.ts";
import { document, manyfold } from "./program.ts";

/*
 * Twenty members of one input each. One of the six inputs is of the order of 1e25: whoever is given
 * it leaves the finite numbers at once, whatever computes it; the others never see it. Which members
 * that are, the seed says: member 8 of seed 2, two of seed 1, three of seed 3.
 */

const folder = temporaryFolder();
const out = join(folder, "runs");

function writeHuge(name: string, ensemble: { allowFailed?: number } = {}): string {
  const config = writeExperiment(folder, {
    ...subspaces,
    name,
    data: { ...subspaces.data, scale: "none" },
    train: { epochs: 3, batch: 16, optimizer: { sgd: { lr: 0.01 } } },
    ensemble: { bagging: { members: 20, features: 0.17 }, ...ensemble },
  });
  const table = join(dirname(config), "yields.csv");
  const huge = readFileSync(table, "utf8").replaceAll(/^((?:[-.\d]+,){5}[-.\d]+)/gm, "$1e25");
  writeFileSync(table, huge);
  return config;
}

const reportOf = (run: string) =>
  ReportDocument.parse(JSON.parse(readFileSync(join(run, "report.json"), "utf8")));

test("one member of twenty diverges: the others are the ensemble", async () => {
  const config = writeHuge("one");
  const args = ["run", config, "--out", out, "--seed", "2"];
  const run = await document(args, 1);
  expect(run).toMatchObject({
    status: "partial",
    reproducible: true,
    tasks: { total: 20, completed: 19, failed: 1 },
    analysis: { k: 19 },
    // It fails for good: no second attempt.
    execution: { attempts: 20, lost: 0 },
  });
  expect(run).not.toHaveProperty("error");
  expect(run.metrics.test).toMatchObject({ rmse: expect.any(Number), mae: expect.any(Number) });
  expect(run.metrics.oob).not.toBeNull();
  expect(Math.abs(run.analysis?.identityGap ?? 1)).toBeLessThanOrEqual(
    1e-12 * Math.max(1, run.analysis?.v ?? 0),
  );

  const { result } = reportOf(run.runDir);
  expect(result.members).toHaveLength(20);
  expect(result.members.filter(({ state }) => state === "failed")).toEqual([
    {
      member: 8,
      task: expect.any(String),
      state: "failed",
      failure: {
        code: "nan",
        message: expect.any(String),
        epoch: 1,
        layer: "output",
        op: "square",
      },
    },
  ]);
  const manifest = readFileSync(join(run.runDir, "artifact/manifest.json"), "utf8");
  const { members } = JSON.parse(manifest) as { members: { member: number }[] };
  expect(members.map(({ member }) => member)).toEqual(
    Array.from({ length: 20 }, (_, member) => member).filter((member) => member !== 8),
  );

  // The same for people, and the same bits on other workers.
  const text = await manyfold([...args, "--executor", "inline"]);
  expect(text).toMatchObject({ code: 1, stdout: "" });
  expect(text.stderr).toContain("19 of 20 tasks");
  expect(text.stderr).toMatch(/member 8 failed: .*epoch 1.*layer output/);
  const again = await document([...args, "--workers", "1"], 1);
  expect(again.ledger).toBe(run.ledger);

  // Finished is finished: resuming prints it, tries nothing again, and is no failure itself.
  const resumed = await document(["resume", run.runDir]);
  expect(resumed).toEqual(run);
  expect((await completions(run.runDir)).size).toBe(19);
});

test("a tenth of the members may fail, and not more", async () => {
  const two = await document(["run", writeHuge("two"), "--out", out, "--seed", "1"], 1);
  expect(two).toMatchObject({ status: "partial", tasks: { failed: 2 }, analysis: { k: 18 } });

  const three = await document(["run", writeHuge("three"), "--out", out, "--seed", "3"], 1);
  expect(three).toMatchObject({
    status: "error",
    artifact: null,
    tasks: { total: 20, completed: 17, failed: 3 },
    metrics: { test: null, oob: null },
    analysis: null,
  });
  expect(three.error).toMatchInlineSnapshot(`
    {
      "code": "failed",
      "message": "ensemble.allowFailed must be at least the share of failed members, got 0.1 with 3 of 20 failed.
    The report names each failure; a smaller learning rate helps against nan.",
      "path": "ensemble.allowFailed",
    }
  `);
  expect(filesBelow(three.runDir).filter((name) => !name.startsWith("blobs/"))).toEqual([
    "journal.log",
    "report.html",
    "report.json",
    "run.json",
  ]);
  expect(existsSync(join(three.runDir, "artifact"))).toBe(false);
  expect(reportOf(three.runDir).result.members).toHaveLength(20);

  const none = writeHuge("none", { allowFailed: 0 });
  expect(await document(["run", none, "--out", out, "--seed", "2"], 1)).toMatchObject({
    status: "error",
    artifact: null,
  });
  const many = writeHuge("many", { allowFailed: 0.15 });
  expect(await document(["run", many, "--out", out, "--seed", "3"], 1)).toMatchObject({
    status: "partial",
    analysis: { k: 17 },
  });
});

test("every member diverges: an error, and for people too", async () => {
  const config = writeExperiment(folder, {
    ...subspaces,
    name: "all",
    train: { epochs: 8, batch: 16, optimizer: { sgd: { lr: 40 } } },
  });
  const run = await document(["run", config, "--out", out], 1);
  expect(run).toMatchObject({
    status: "error",
    artifact: null,
    tasks: { completed: 0, failed: 6 },
  });
  const text = await manyfold(["run", config, "--out", out]);
  expect(text).toMatchObject({ code: 1, stdout: "" });
  expect(text.stderr).toContain("error: ensemble.allowFailed must be");
});

test("a trial that diverges is a failed trial, and the search goes on", async () => {
  const config = writeExperiment(folder, {
    ...search,
    name: "trials",
    data: subspaces.data,
    train: { epochs: 8, batch: 16, optimizer: { sgd: { lr: 0.01 } } },
    model: subspaces.model,
    search: {
      sampler: "grid",
      assess: { folds: { k: 2 } },
      space: { "train.optimizer.sgd.lr": { categorical: [40, 0.02, 0.05, 50] } },
    },
  });
  const run = await document(["run", config, "--out", out], 1);
  expect(run.trials?.map(({ trial, state, value }) => [trial, state, value === null])).toEqual([
    [0, "failed", true],
    [1, "completed", false],
    [2, "completed", false],
    [3, "failed", true],
  ]);
  expect(run).toMatchObject({ status: "partial", tasks: { failed: 4 } });
  expect([1, 2]).toContain(run.best?.trial);
  expect(run.artifact).not.toBeNull();
});

test("a search of which no trial is left has no result", async () => {
  const config = writeExperiment(folder, {
    ...search,
    name: "hopeless",
    data: subspaces.data,
    train: { epochs: 8, batch: 16, optimizer: { sgd: { lr: 0.01 } } },
    model: subspaces.model,
    search: {
      sampler: "grid",
      space: { "train.optimizer.sgd.lr": { categorical: [40, 50] } },
    },
  });
  const run = await document(["run", config, "--out", out], 1);
  expect(run).toMatchObject({ status: "error", artifact: null, best: null });
  expect(run.error).toMatchInlineSnapshot(`
    {
      "code": "failed",
      "message": "search must be left with at least one trial that completed, got none.
    The report names each trial's failure.",
      "path": "search",
    }
  `);
  expect(existsSync(join(run.runDir, "best.yaml"))).toBe(false);
});
