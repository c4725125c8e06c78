import { join } from "node:path";
import { bag, writeExperiment } from "../e2e/experiments.ts";
import { startProcess } from "./machinery.ts";

/** Twenty tasks of a tenth of a second or two. */
export function chaosConfig(folder: string): string {
  return writeExperiment(folder, {
    ...bag,
    name: "chaos",
    train: { ...bag.train, epochs: 300, batch: 1 },
    ensemble: { bagging: { members: 24 } },
  });
}

/** What the experiment comes to in one process. */
export async function inlineLedger(
  program: string,
  config: string,
  folder: string,
): Promise<string> {
  const flags = ["--executor", "inline", "--json", "--out", join(folder, "inline")];
  const command = [process.execPath, join(program, "main.js"), "run", config, ...flags];
  const { stdout } = await startProcess("inline", command).ended;
  return (JSON.parse(stdout) as { ledger: string }).ledger;
}
