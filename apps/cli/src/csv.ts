import { csvLine } from "@manyfold/ensemble";
import { writeFileAtomic } from "@manyfold/files";

/** Characters that a piece of a CSV text has, more or less. */
const PIECE = 2 ** 20;

/** A CSV text in pieces: a table of many members is longer than the longest string there can be. */
export function* csvPieces(
  header: readonly string[],
  rows: Iterable<readonly string[]>,
): Generator<string> {
  let text = `${csvLine(header)}\n`;
  for (const row of rows) {
    text += `${csvLine(row)}\n`;
    if (text.length < PIECE) continue;
    yield text;
    text = "";
  }
  yield text;
}

/** Writes a CSV file, whole or not at all. */
export async function writeCsv(
  path: string,
  header: readonly string[],
  rows: Iterable<readonly string[]>,
): Promise<void> {
  await writeFileAtomic(path, csvPieces(header, rows));
}
