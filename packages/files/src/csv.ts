import { isUtf8 } from "node:buffer";
import { rawTable, type Cells, type RawTable } from "@manyfold/data";
import { ManyfoldError, show, type DataSpec, type SideHead } from "@manyfold/protocol";
import { CsvError, parse } from "csv-parse/sync";
import { hashOf } from "./hash.ts";
import { readInput } from "./input-file.ts";

/**
 * A CSV file as typed columns.
 *
 * @param path as people wrote it: errors name it
 * @param heads the model's further heads
 * @throws ManyfoldError naming file, line and column
 */
export async function readCsv(
  path: string,
  spec: DataSpec,
  heads?: readonly SideHead[],
): Promise<RawTable> {
  return rawTable(await readCells(path), spec, heads);
}

/** A CSV file as text cells; see {@link parseCsv}. */
export async function readCells(path: string): Promise<Cells> {
  return parseCsv(await readInput(path), path);
}

/**
 * CSV text as cells: UTF-8 (a byte order mark is passed over), a header row with a different name
 * per column, quoted fields, any line ends, empty lines passed over. The delimiter is the one of
 * comma, semicolon and tab that the header row has most of.
 *
 * @param source what errors call the text: the file's path
 */
export function parseCsv(bytes: Uint8Array, source: string): Cells {
  const complain = (line: number, condition: string, got: string, help: string) => {
    const path = line > 0 ? `${source}:${line}` : source;
    return new ManyfoldError({ code: "input", path, condition, got, help });
  };
  if (!isUtf8(bytes)) {
    const sixteen = (bytes[0] === 0xff && bytes[1] === 0xfe) || bytes[0] === 0xfe;
    const got = sixteen ? "UTF-16" : "other bytes";
    throw complain(0, "text in UTF-8", got, 'Save it as "CSV UTF-8", with commas.');
  }
  const lines: number[] = [];
  let records: string[][];
  try {
    records = parse(bytes, {
      ...PARSING,
      delimiter: delimiterOf(bytes),
      max_record_size: LONGEST_RECORD,
      on_record: (record: string[], { lines: last }) => {
        lines.push(last);
        return record;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw complain(
      typeof error["lines"] === "number" ? error["lines"] : 0,
      "a CSV record",
      quotingOf(error.code, LONGEST_RECORD),
      'A field with quotes in it is written "like ""this""".',
    );
  }
  const [first, ...rows] = records;
  if (first === undefined) {
    throw complain(0, "a CSV file with a header row", "an empty file", "Is it the right file?");
  }
  const header = first.map((name) => name.trim());
  checkHeader(header, complain);
  const rowLines = Uint32Array.from(rows, (row, i) => beginning(row, lines[i + 1] ?? 0));
  for (const [i, row] of rows.entries()) {
    if (row.length === header.length) continue;
    throw complain(
      rowLines[i] ?? 0,
      `a row of ${header.length} cells, as the header`,
      `${row.length}`,
      "Put a cell that holds the delimiter in quotes; leave an empty cell for a missing value.",
    );
  }
  if (rows.length === 0) {
    throw complain(0, "a CSV file with rows below its header", "none", "Is it the right file?");
  }
  return { source, hash: hashOf(bytes), header, rows, lines: rowLines };
}

/** How CSV is read, whole or in pieces. */
export const PARSING = {
  bom: true,
  record_delimiter: ["\r\n", "\n", "\r"],
  skip_empty_lines: true,
  // Checked by the caller, whose complaint can say more.
  relax_column_count: true,
};

const LONGEST_RECORD = 64 * 2 ** 20;

/** What is wrong with a record, by the parser's code. */
export function quotingOf(code: string, longest: number): string {
  const said: Readonly<Record<string, string>> = {
    CSV_QUOTE_NOT_CLOSED: "a quote that is not closed",
    INVALID_OPENING_QUOTE: "a quote in the middle of a field",
    CSV_INVALID_CLOSING_QUOTE: "text after a closing quote",
    CSV_MAX_RECORD_SIZE: `a record of more than ${longest / 2 ** 20} MiB`,
  };
  return said[code] ?? code;
}

export function checkHeader(
  header: readonly string[],
  complain: (line: number, condition: string, got: string, help: string) => ManyfoldError,
): void {
  const seen = new Map<string, number>();
  for (const [i, name] of header.entries()) {
    const column = `column ${i + 1}`;
    if (name === "") {
      throw complain(1, `a header with a name for each column`, `none for ${column}`, NAMES);
    }
    const before = seen.get(name);
    if (before !== undefined) {
      const got = `${show(name)} for column ${before} and ${column}`;
      throw complain(1, "a header with a different name for each column", got, NAMES);
    }
    seen.set(name, i + 1);
  }
}

const NAMES = "The first row names the columns.";

/** The line a record begins on: the one it ends on, less the line ends inside quoted fields. */
export function beginning(record: readonly string[], last: number): number {
  let breaks = 0;
  for (const field of record) {
    for (let at = field.indexOf("\n"); at >= 0; at = field.indexOf("\n", at + 1)) breaks++;
  }
  return last - breaks;
}

/** The delimiter that occurs most outside quotes in the first line; a comma where none does. */
export function delimiterOf(bytes: Uint8Array): string {
  const counts = { ",": 0, ";": 0, "\t": 0 };
  let quoted = false;
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (character === '"') quoted = !quoted;
    if (quoted) continue;
    if (character === "\n" || character === "\r") {
      if (counts[","] + counts[";"] + counts["\t"] > 0) break;
    } else if (character === "," || character === ";" || character === "\t") {
      counts[character]++;
    }
  }
  if (counts[";"] > counts[","] && counts[";"] >= counts["\t"]) return ";";
  return counts["\t"] > counts[","] ? "\t" : ",";
}
