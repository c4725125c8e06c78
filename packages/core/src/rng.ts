import { ManyfoldError, show } from "@manyfold/protocol";
import { normalQuantile } from "./math/normal.ts";

/**
 * Randomness is a key (two 32-bit words, plain data), and a draw is a pure function of key and
 * position. No stream is shared, so nothing that is drawn depends on what was drawn elsewhere, and
 * nothing drawn has to be stored: a bag, a mask or an initialisation is its key.
 *
 * @example
 * const member = fold(fold(key(7), "member", 3), "init");
 * const weights = normals(member, 10);
 */
export type Key = readonly [number, number];

const PHILOX_M0 = 0xd2511f53;
const PHILOX_M1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** Counter words 2 and 3 tell the uses of one key apart: a draw never repeats a fold. */
const DRAW = 0;
const FOLD = 0x666f6c64;

/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * Writes the four output words of counter `c0..c3` under key `k0, k1` into `out[at..at+3]`.
 */
export function philox4x32(
  out: Uint32Array,
  at: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(PHILOX_M0, c0);
    const low0 = Math.imul(PHILOX_M0, c0);
    const high1 = multiplyHigh(PHILOX_M1, c2);
    const low1 = Math.imul(PHILOX_M1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** The upper 32 bits of the 64-bit product of two unsigned words, from four 16-bit products. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16);
  const mid = middle >>> 0;
  const cross = Math.imul(aLow, bHigh) + (mid & 0xffff);
  return (Math.imul(aHigh, bHigh) + (mid >>> 16) + ((cross >>> 0) >>> 16)) | 0;
}

/**
 * The key of a seed.
 *
 * @param seed a whole number from 0 to 2^53 - 1
 */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ManyfoldError({
      code: "config",
      path: "seed",
      condition: "a whole number from 0 to 9007199254740991",
      got: show(seed),
      help: "Every random choice follows from it; any such number will do.",
    });
  }
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/**
 * A key of its own for the named part of what `parent` is for: `fold(member, "dropout", step)`.
 * Different names or indices give unrelated keys.
 *
 * @param index a whole number from 0 to 2^53 - 1 (default 0)
 */
export function fold(parent: Key, name: string, index = 0): Key {
  const [low, high] = hashName(name);
  const mixed = new Uint32Array(4);
  foldInto(mixed, parent[0], parent[1], low, high, index);
  return [mixed[0] as number, mixed[1] as number];
}

/** {@link fold} without allocation: the new key is in the first two of four words of `out`. */
export function foldInto(
  out: Uint32Array,
  k0: number,
  k1: number,
  nameLow: number,
  nameHigh: number,
  index: number,
): void {
  // Two blocks in sequence: first the name, then the index, so that all their bits count.
  philox4x32(out, 0, nameLow, nameHigh, 0, FOLD, k0, k1);
  const high = Math.floor(index / 2 ** 32);
  philox4x32(out, 0, index >>> 0, high, 1, FOLD, out[0] as number, out[1] as number);
}

/**
 * {@link fold} by name for many indices, without allocation: the function returns one and the same
 * array each time, with the key of that index in it.
 */
export function folds(parent: Key, name: string): (index: number) => Key {
  const [low, high] = hashName(name);
  const mixed = new Uint32Array(4);
  const folded: [number, number] = [0, 0];
  return (index) => {
    foldInto(mixed, parent[0], parent[1], low, high, index);
    folded[0] = mixed[0] as number;
    folded[1] = mixed[1] as number;
    return folded;
  };
}

/** FNV-1a over UTF-16 code units, with two bases: 64 bits from 32-bit products. */
export function hashName(name: string): [number, number] {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit ^ (low >>> 13), 0x01000193);
  }
  return [low >>> 0, high >>> 0];
}

/** `count` uniform 32-bit words; word i is word `i % 4` of the Philox block with counter `i >> 2`. */
export function words(from: Key, count: number): Uint32Array {
  const out = new Uint32Array(Math.ceil(count / 4) * 4);
  for (let at = 0, block = 0; at < count; at += 4, block++) {
    philox4x32(out, at, block, 0, 0, DRAW, from[0], from[1]);
  }
  return out.subarray(0, count);
}

/** `count` numbers uniform on [0, 1), 53 bits each, from words 2i and 2i + 1. */
export function uniforms(from: Key, count: number): Float64Array {
  const out = new Float64Array(count);
  // Block by block: all the words at once would take as much room again as what is drawn.
  const block = new Uint32Array(4);
  for (let i = 0; i < count; i += 2) {
    philox4x32(block, 0, i / 2, 0, 0, DRAW, from[0], from[1]);
    out[i] = uniformOf(block[0] as number, block[1] as number);
    if (i + 1 < count) out[i + 1] = uniformOf(block[2] as number, block[3] as number);
  }
  return out;
}

/** The upper 27 and 26 bits of two words, as a number on [0, 1). */
export function uniformOf(first: number, second: number): number {
  return ((first >>> 5) * 0x4000000 + (second >>> 6)) / 2 ** 53;
}

/** `count` standard normal numbers: the normal quantile of the midpoints of {@link uniforms}. */
export function normals(from: Key, count: number): Float64Array {
  const out = uniforms(from, count);
  // Half a step up keeps 0 out of the quantile without moving the mean.
  for (let i = 0; i < count; i++) out[i] = normalQuantile((out[i] as number) + 2 ** -54);
  return out;
}

const scratch = new Uint32Array(4);

/**
 * `count` whole numbers uniform on [0, below), without modulo bias (words beyond the largest
 * multiple of `below` are drawn again). Number i depends on the key and i alone.
 *
 * @param below a whole number from 1 to 2^32
 */
export function integers(from: Key, count: number, below: number): Uint32Array {
  const out = new Uint32Array(count);
  for (let i = 0; i < count; i++) out[i] = integerAt(from, i, below);
  return out;
}

/** Number i of {@link integers}. */
export function integerAt(from: Key, i: number, below: number): number {
  const limit = 2 ** 32 - (2 ** 32 % below);
  for (let attempt = 1; ; attempt++) {
    philox4x32(scratch, 0, i >>> 0, Math.floor(i / 2 ** 32), attempt, DRAW, from[0], from[1]);
    for (let word = 0; word < 4; word++) {
      const value = scratch[word] as number;
      if (value < limit) return value % below;
    }
  }
}

/** A permutation of 0..count-1 (Fisher and Yates), all equally likely. */
export function permutation(from: Key, count: number): Uint32Array {
  const out = new Uint32Array(count);
  for (let i = 0; i < count; i++) out[i] = i;
  for (let i = count - 1; i > 0; i--) {
    const j = integerAt(from, i, i + 1);
    const held = out[i] as number;
    out[i] = out[j] as number;
    out[j] = held;
  }
  return out;
}

/**
 * A Bernoulli mask: element i is 1 with probability `probability`, decided by word i of
 * {@link words}, so that a kernel can redraw any element alone.
 */
export function bernoulli(from: Key, count: number, probability: number): Uint8Array {
  const source = words(from, count);
  const out = new Uint8Array(count);
  const threshold = probability * 2 ** 32;
  for (let i = 0; i < count; i++) out[i] = (source[i] as number) < threshold ? 1 : 0;
  return out;
}
