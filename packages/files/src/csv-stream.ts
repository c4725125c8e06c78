import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Cells } from "@manyfold/data";
import { ManyfoldError } from "@manyfold/protocol";
import { CsvError, parse } from "csv-parse";
import { beginning, checkHeader, delimiterOf, PARSING, quotingOf } from "./csv.ts";

/** Some consecutive rows of a CSV text. */
export type CellRows = Omit<Cells, "hash">;

export interface StreamOptions {
  /** Rows handed on at once (default 256). */
  readonly rows?: number;
  /** Characters of the longest record (default 1 MiB). */
  readonly record?: number;
}

/** What the parser gives for a record. */
interface Parsed {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

interface Line {
  readonly cells: string[];
  readonly line: number;
}

/**
 * A CSV text as it arrives, some rows at a time and never more than these in memory: what is not
 * taken is not read. The same rules and errors as {@link parseCsv}'s; rows before the one that is
 * wrong have been handed on by then.
 *
 * @param source what errors call the text
 *
 * @example
 * for await (const cells of streamCells(createReadStream("large.csv"), "large.csv")) use(cells);
 */
export async function* streamCells(
  bytes: AsyncIterable<Uint8Array>,
  source: string,
  { rows = 256, record = 2 ** 20 }: StreamOptions = {},
): AsyncGenerator<CellRows> {
  const complain = (line: number, condition: string, got: string, help: string) => {
    const path = line > 0 ? `${source}:${line}` : source;
    return new ManyfoldError({ code: "input", path, condition, got, help });
  };
  const pieces = texts(bytes, source)[Symbol.asyncIterator]();
  let head = "";
  for (let ended = false; !ended && !/[^\r\n][\r\n]/.test(head) && head.length <= record;) {
    const next = await pieces.next();
    if (next.done === true) ended = true;
    else head += next.value;
  }
  const parser = parse({
    ...PARSING,
    delimiter: delimiterOf(new TextEncoder().encode(head)),
    max_record_size: record,
    info: true,
  });
  const all = async function* () {
    yield head;
    yield* { [Symbol.asyncIterator]: () => pieces };
  };
  const feeding = pipeline(Readable.from(all()), parser);
  // The reader below hears of it too.
  feeding.catch(() => undefined);

  let header: readonly string[] | null = null;
  let taken: Line[] = [];
  let seen = false;
  const hand = (names: readonly string[]): CellRows => {
    const some = taken;
    taken = [];
    const lines = Uint32Array.from(some, ({ line }) => line);
    return { source, header: names, rows: some.map(({ cells }) => cells), lines };
  };
  try {
    for await (const item of parser) {
      const { record: cells, info } = item as Parsed;
      const line = beginning(cells, info.lines);
      if (header === null) {
        header = cells.map((name) => name.trim());
        checkHeader(header, complain);
        continue;
      }
      if (cells.length !== header.length) {
        throw complain(
          line,
          `a row of ${header.length} cells, as the header`,
          `${cells.length}`,
          "Put a cell that holds the delimiter in quotes; leave an empty cell for a missing value.",
        );
      }
      seen = true;
      if (taken.push({ cells, line }) >= rows) yield hand(header);
    }
    if (header === null) {
      throw complain(0, "CSV with a header row", "nothing", "The first row names the columns.");
    }
    if (!seen) throw complain(0, "CSV with rows below its header", "none", "Is it the right file?");
    if (taken.length > 0) yield hand(header);
  } catch (error) {
    if (error instanceof CsvError) {
      const line = typeof error["lines"] === "number" ? error["lines"] : 0;
      const got = quotingOf(error.code, record);
      throw complain(line, "a CSV record", got, 'A field with quotes is written "like ""this""".');
    }
    throw error;
  } finally {
    parser.destroy();
  }
}

/** Bytes as text. */
async function* texts(bytes: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decoded = (piece?: Uint8Array): string => {
    try {
      return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch {
      throw new ManyfoldError({
        code: "input",
        path: source,
        condition: "text in UTF-8",
        got: "other bytes",
        help: 'Save it as "CSV UTF-8", with commas.',
      });
    }
  };
  for await (const piece of bytes) yield decoded(piece);
  yield decoded();
}
