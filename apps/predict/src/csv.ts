import { encodeRows, inputsFromCells } from "@manyfold/data";
import { csvLine, predictionTable, withCoverage } from "@manyfold/ensemble";
import { streamCells } from "@manyfold/files";
import { ManyfoldError } from "@manyfold/protocol";
import type { Asked } from "./answer.ts";
import type { Served } from "./catalogue.ts";
import type { Limits } from "./limits.ts";
import { ordered, type Pool } from "./pool.ts";
import { predictSlice, windowOf } from "./predicting.ts";

/**
 * CSV in, CSV out, a slice at a time: what the client does not take is not predicted, and what is
 * not predicted is not read. The columns are those of `manyfold predict`.
 *
 * @param onRows hears of the number of rows of each slice
 * @throws ManyfoldError `input` at the first piece, or a later one, for a row that is wrong
 */
export async function* predictCsv(
  body: AsyncIterable<Uint8Array>,
  served: Served,
  {
    pool,
    asked,
    limits,
    onRows,
  }: {
    readonly pool: Pool | null;
    readonly asked: Asked;
    readonly limits: Limits;
    readonly onRows: (rows: number) => void;
  },
): AsyncGenerator<string> {
  const { preprocessing } = served.ensemble.manifest;
  const deadline = performance.now() + limits.csvMilliseconds;
  const slices = async function* () {
    let rows = 0;
    const cut = { rows: served.step, record: limits.csvRecord };
    for await (const cells of streamCells(body, "body", cut)) {
      rows += cells.rows.length;
      if (rows > limits.csvRows || performance.now() > deadline) throw tooMuch(limits);
      yield encodeRows(preprocessing, inputsFromCells(preprocessing, cells));
    }
  };
  const run = (x: Float32Array) => predictSlice(served, pool, x, asked.members);
  let first = 0;
  for await (const prediction of ordered(slices(), run, windowOf(pool))) {
    const { target, heads } = preprocessing;
    const own = withCoverage(served.ensemble.manifest, prediction, asked.coverage);
    const table = predictionTable(target, own, { ...asked, first, heads });
    let text = first === 0 ? `${csvLine(table.header)}\n` : "";
    for (const row of table.rows()) text += `${csvLine(row)}\n`;
    first += prediction.rows;
    onRows(prediction.rows);
    yield text;
  }
}

function tooMuch({ csvRows, csvMilliseconds }: Limits): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: "body",
    condition: `at most ${csvRows} rows, predicted within ${csvMilliseconds / 1000} s`,
    help: "Send the rows in several requests.",
  });
}
