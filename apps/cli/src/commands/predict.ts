import type { Command } from "commander";
import { encodeRows, inputsFromCells } from "@manyfold/data";
import { openArtifact, predictionTable, withCoverage } from "@manyfold/ensemble";
import { readArtifact, readCells } from "@manyfold/files";
import { csvPieces, writeCsv } from "../csv.ts";
import { print, tell } from "../terminal.ts";
import { share, threshold } from "../threshold.ts";

interface PredictFlags {
  out?: string;
  members?: boolean;
  abstain?: number;
  coverage?: number;
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
    .option(
      "--abstain <threshold>",
      "a column that says where the ensemble abstains: a label less probable, a spread larger",
      threshold,
    )
    .option(
      "--coverage <share>",
      "share of rows whose interval or set should hold the truth; default what the experiment asked for",
      share,
    )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold predict runs/iris-tiny-20260101-120000-1a2b/artifact configs/data/iris.csv --out out.csv

Columns out: row (from 0), then for classes the label, a probability per class and the spread
(deviation over members of the label's probability); for values each target and its spread, and
where the networks predict distributions its variance and how much of that they predict themselves
(aleatoric; the rest is what they disagree about), in squared units; then intervals or sets where
the experiment asked for them; then the targets of model.heads, each in the same way.
`,
    )
    .action(async (folder: string, data: string, flags: PredictFlags) => {
      const { out, members, abstain, coverage, json } = flags;
      const { manifest, weights } = await readArtifact(folder);
      const ensemble = openArtifact(manifest, weights, folder);
      const cells = await readCells(data);
      const { preprocessing } = ensemble.manifest;
      const x = encodeRows(preprocessing, inputsFromCells(preprocessing, cells));
      const prediction = withCoverage(ensemble.manifest, ensemble.predict(x), coverage);
      const { header, rows } = predictionTable(preprocessing.target, prediction, {
        members: members === true,
        abstain,
        heads: preprocessing.heads,
      });
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
