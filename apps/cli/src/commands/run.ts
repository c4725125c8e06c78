import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { Option } from "commander";
import type { ClusterFlags } from "../cluster.ts";
import { clusterOptions } from "../cluster.ts";
import { readConfig } from "../config.ts";
import type { ExecutorName } from "../executors.ts";
import { executors } from "../executors.ts";
import type { LogFlags } from "../log.ts";
import { logOptions } from "../log.ts";
import { wholeNumber } from "../whole-number.ts";
import { beginRun } from "../session.ts";

interface RunFlags extends ClusterFlags, LogFlags {
  executor: ExecutorName;
  workers: number;
  out: string;
  seed?: number;
  backend?: "wasm" | "js" | "blas";
  kernel?: "plain" | "fma";
  profile?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** Options of the commands that train. */
export function trainingOptions(command: Command): Command {
  return logOptions(clusterOptions(command), "silent")
    .addOption(
      new Option("--executor <where>", "where tasks run")
        .choices(Object.keys(executors))
        .default("threads"),
    )
    .option(
      "--workers <n>",
      "tasks at once",
      wholeNumber("--workers", 1, 1024),
      availableParallelism(),
    )
    .option("--profile", "measure where the time goes, and print it at the end")
    .option("--json", "print one JSON document on stdout and nothing else")
    .option("--quiet", "no progress and no summary");
}

export function registerRun(program: Command): void {
  trainingOptions(
    program
      .command("run")
      .description("run an experiment: train, combine, analyse, report")
      .argument("<config>", "a YAML file, see configs/"),
  )
    .option("--out <dir>", "parent of the run's new folder", "runs")
    .option("--seed <n>", "instead of the configuration's seed", wholeNumber("--seed", 0))
    .addOption(
      new Option(
        "--backend <name>",
        "kernels (default: wasm where the engine has it); blas takes the system's library, not to the bit",
      ).choices(["wasm", "js", "blas"]),
    )
    .addOption(
      new Option(
        "--kernel <form>",
        "plain runs on any machine; fma fuses multiply and add (default: fma where it does)",
      ).choices(["plain", "fma"]),
    )
    .addHelpText(
      "after",
      `
Examples:
  manyfold run configs/iris-tiny.yaml
  manyfold run configs/digits-bagging.yaml --workers 4 --seed 1
  manyfold run configs/digits-random.yaml --json > result.json
  manyfold run configs/digits-bagging.yaml --executor nats --servers nats://head:4222

Exit codes: 0 done, 1 some tasks failed, 2 usage or configuration, 3 environment, 130 interrupted.
`,
    )
    .action(async (path: string, flags: RunFlags) => {
      const config = await readConfig(path);
      process.exitCode = await beginRun(config, flags);
    });
}
