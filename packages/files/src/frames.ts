import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

/*
 * A frame is what one commit wrote: marker (4 bytes), length of the payload, number of records and
 * CRC-32 of these two numbers and the payload (uint32 each, little-endian), then the payload: a line
 * of JSON per record. One frame per commit, so that a torn write is always the last frame.
 */

/** Begins a frame; its first byte occurs in no UTF-8 text, so no payload can hold a marker. */
const MARKER = Buffer.from([0xf5, 0x4d, 0x46, 0x4a]);
const HEAD = 16;
const CHUNK = 2 ** 20;

export interface Frame {
  readonly offset: number;
  /** Offset after it. */
  readonly end: number;
  readonly records: number;
  readonly payload: Uint8Array;
}

/** The frame of some records' JSON texts. */
export function encodeFrame(records: readonly string[]): Buffer {
  const payload = Buffer.from(records.join("\n"));
  const frame = Buffer.alloc(HEAD + payload.length);
  MARKER.copy(frame);
  frame.writeUInt32LE(payload.length, 4);
  frame.writeUInt32LE(records.length, 8);
  frame.writeUInt32LE(checksum(frame.subarray(4, 12), payload), 12);
  payload.copy(frame, HEAD);
  return frame;
}

function checksum(numbers: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(numbers)) >>> 0;
}

export interface ByteReader {
  readonly size: number;
  /** The bytes from `offset` on, `count` of them or as many as the file has. */
  read(offset: number, count: number): Promise<Buffer>;
}

/** Buffered reads of a file at any place; reading forward costs one system call per mebibyte. */
export function byteReader(file: FileHandle, size: number): ByteReader {
  let buffer = Buffer.alloc(0);
  let start = 0;
  const read = async (offset: number, count: number) => {
    const wanted = Math.max(0, Math.min(count, size - offset));
    if (offset < start || offset + wanted > start + buffer.length) {
      const length = Math.max(0, Math.min(Math.max(wanted, CHUNK), size - offset));
      const next = Buffer.alloc(length);
      let at = 0;
      while (at < length) {
        const { bytesRead } = await file.read(next, at, length - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      buffer = next.subarray(0, at);
      start = offset;
    }
    return buffer.subarray(offset - start, offset - start + wanted);
  };
  return { size, read };
}

/** The frame at an offset, or undefined where the bytes there are none (or not all of one). */
async function frameAt(bytes: ByteReader, offset: number): Promise<Frame | undefined> {
  const head = await bytes.read(offset, HEAD);
  if (head.length < HEAD || !head.subarray(0, 4).equals(MARKER)) return undefined;
  const length = head.readUInt32LE(4);
  const records = head.readUInt32LE(8);
  const sum = head.readUInt32LE(12);
  // Before anything is read: a damaged length may be of any size.
  if (length > bytes.size - offset - HEAD) return undefined;
  const payload = await bytes.read(offset + HEAD, length);
  if (checksum(head.subarray(4, 12), payload) !== sum) return undefined;
  return { offset, end: offset + HEAD + length, records, payload };
}

/** The frames from an offset on, up to the first bytes that are none. */
export async function* framesFrom(bytes: ByteReader, offset: number): AsyncGenerator<Frame> {
  for (let at = offset; ;) {
    const frame = await frameAt(bytes, at);
    if (frame === undefined) return;
    yield frame;
    at = frame.end;
  }
}

/** The first whole frame anywhere after an offset; what lies before it is then damaged, not torn. */
export async function nextFrame(bytes: ByteReader, offset: number): Promise<Frame | undefined> {
  for (let at = offset; ;) {
    const piece = await bytes.read(at, CHUNK);
    if (piece.length < HEAD) return undefined;
    const found = piece.indexOf(MARKER);
    if (found < 0) {
      at += piece.length - (MARKER.length - 1);
      continue;
    }
    const frame = await frameAt(bytes, at + found);
    if (frame !== undefined) return frame;
    at += found + 1;
  }
}
