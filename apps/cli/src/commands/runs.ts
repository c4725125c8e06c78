import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { progressOf } from "@manyfold/coordinator";
import { ManyfoldError } from "@manyfold/protocol";
import { runPaths } from "../run-folder.ts";
import { readRun } from "../read-run.ts";
import { print, tell } from "../terminal.ts";

interface RunRow {
  run: string;
  folder: string;
  name: string;
  status: string;
  done: number;
  total: number;
  started: string;
}

export function registerRuns(program: Command): void {
  program
    .command("runs")
    .description("list the runs of a folder, oldest first")
    .argument("[dir]", "parent of the runs' folders", "runs")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  manyfold runs runs\n")
    .action(async (parent: string, { json }: { json?: boolean }) => {
      const rows = await listRuns(parent);
      if (json) return print(JSON.stringify({ status: "done", runs: rows }));
      if (rows.length === 0) return tell(`No runs in ${parent}.`);
      const width = Math.max(...rows.map(({ run }) => run.length));
      for (const { run, status, done, total, started } of rows) {
        print(`${run.padEnd(width)}  ${status.padEnd(11)}  ${done}/${total} tasks  ${started}`);
      }
    });
}

async function listRuns(parent: string): Promise<RunRow[]> {
  const names = await readdir(parent).catch(() => {
    throw new ManyfoldError({
      code: "input",
      path: parent,
      condition: "a folder of runs",
      got: "none that can be read",
      help: "manyfold run makes one; the default is runs.",
    });
  });
  const rows: RunRow[] = [];
  for (const name of names) {
    const paths = runPaths(join(parent, name));
    const isRun = await access(paths.journal).then(
      () => true,
      () => false,
    );
    if (!isRun) continue;
    rows.push(await rowOf(paths.folder));
  }
  return rows.sort((a, b) => (a.started < b.started ? -1 : a.started > b.started ? 1 : 0));
}

async function rowOf(folder: string): Promise<RunRow> {
  const paths = runPaths(folder);
  try {
    const state = await readRun(paths);
    const { done, total } = progressOf(state);
    return {
      run: state.run,
      folder,
      name: state.experiment.name,
      status: state.finished?.status ?? "unfinished",
      done,
      total,
      started: new Date(state.labour.started).toISOString(),
    };
  } catch (error) {
    if (!(error instanceof ManyfoldError)) throw error;
    return { run: folder, folder, name: "", status: "damaged", done: 0, total: 0, started: "" };
  }
}
