import type { Command } from "commander";
import { explainTrial } from "@manyfold/coordinator";
import { runPaths } from "../run-folder.ts";
import { readRun } from "../read-run.ts";
import { storyText } from "../story.ts";
import { print } from "../terminal.ts";
import { wholeNumber } from "../whole-number.ts";

export function registerWhy(program: Command): void {
  program
    .command("why")
    .description("why a trial of a search was proposed, went on, was stopped or tried again")
    .argument("<run>", "the run's folder")
    .argument("<trial>", "the trial's number", wholeNumber("trial", 0))
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold why runs/digits-asha-20260101-120000-1a2b 14

All of it is worked out again from the run's journal: what a decision knew, and so why it was made.
`,
    )
    .action(async (folder: string, trial: number, { json }: { json?: boolean }) => {
      const story = explainTrial(await readRun(runPaths(folder)), trial);
      print(json ? JSON.stringify({ status: "done", ...story }) : storyText(story));
    });
}
