import type { Command } from "commander";
import type { ClusterFlags } from "../cluster.ts";
import type { ExecutorName } from "../executors.ts";
import type { LogFlags } from "../log.ts";
import { wholeNumber } from "../whole-number.ts";
import { resumeRun } from "../session.ts";
import { trainingOptions } from "./run.ts";

interface ResumeFlags extends ClusterFlags, LogFlags {
  out: string;
  executor: ExecutorName;
  workers: number;
  members?: number;
  trials?: number;
  takeOver?: boolean;
  profile?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function registerResume(program: Command): void {
  trainingOptions(
    program
      .command("resume")
      .description("go on with a run that was stopped, or grow a finished one")
      .argument("<run>", "the run's folder; with --executor nats also its id"),
  )
    .option("--out <dir>", "parent of the folder that is made for an id", "runs")
    .option("--members <n>", "grow the ensemble to n members", wholeNumber("--members", 1, 100_000))
    .option("--trials <n>", "go on to n trials", wholeNumber("--trials", 1, 1_000_000))
    .option("--take-over", "shut out the coordinator that a run on a cluster has")
    .addHelpText(
      "after",
      `
Examples:
  manyfold resume runs/digits-bagging-20260101-120000-1a2b
  manyfold resume runs/digits-bagging-20260101-120000-1a2b --members 64
  manyfold resume digits-bagging-20260101-120000-1a2b --executor nats --servers nats://head:4222

What was done is not done again; a finished run just prints its result. A run on a cluster has one
coordinator at a time: one that was killed is waited for 10 s, one that lives is named and left alone.
`,
    )
    .action(async (folder: string, flags: ResumeFlags) => {
      process.exitCode = await resumeRun(folder, flags);
    });
}
