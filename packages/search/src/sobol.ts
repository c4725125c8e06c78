import { fold, words, type Key } from "@manyfold/core";
import type { ConfigComplaint, Space } from "@manyfold/protocol";
import { allowed } from "./random.ts";
import { settingAt, unmoved, type SamplerRule } from "./sampler.ts";
import { DIRECTIONS } from "./sobol-directions.ts";
import { namesOf } from "./tree.ts";

const BITS = 32;

/** Dimensions of the quasi-random samplers. */
export const MOST_DIMENSIONS = DIRECTIONS.length + 1;

/**
 * Sobol's low-discrepancy sequence, trial n its point n, a dimension per parameter in the order of
 * their names: the first 2^m trials fill the space evenly, for every m.
 */
export const sobol: SamplerRule<{ readonly scramble: boolean }> = {
  adaptive: false,
  size: () => Infinity,
  begin: (premise, { scramble }) => {
    const { key, space } = premise;
    const ofSampler = fold(key, "sobol");
    const point = namesOf(space).map((_, dimension) =>
      sobolDimension(dimension, scramble ? fold(ofSampler, "dimension", dimension) : null),
    );
    return unmoved((trial) =>
      allowed(
        settingAt(space, (_, index) => point[index]?.(trial) ?? 0),
        premise,
        trial,
      ),
    );
  },
  complaints: (space) => dimensionComplaints(space, "sobol"),
};

/**
 * One coordinate of the sequence, from 0: its value in [0, 1) at an index.
 *
 * With a key it is scrambled by a random linear matrix and a digital shift (Matoušek 1998): each
 * value becomes uniform, and what makes the points even stays.
 */
export function sobolDimension(dimension: number, key: Key | null): (index: number) => number {
  const plain = directionsOf(dimension);
  const directions = key === null ? plain : scrambled(plain, key);
  const [shift = 0] = key === null ? [] : words(fold(key, "shift"), 1);
  return (index) => {
    // The Gray code of the index has the order of Antonov and Saleev.
    let gray = (index ^ (index >>> 1)) >>> 0;
    let point = shift;
    for (let bit = 0; gray !== 0; bit++, gray >>>= 1) {
      if (gray & 1) point ^= directions[bit] ?? 0;
    }
    return (point >>> 0) / 0x1_0000_0000;
  };
}

/** Direction numbers as binary fractions of {@link BITS} digits (Bratley and Fox 1988, eq. 2). */
function directionsOf(dimension: number): Uint32Array {
  const directions = new Uint32Array(BITS);
  const [coefficients = 0, ...integers] = DIRECTIONS[dimension - 1] ?? [];
  const degree = integers.length;
  for (let i = 0; i < BITS; i++) {
    if (degree === 0) directions[i] = 1 << (BITS - 1 - i);
    else if (i < degree) directions[i] = (integers[i] ?? 0) << (BITS - 1 - i);
    else {
      const first = directions[i - degree] ?? 0;
      let value = first ^ (first >>> degree);
      for (let k = 1; k < degree; k++) {
        if ((coefficients >>> (degree - 1 - k)) & 1) value ^= directions[i - k] ?? 0;
      }
      directions[i] = value;
    }
  }
  return directions;
}

/** The directions times a random lower triangular matrix with a diagonal of ones, over two elements. */
function scrambled(directions: Uint32Array, key: Key): Uint32Array {
  const random = words(fold(key, "matrix"), BITS);
  return directions.map((direction) => {
    let result = 0;
    for (let row = 0; row < BITS; row++) {
      const diagonal = (1 << (BITS - 1 - row)) >>> 0;
      // Digits above the diagonal's place count too, as drawn; those below do not.
      const above = row === 0 ? 0 : (random[row] ?? 0) & (-1 << (BITS - row));
      if (parity(direction & (above | diagonal))) result |= diagonal;
    }
    return result >>> 0;
  });
}

function parity(word: number): number {
  let folded = word ^ (word >>> 16);
  folded ^= folded >>> 8;
  folded ^= folded >>> 4;
  return (0x6996 >>> (folded & 15)) & 1;
}

/** A space with more parameters than the tables have dimensions. */
export function dimensionComplaints(space: Space, sampler: string): ConfigComplaint[] {
  const parameters = namesOf(space).length;
  if (parameters <= MOST_DIMENSIONS) return [];
  const condition = `an object with at most ${MOST_DIMENSIONS} parameters for sampler: ${sampler}`;
  return [{ path: ["search", "space"], at: "value", condition, got: `${parameters}` }];
}
