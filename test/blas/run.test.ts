import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openBlas } from "@manyfold/blas";
import { ReportDocument } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { bag, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document, manyfold } from "../e2e/program.ts";

const none = await openBlas().then(
  () => false,
  () => true,
);
const folder = temporaryFolder();
const out = join(folder, "runs");

test("--backend blas has no --kernel", async () => {
  const config = writeExperiment(folder, bag);
  const both = await manyfold([
    "run",
    config,
    "--out",
    out,
    "--backend",
    "blas",
    "--kernel",
    "fma",
  ]);
  expect(both).toMatchObject({ code: 2, stdout: "" });
  expect(both.stderr).toMatch(/^error: --kernel must be left out with --backend blas, got fma\./);
});

test.skipIf(!none)("without a library --backend blas ends, and says what to install", async () => {
  const config = writeExperiment(folder, bag);
  const { code, stderr } = await manyfold(["run", config, "--out", out, "--backend", "blas"]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/libopenblas0.*brew install openblas.*MKL/);
});

// Without a library: test/blas/install-library.sh.
describe.skipIf(none)("with the system's BLAS", () => {
  test("a run is not reproducible and says why; inline and threads agree here", async () => {
    const config = writeExperiment(folder, bag);
    const blas = ["run", config, "--out", out, "--backend", "blas"];
    const inline = await document([...blas, "--executor", "inline"]);
    const threads = await document([...blas, "--workers", "2"]);
    const plain = await document(["run", config, "--out", out]);
    expect(inline).toMatchObject({ status: "done", reproducible: false });
    expect(inline.execution.variant).toBe("blas");
    expect(threads.ledger).toBe(inline.ledger);
    expect(threads.ledger).not.toBe(plain.ledger);
    expect(threads.metrics.test?.nll).toBeCloseTo(plain.metrics.test?.nll ?? NaN, 3);
    const report = readFileSync(join(threads.runDir, "report.json"), "utf8");
    const { execution } = ReportDocument.parse(JSON.parse(report));
    expect(execution.reasons).toEqual([expect.stringMatching(/BLAS.*ordered otherwise elsewhere/)]);
  });

  test("a grown run goes on with it", async () => {
    const config = writeExperiment(folder, { ...bag, name: "grown" });
    const run = await document(["run", config, "--out", out, "--backend", "blas"]);
    const grown = await document(["resume", run.runDir, "--members", "9"]);
    expect(grown.execution.variant).toBe("blas");
    expect(grown.tasks).toEqual({ total: 9, completed: 9, failed: 0 });
  });

  test("doctor names the library and its rate", async () => {
    const { stderr } = await manyfold(["doctor"]);
    expect(stderr).toMatch(/ok {2}blas +(OpenBLAS|MKL|Accelerate) \(.*, [\d.]+ GFLOP\/s/);
  });
});
