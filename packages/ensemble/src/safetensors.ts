import { canonicalJson, ManyfoldError, show } from "@manyfold/protocol";

/** A float32 tensor, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What the header says of a tensor. */
interface TensorHeader {
  readonly dtype: "F32";
  readonly shape: readonly number[];
  /** First byte and byte after the last, counted from the end of the header. */
  readonly data_offsets: readonly [number, number];
}

/** Largest header that is read: a hundred thousand tensors and more. */
const LARGEST_HEADER = 100_000_000;

/** Bytes before the header: its length, an unsigned little-endian 64-bit number. */
const PREFIX = 8;

/**
 * Writes tensors in the safetensors layout: the header's length, a JSON header `{ name: { dtype,
 * shape, data_offsets } }` padded with spaces to a multiple of 8 bytes, then the values, little
 * endian, one tensor after the other without gaps. Tensors lie in the order of their names and
 * nothing else is in the file: equal tensors give equal bytes.
 *
 * @example
 * encodeSafetensors(new Map([["bias", { shape: [2], values: Float32Array.of(1, 2) }]]));
 */
export function encodeSafetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array<ArrayBuffer> {
  const entries = [...tensors].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  let end = 0;
  const header = new Map<string, TensorHeader>();
  for (const [name, { shape, values }] of entries) {
    const begin = end;
    end += values.length * 4;
    header.set(name, { dtype: "F32", shape: [...shape], data_offsets: [begin, end] });
  }
  const text = new TextEncoder().encode(canonicalJson(Object.fromEntries(header)));
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX + length + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, PREFIX, PREFIX + length);
  bytes.set(text, PREFIX);
  let at = PREFIX + length;
  for (const [, { values }] of entries) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

/**
 * Reads what {@link encodeSafetensors} wrote, and nothing looser: every tensor float32, its size
 * that of its shape, the values without gaps, overlaps or rest. Hostile bytes are refused before
 * anything of the size they claim is allocated.
 *
 * @param path names the file in errors
 * @throws ManyfoldError `artifact`
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  path = "weights.safetensors",
): Map<string, Tensor> {
  const refuse = (condition: string, got?: string): ManyfoldError =>
    new ManyfoldError({
      code: "artifact",
      path,
      condition,
      ...(got === undefined ? {} : { got }),
      help: "The file is truncated, damaged or not of ours; copy or train it again.",
    });
  if (bytes.length < PREFIX) throw refuse("at least 8 bytes long", show(bytes.length));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getBigUint64(0, true);
  const limit = Math.min(bytes.length - PREFIX, LARGEST_HEADER);
  if (headerLength > BigInt(limit)) {
    throw refuse(`a header of at most ${limit} bytes`, show(headerLength));
  }
  const start = PREFIX + Number(headerLength);
  const header = parseHeader(bytes.subarray(PREFIX, start));
  if (header === null) throw refuse("a JSON header of float32 tensors with shape and offsets");

  const available = bytes.length - start;
  const tensors = new Map<string, Tensor>();
  let end = 0;
  for (const [name, { shape, data_offsets: offsets }] of inFileOrder(header)) {
    const size = 4 * shape.reduce((product, length) => product * length, 1);
    const where = `tensor ${show(name)}`;
    if (offsets[0] !== end) {
      throw refuse(`without gap or overlap before ${where} (at ${end})`, show(offsets[0]));
    }
    if (offsets[1] - offsets[0] !== size) {
      throw refuse(`${size} bytes long at ${where}, as its shape`, show(offsets[1] - offsets[0]));
    }
    if (offsets[1] > available) {
      throw refuse(`at least ${start + offsets[1]} bytes long`, show(bytes.length));
    }
    end = offsets[1];
    const values = new Float32Array(size / 4);
    for (let i = 0; i < values.length; i++) {
      values[i] = view.getFloat32(start + offsets[0] + 4 * i, true);
    }
    tensors.set(name, { shape, values });
  }
  if (end !== available) throw refuse(`${start + end} bytes long`, show(bytes.length));
  return tensors;
}

/** The header's tensors; null where it is anything else. A map: no name is special. */
function parseHeader(bytes: Uint8Array): Map<string, TensorHeader> | null {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
  if (!isRecord(json)) return null;
  const header = new Map<string, TensorHeader>();
  for (const [name, value] of Object.entries(json)) {
    // Other writers may say something about the file here; it changes no tensor.
    if (name === "__metadata__") continue;
    if (!isRecord(value)) return null;
    const { dtype, shape, data_offsets: offsets } = value;
    if (dtype !== "F32" || !isSizes(shape) || !isSizes(offsets)) return null;
    const [begin, end, ...rest] = offsets;
    if (begin === undefined || end === undefined || rest.length > 0) return null;
    header.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  return header;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** By first byte, then last (empty tensors first), then name. */
function inFileOrder(header: ReadonlyMap<string, TensorHeader>): [string, TensorHeader][] {
  return [...header].sort(
    ([nameA, a], [nameB, b]) =>
      a.data_offsets[0] - b.data_offsets[0] ||
      a.data_offsets[1] - b.data_offsets[1] ||
      (nameA < nameB ? -1 : 1),
  );
}
