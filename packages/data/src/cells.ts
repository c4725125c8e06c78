import { ManyfoldError, show, type Hash } from "@manyfold/protocol";

/** A table of text cells, as a reader of files (or of anything else) hands it over. */
export interface Cells {
  /** Name for messages: the file's path. */
  readonly source: string;
  /** sha256 of the source's bytes. */
  readonly hash: Hash;
  /** Column names, all different. */
  readonly header: readonly string[];
  /** Cells by row, each row as long as the header. */
  readonly rows: readonly (readonly string[])[];
  /** Line of each row in the source, from 1. */
  readonly lines: ArrayLike<number>;
}

/** Where rows came from, so that an error can name one of them. */
export interface Origin {
  readonly source: string;
  /** Line of each row; left out for rows that came as records. */
  readonly lines?: ArrayLike<number> | undefined;
}

/** `data.csv:12 column age` for a file, `rows[3].age` for records. */
export function place(origin: Origin, row: number, column: string): string {
  if (origin.lines === undefined) return `${origin.source}[${row}].${column}`;
  return `${origin.source}:${origin.lines[row]} column ${printable(column)}`;
}

/** A column's name as an error prints it: quoted where it would not read as one word. */
export function printable(name: string): string {
  return /^[\p{L}\p{N}_.-]+$/u.test(name) ? name : show(name);
}

const MISSING: ReadonlySet<string> = new Set(["", "NA", "null"]);

/** Whether a trimmed cell says "no value": it is empty, NA or null. */
export function isMissing(cell: string): boolean {
  return MISSING.has(cell);
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;

/** Whether a trimmed cell reads as a number; NaN and the infinities are numbers nobody can use. */
export function looksNumeric(cell: string): boolean {
  return NUMBER.test(cell) || NOT_FINITE.test(cell);
}

/** The finite number a trimmed cell holds; `help` says what to do where it holds none. */
export function readNumber(cell: string, at: string, help: string): number {
  if (!looksNumeric(cell)) {
    throw new ManyfoldError({
      code: "input",
      path: at,
      condition: "a number",
      got: show(cell),
      help,
    });
  }
  return requireFinite(Number(cell), cell, at);
}

/** `value`, which must be finite; `found` is how it was written. */
export function requireFinite(value: number, found: unknown, at: string): number {
  if (Number.isFinite(value)) return value;
  throw new ManyfoldError({
    code: "input",
    path: at,
    condition: "finite",
    got: show(found),
    help: "Leave a cell empty (null in JSON) where a value is missing.",
  });
}

/** Words that make a column boolean by themselves. */
const PLAIN_WORDS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["false", false],
  ["yes", true],
  ["no", false],
]);

/** Words that a column declared boolean may hold besides: too common elsewhere to infer from. */
const WORDS: ReadonlyMap<string, boolean> = new Map([
  ...PLAIN_WORDS,
  ["t", true],
  ["f", false],
  ["y", true],
  ["n", false],
  ["on", true],
  ["off", false],
  ["1", true],
  ["0", false],
]);

/** Whether a trimmed cell is true, false, yes or no, in any case. */
export function looksBoolean(cell: string): boolean {
  return PLAIN_WORDS.has(cell.toLowerCase());
}

/** The truth value a trimmed cell holds. */
export function readBoolean(cell: string, at: string): boolean {
  const value = WORDS.get(cell.toLowerCase());
  if (value !== undefined) return value;
  throw new ManyfoldError({
    code: "input",
    path: at,
    condition: "true or false",
    got: show(cell),
    help: "Also known: yes, no, t, f, y, n, on, off, 1, 0, in any case.",
  });
}

/** Orders texts by UTF-16 code unit: the same on every machine, whatever its locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
