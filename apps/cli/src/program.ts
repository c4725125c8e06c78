import { Command } from "commander";
import { registerAnalyze } from "./commands/analyze.ts";
import { registerCancel } from "./commands/cancel.ts";
import { registerCompare } from "./commands/compare.ts";
import { registerDoctor } from "./commands/doctor.ts";
import { registerExplain } from "./commands/explain.ts";
import { registerGc } from "./commands/gc.ts";
import { registerKeys } from "./commands/keys.ts";
import { registerLecture } from "./commands/lecture.ts";
import { registerExport } from "./commands/export.ts";
import { registerPlan } from "./commands/plan.ts";
import { registerPredict } from "./commands/predict.ts";
import { registerPs } from "./commands/ps.ts";
import { registerReport } from "./commands/report.ts";
import { registerResume } from "./commands/resume.ts";
import { registerRun } from "./commands/run.ts";
import { registerRuns } from "./commands/runs.ts";
import { registerSchema } from "./commands/schema.ts";
import { registerServe } from "./commands/serve.ts";
import { registerTrials } from "./commands/trials.ts";
import { registerUi } from "./commands/ui.ts";
import { registerWhy } from "./commands/why.ts";
import { registerWorkers } from "./commands/workers.ts";
import { registerWorker } from "./commands/worker.ts";
import { VERSION } from "./version.ts";

/** Every command, in the order a newcomer meets them. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  registerRun,
  registerResume,
  registerPlan,
  registerReport,
  registerRuns,
  registerTrials,
  registerWhy,
  registerUi,
  registerPredict,
  registerServe,
  registerExport,
  registerWorker,
  registerWorkers,
  registerPs,
  registerCancel,
  registerGc,
  registerKeys,
  registerAnalyze,
  registerCompare,
  registerExplain,
  registerLecture,
  registerSchema,
  registerDoctor,
];

/** The command line of manyfold. */
export function createProgram(): Command {
  const program = new Command("manyfold")
    .description(
      "Train many neural networks, keep the best, average the rest, and see why the average wins.",
    )
    .version(VERSION)
    .exitOverride()
    // Said by main in the one form of errors, as text or as a document.
    .configureOutput({ outputError: () => undefined })
    .addHelpText(
      "after",
      `
Examples:
  manyfold run configs/iris-tiny.yaml          a first run, in seconds
  manyfold run configs/digits-bagging.yaml     a bag of 32 networks on all cores
  manyfold predict RUN_DIR/artifact new.csv    predictions with their spread
`,
    );
  for (const register of COMMANDS) register(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}
