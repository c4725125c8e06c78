import type { Command } from "commander";
import { trialRows } from "@manyfold/coordinator";
import { ManyfoldError } from "@manyfold/protocol";
import { csvPieces, writeCsv } from "../csv.ts";
import { runPaths } from "../run-folder.ts";
import { readRun } from "../read-run.ts";
import { print, tell } from "../terminal.ts";
import { trialTable } from "../trial-table.ts";

interface TrialsFlags {
  out?: string;
  json?: boolean;
}

export function registerTrials(program: Command): void {
  program
    .command("trials")
    .description("the trials of a search as CSV, finished or under way")
    .argument("<run>", "the run's folder")
    .option("--out <file>", "write there instead of stdout")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold trials runs/digits-random-20260101-120000-1a2b > trials.csv

Columns: trial, state, value, standard_error, epochs (over all its networks), attempts, seconds (of
work), started and ended (seconds since the run began), then a column per parameter. A finished
search has the same table in its folder as trials.csv.
`,
    )
    .action(async (folder: string, { out, json }: TrialsFlags) => {
      const state = await readRun(runPaths(folder));
      if (!state.experiment.search) {
        throw new ManyfoldError({
          code: "input",
          path: folder,
          condition: "a run with a search",
          got: "one without trials",
          help: "Its members are in report.json.",
        });
      }
      const trials = trialRows(state);
      const { header, rows } = trialTable(trials, state.labour.spans);
      if (out !== undefined) await writeCsv(out, header, rows);
      if (json) return print(JSON.stringify({ status: "done", out: out ?? null, trials }));
      if (out !== undefined) return tell(`${rows.length} trials: ${out}`);
      for (const piece of csvPieces(header, rows)) process.stdout.write(piece);
    });
}
