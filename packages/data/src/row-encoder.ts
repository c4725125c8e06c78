import type { FittedColumn, Preprocessing } from "@manyfold/protocol";
import { cellEncoder } from "./encode.ts";
import { widthOf } from "./preprocessing.ts";

/** Writes a JSON value's encoding from `to` on; false where the value is not a plain one of its kind. */
type Write = (value: unknown, out: Float32Array, to: number) => boolean;

/**
 * Encodes JSON records one by one, without tables in between: the inputs of {@link encodeRows} to the
 * bit, for records that are as they should be. Anything else gets null, and no explanation: that is
 * for `inputsFromRecords` to give.
 *
 * @returns for records their inputs `[records, width]`, or null
 *
 * @example
 * const encode = rowEncoder(preprocessing);
 * const x = encode(rows) ?? encodeRows(preprocessing, inputsFromRecords(preprocessing, rows));
 */
export function rowEncoder(
  preprocessing: Preprocessing,
): (records: readonly unknown[]) => Float32Array | null {
  const { inputs, target, width } = preprocessing;
  const targets =
    target.task === "classification" ? [target.column] : target.columns.map(({ name }) => name);
  let at = 0;
  const cells = inputs.map((fitted) => {
    const cell = { name: fitted.name, write: WRITERS[fitted.kind](fitted as never), at };
    at += widthOf(fitted);
    return cell;
  });
  const encode = (record: unknown, out: Float32Array, row: number): boolean => {
    if (typeof record !== "object" || record === null || Array.isArray(record)) return false;
    const values = record as { readonly [name: string]: unknown };
    let names = Object.keys(values).length;
    if (names > inputs.length) {
      for (const name of targets) if (Object.hasOwn(values, name)) names -= 1;
    }
    // As many names as there are inputs, and each input among them: there is no other name.
    if (names !== inputs.length) return false;
    for (const { name, write, at: from } of cells) {
      const value = values[name];
      if (value === undefined || !write(value, out, row * width + from)) return false;
    }
    return true;
  };
  return (records) => {
    const out = new Float32Array(records.length * width);
    return records.every((record, row) => encode(record, out, row)) ? out : null;
  };
}

type Kind = FittedColumn["kind"];
type Of<K extends Kind> = Extract<FittedColumn, { kind: K }>;

const WRITERS: { readonly [K in Kind]: (fitted: Of<K>) => Write } = {
  numeric: (fitted) => {
    const write = cellEncoder.numeric(fitted);
    return (value, out, to) => {
      if (typeof value !== "number" && value !== null) return false;
      write(value ?? Number.NaN, out, to);
      return Number.isFinite(out[to]) && (value === null || Number.isFinite(value));
    };
  },
  boolean: (fitted) => {
    const write = cellEncoder.boolean(fitted);
    return (value, out, to) => {
      if (typeof value !== "boolean" && value !== null) return false;
      write(value === null ? -1 : Number(value), out, to);
      return true;
    };
  },
  categorical: (fitted) => {
    const write = cellEncoder.categorical(fitted);
    const position = new Map(fitted.levels.map((level, i) => [level, i]));
    return (value, out, to) => {
      if (typeof value !== "string" && value !== null) return false;
      write(value === null ? null : (position.get(value.trim()) ?? -1), out, to);
      return true;
    };
  },
};
