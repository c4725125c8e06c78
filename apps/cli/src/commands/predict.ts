import type { Command } from "commander";
import { encodeRows, inputsFromCells } from "@manyfold/data";
import type { LoadedEnsemble, Prediction } from "@manyfold/ensemble";
import { openArtifact } from "@manyfold/ensemble";
import { readArtifact, readCells } from "@manyfold/files";
import type { FittedTarget } from "@manyfold/protocol";
import { csvPieces, writeCsv } from "../csv.ts";
import { print, tell } from "../terminal.ts";

interface PredictFlags {
  out?: string;
  members?: boolean;
  json?: boolean;
}

export function registerPredict(program: Command): void {
  program
    .command("predict")
    .description("predict the rows of a CSV file: CSV out, with the spread of the members per row")
    .argument("<artifact>", "an artifact's folder")
    .argument("<data>", "a CSV file with the artifact's input columns; others are passed over")
    .option("--out <file>", "write there instead of stdout")
    .option("--members", "a column per member too")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold predict runs/iris-tiny-20260101-120000-1a2b/artifact configs/data/iris.csv --out out.csv

Columns out: row (from 0), then for classes the label, a probability per class and the spread
(deviation over members of the label's probability); for values each target and its spread.
`,
    )
    .action(async (folder: string, data: string, { out, members, json }: PredictFlags) => {
      const { manifest, weights } = await readArtifact(folder);
      const ensemble = openArtifact(manifest, weights, folder);
      const cells = await readCells(data);
      const { preprocessing } = ensemble.manifest;
      const x = encodeRows(preprocessing, inputsFromCells(preprocessing, cells));
      const { header, rows } = tableOf(ensemble, ensemble.predict(x), members === true);
      if (out !== undefined) await writeCsv(out, header, rows());
      if (json) {
        const lines = [...rows()];
        print(
          JSON.stringify({
            status: "done",
            out: out ?? null,
            header,
            rows: out ? lines.length : lines,
          }),
        );
      } else if (out === undefined) {
        for (const piece of csvPieces(header, rows())) process.stdout.write(piece);
      } else {
        tell(`${cells.rows.length} rows predicted: ${out}`);
      }
    });
}

function tableOf(
  ensemble: LoadedEnsemble,
  prediction: Prediction,
  withMembers: boolean,
): { header: string[]; rows: () => Generator<string[]> } {
  const { target } = ensemble.manifest.preprocessing;
  const columns = COLUMNS[target.task];
  const { members } = prediction.members;
  const memberColumns = withMembers
    ? members.flatMap(({ member }) => namesOf(target).map((name) => `member_${member}.${name}`))
    : [];
  return {
    header: ["row", ...columns.header(target), ...memberColumns],
    *rows() {
      for (let row = 0; row < prediction.rows; row++) {
        const own = withMembers
          ? members.flatMap(({ values }) => slice(values, row, prediction.outputs))
          : [];
        yield [String(row), ...columns.cells(target, prediction, row), ...own];
      }
    },
  };
}

interface Columns {
  header(target: FittedTarget): string[];
  cells(target: FittedTarget, prediction: Prediction, row: number): string[];
}

const COLUMNS: { readonly [Task in FittedTarget["task"]]: Columns } = {
  classification: {
    header: (target) => ["label", ...namesOf(target).map((name) => `p.${name}`), "spread"],
    cells: (target, { values, labels, spread, outputs }, row) => [
      namesOf(target)[labels?.[row] ?? 0] ?? "",
      ...slice(values, row, outputs),
      String(spread[row]),
    ],
  },
  regression: {
    header: (target) => namesOf(target).flatMap((name) => [name, `${name}.spread`]),
    cells: (_, { values, spread, outputs }, row) =>
      slice(values, row, outputs).flatMap((value, output) => [
        value,
        String(spread[row * outputs + output]),
      ]),
  },
};

function namesOf(target: FittedTarget): readonly string[] {
  return target.task === "classification" ? target.classes : target.columns.map(({ name }) => name);
}

function slice(values: Float64Array, row: number, outputs: number): string[] {
  return Array.from(values.subarray(row * outputs, (row + 1) * outputs), String);
}
