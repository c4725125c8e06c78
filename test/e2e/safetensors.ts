import { readFileSync } from "node:fs";

/*
 * A reader of safetensors files, written from the published layout alone and sharing nothing with
 * the one in packages/ensemble: https://huggingface.co/docs/safetensors ("Format"):
 *
 *   8 bytes   N, an unsigned little-endian 64-bit integer, the size of the header
 *   N bytes   a JSON text in UTF-8, beginning with "{", maybe padded with trailing spaces:
 *             { "NAME": { "dtype": "F32", "shape": [2, 3], "data_offsets": [BEGIN, END] }, ... },
 *             optionally "__metadata__" with a map of texts; offsets from the end of the header
 *   the rest  the values, row-major, little-endian, without holes
 */

export interface Read {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export function readSafetensors(path: string): Map<string, Read> {
  const file = readFileSync(path);
  const size = Number(file.readBigUInt64LE(0));
  const text = file.toString("utf8", 8, 8 + size);
  if (!text.startsWith("{")) throw new Error("The header does not begin with a brace.");
  const header = JSON.parse(text) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const data = file.subarray(8 + size);
  const tensors = new Map<string, Read>();
  const covered: [number, number][] = [];
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${name} is ${dtype}.`);
    const [begin, end] = offsets;
    const count = shape.reduce((product, length) => product * length, 1);
    if (end - begin !== 4 * count) throw new Error(`${name} is not of its shape's size.`);
    const values = Array.from({ length: count }, (_, i) => data.readFloatLE(begin + 4 * i));
    tensors.set(name, { shape, values });
    covered.push(offsets);
  }
  let at = 0;
  for (const [begin, end] of covered.toSorted(([a], [b]) => a - b)) {
    if (begin !== at) throw new Error(`There is a hole or an overlap at ${at}.`);
    at = end;
  }
  if (at !== data.length) throw new Error(`${data.length - at} bytes are nobody's.`);
  return tensors;
}
