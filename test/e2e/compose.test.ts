import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ExperimentInput } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { COMPOSED, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { document, manyfold } from "./program.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

/** Every way to train goes together with a search, a bag and any executor. */
describe.each(Object.entries<ExperimentInput>(COMPOSED))("%s", (name, experiment) => {
  test("under a search and bagging gives inline what it gives on threads", async () => {
    const config = writeExperiment(folder, { ...experiment, name });
    const run = (...options: string[]) =>
      document(["run", config, "--out", out, "--executor", ...options]);
    const here = await run("inline");
    const there = await run("threads", "--workers", "2");
    expect(here).toMatchObject({ status: "done", reproducible: true });
    expect(here.best?.value).toBeTypeOf("number");
    expect(there.ledger).toBe(here.ledger);
    const weights = [here, there].map(({ artifact }) =>
      readFileSync(join(artifact ?? "", "weights.safetensors")).toString("hex"),
    );
    expect(weights[1]).toBe(weights[0]);
    expect(here.heads?.map(({ target }) => target)).toEqual(
      experiment.model.heads?.map(({ target }) => target),
    );
    if (experiment.model.heads === undefined) return;
    const data = join(folder, name, experiment.data.source);
    const predicted = await manyfold(["predict", here.artifact ?? "", data]);
    expect(predicted).toMatchObject({ code: 0 });
    const [header = ""] = predicted.stdout.split("\n");
    for (const { target, task } of experiment.model.heads) {
      expect(header.split(",")).toContain(task === "regression" ? target : `${target}.label`);
    }
  });
});
