import type { Command } from "commander";
import { analyse } from "@manyfold/ensemble";
import { readCells } from "@manyfold/files";
import { type ErrorAnalysis, ManyfoldError } from "@manyfold/protocol";
import { curveText, fitCurve } from "../curve-table.ts";
import { memberTable } from "../member-table.ts";
import { print } from "../terminal.ts";

export function registerAnalyze(program: Command): void {
  program
    .command("analyze")
    .description("the error analysis of any members' predictions, trained here or anywhere")
    .argument("<table>", "a CSV file: a column with the truth, and a column per member; or a curve")
    .option("--target <column>", "column with the truth")
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
probability that a member gives a class.

A curve: a row per number of members, with the error measured or published for it; the law
floor + slope/k is fitted to it.

Examples:
  manyfold analyze runs/iris-tiny-20260101-120000-1a2b/predictions.csv --target target
  manyfold analyze configs/published/imagenet-deep-ensembles.csv --error brier
`,
    )
    .action(async (path: string, { target, error, k, json }: Options) => {
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
      const { members, truth } = memberTable(cells, target ?? "");
      const analysis = analyse(members, truth, "test");
      print(json ? JSON.stringify({ status: "done", analysis }) : analysisText(analysis));
    });
}

interface Options {
  readonly target?: string;
  readonly error?: string;
  readonly k: string;
  readonly json?: boolean;
}

function analysisText(analysis: ErrorAnalysis): string {
  const { k, v, c, rho, ensembleError, predictedError, unit, rows } = analysis;
  return [
    `${k} members on ${rows} rows; errors in ${unit}`,
    `v               ${v}`,
    `c               ${c ?? "none"}`,
    `rho             ${rho ?? "none"}`,
    `v/k + (k-1)/k c ${predictedError}`,
    `measured        ${ensembleError}`,
    ...analysis.sentences,
  ].join("\n");
}
