import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { Option } from "commander";
import { readConfig } from "../config.ts";
import type { ContestFlags } from "../contest.ts";
import { runContest } from "../contest.ts";
import { wholeNumber } from "../whole-number.ts";

export function registerCompare(program: Command): void {
  program
    .command("compare")
    .description("dropout against bagging: six ways on the same data and training, over seeds")
    .argument("<config>", "a YAML file whose model has dropout layers and whose data a test split")
    .option("--seeds <n>", "seeds, from the configuration's on", wholeNumber("--seeds", 1, 1000), 5)
    .option(
      "--members <n>",
      "members of each ensemble (default: those of the configuration's, or 16)",
      wholeNumber("--members", 2, 100_000),
    )
    .option("--out <dir>", "parent of the folder compare-NAME", "runs")
    .addOption(
      new Option("--executor <where>", "where tasks run")
        .choices(["inline", "threads"])
        .default("threads"),
    )
    .option(
      "--workers <n>",
      "tasks at once",
      wholeNumber("--workers", 1, 1024),
      availableParallelism(),
    )
    .option("--json", "print one JSON document on stdout and nothing else")
    .option("--quiet", "no progress")
    .addHelpText(
      "after",
      `
One net; a dropout net with its weights scaled; the average of its thinned nets; a bag; nets that
differ by their starts alone; a bag of dropout nets. All nets are trained alike; v, c, k, error,
calibration and core-seconds come side by side, with 95 % intervals over the seeds, as a table, as
contest.json and as a page. A comparison that was stopped goes on where it was.

Example:
  manyfold compare configs/digits-compare.yaml --seeds 5
`,
    )
    .action(async (path: string, flags: ContestFlags) => {
      process.exitCode = await runContest(await readConfig(path), flags);
    });
}
