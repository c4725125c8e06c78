import { join } from "node:path";
import { type Command, Option } from "commander";
import { makeFolder, readCells, writeFileAtomic } from "@manyfold/files";
import { type AnalysisDocument, ManyfoldError, type ScoredRows } from "@manyfold/protocol";
import { analysisDocument } from "../analysis-document.ts";
import { curveText, fitCurve } from "../curve-table.ts";
import { memberTable } from "../member-table.ts";
import { print, tell } from "../terminal.ts";
import { VERSION } from "../version.ts";

/** What `--rows` may say of the rows. */
const ROWS = {
  test: "test",
  validation: "validation",
  "out-of-bag": "outOfBag",
} as const satisfies Record<string, ScoredRows>;

export function registerAnalyze(program: Command): void {
  program
    .command("analyze")
    .description("the error analysis of any members' predictions, trained here or anywhere")
    .argument("<table>", "a CSV file: a column with the truth, and a column per member; or a curve")
    .option("--target <column>", "column with the truth")
    .addOption(
      new Option(
        "--rows <kind>",
        "what rows these are; without it nothing is claimed of them",
      ).choices(Object.keys(ROWS)),
    )
    .option("--labels", "members' cells are classes, though they look like numbers")
    .option("--out <dir>", "folder for analysis.html and analysis.json")
    .option(
      "--error <column>",
      "instead: column with the error of so many members, to fit the law to",
    )
    .option("--k <column>", "column with the numbers of members of such a curve", "k")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Regression: every column named member_... is a member's prediction; without any such column, every
other column is. Several targets: --target NAME stands for the columns NAME.a, NAME.b, ..., and
member_1.a, member_1.b, ... are a member's predictions of them. Classes: member_NAME.CLASS holds the
probability that a member gives a class; or a member's column holds the class that it says, where the
truth is text or with --labels.

A curve: a row per number of members, with the error measured or published for it; the law
floor + slope/k is fitted to it.

Examples:
  manyfold analyze runs/iris-tiny-20260101-120000-1a2b/predictions.csv --target target
  manyfold analyze predictions.csv --target y --rows test --out analysis
  manyfold analyze configs/published/imagenet-deep-ensembles.csv --error brier
`,
    )
    .action(async (path: string, { target, error, k, rows, labels, out, json }: Options) => {
      if ((target === undefined) === (error === undefined)) {
        throw new ManyfoldError({
          code: "usage",
          path: "--target",
          condition: error === undefined ? "given" : "left out where --error is given",
          got: target ?? "nothing",
          help: "See manyfold analyze --help.",
        });
      }
      const cells = await readCells(path);
      if (error !== undefined) {
        const fit = fitCurve(cells, { k, error });
        return print(json ? JSON.stringify({ status: "done", fit }) : curveText(fit, { k, error }));
      }
      const on = rows === undefined ? "unknown" : ROWS[rows];
      const table = memberTable(cells, target ?? "", labels === true);
      const document = analysisDocument(cells, table, on);
      if (out !== undefined) await writeAnalysis(document, out);
      print(json ? JSON.stringify({ status: "done", ...document }) : analysisText(document));
    });
}

interface Options {
  readonly target?: string;
  readonly error?: string;
  readonly k: string;
  readonly rows?: keyof typeof ROWS;
  readonly labels?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

async function writeAnalysis(document: AnalysisDocument, folder: string): Promise<void> {
  await makeFolder(folder);
  await writeFileAtomic(join(folder, "analysis.json"), `${JSON.stringify(document, null, 2)}\n`);
  const { renderAnalysis } = await import("@manyfold/report");
  const page = join(folder, "analysis.html");
  await writeFileAtomic(page, renderAnalysis(document, VERSION));
  tell(page);
}

function analysisText({ analysis, metrics, observatory }: AnalysisDocument): string {
  const { k, v, c, rho, ensembleError, predictedError, unit, rows } = analysis;
  const { selective } = observatory;
  const scores = Object.entries(metrics).map(([name, value]) => `${name} ${short(Number(value))}`);
  return [
    `${k} members on ${rows} rows; errors in ${unit}`,
    `v               ${v}`,
    `c               ${c ?? "none"}`,
    `rho             ${rho ?? "none"}`,
    `v/k + (k-1)/k c ${predictedError}`,
    `measured        ${ensembleError}`,
    `their mean      ${scores.join(", ")}`,
    ...(selective
      ? [`AURC            ${short(selective.aurc)} (by chance ${short(selective.risk)})`]
      : []),
    ...analysis.sentences,
  ].join("\n");
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
