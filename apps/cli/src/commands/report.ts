import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { writeFileAtomic } from "@manyfold/files";
import { ManyfoldError, ReportDocument } from "@manyfold/protocol";
import { runPaths } from "../run-folder.ts";
import { print, tell } from "../terminal.ts";

export function registerReport(program: Command): void {
  program
    .command("report")
    .description("render a run's report.html again, and say where it is")
    .argument("<run>", "the run's folder")
    .option("--json", "print report.json")
    .addHelpText("after", "\nExample:\n  manyfold report runs/iris-tiny-20260101-120000-1a2b\n")
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const paths = runPaths(folder);
      const report = await readReport(paths.report);
      if (json) return print(JSON.stringify(report));
      const { renderReport } = await import("@manyfold/report");
      await writeFileAtomic(paths.page, renderReport(report));
      tell(paths.page);
    });
}

async function readReport(path: string): Promise<ReportDocument> {
  const text = await readFile(path, "utf8").catch(() => {
    throw new ManyfoldError({
      code: "input",
      path,
      condition: "the report of a finished run",
      got: "no such file",
      help: "manyfold resume brings a stopped run to its end, and its report with it.",
    });
  });
  try {
    return ReportDocument.parse(JSON.parse(text));
  } catch {
    throw new ManyfoldError({
      code: "input",
      path,
      condition: "a report that this version of manyfold wrote",
      got: "another document",
    });
  }
}
