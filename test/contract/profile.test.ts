import { join } from "node:path";
import { expect, test } from "vitest";
import { bag, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document, manyfold } from "../e2e/program.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

test("run --profile says where the time went, and changes nothing", async () => {
  const run = ["run", writeExperiment(folder, bag), "--out", out];
  const { ledger, execution } = await document(run);
  expect(execution.profile).toBe(undefined);
  for (const where of [
    ["--executor", "inline"],
    ["--workers", "2"],
  ]) {
    const profiled = await document([...run, ...where, "--profile"]);
    expect(profiled.ledger).toBe(ledger);
    const { profile } = profiled.execution;
    if (profile === undefined) throw new Error("no profile");
    const { seconds, shares, journal, gigaflops, peak } = profile;
    expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    for (const part of Object.values(seconds)) expect(part).toBeGreaterThan(0);
    expect(journal.seconds).toBeGreaterThan(0);
    expect(gigaflops).toBeGreaterThan(0);
    expect(peak).toBeGreaterThan(0);
  }
  const { stderr } = await manyfold([...run, "--profile"]);
  expect(stderr).toMatch(
    /Where the time went[^]* gemm +[\d.]+ %[^]* journal +[\d.]+ %[^]*GFLOP\/s/,
  );
});

test("--profile is refused on a cluster", async () => {
  const run = ["run", writeExperiment(folder, bag), "--out", out, "--executor", "nats"];
  const { code, stderr } = await manyfold([...run, "--servers", "nats://localhost:1", "--profile"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/--profile must be left out with --executor nats/);
});
