import { elementary, normalQuantile } from "@manyfold/core";
import type { Axis } from "./space.ts";

const { exp, log } = elementary;

/** Shares of the range between which the size of a step is drawn, evenly on the scale of logarithms. */
const [SMALLEST, LARGEST] = [0.001, 0.3];

/** Shares in [0, 1) that {@link neighbour} takes per point of some parameters. */
export const sharesOf = (parameters: number): number => 2 + 3 * parameters;

/**
 * A point near another one: few coordinates move, each by a normal step of one size, reflected at the
 * ends of its range; an unordered value is drawn again. Which coordinates move follows Tolson and
 * Shoemaker (2007, dynamically dimensioned search); that the size is drawn and not fixed needs no
 * knowledge of the scale on which a function bends.
 *
 * @param from coordinates of some parameters
 * @param chance of each coordinate to move
 * @param atLeastOne whether one moves in any case
 * @param shares from `at` on
 */
export function neighbour(
  axes: readonly Axis[],
  from: Float64Array,
  chance: number,
  atLeastOne: boolean,
  shares: ArrayLike<number>,
  at: number,
): Float64Array {
  const share = (place: number): number => shares[at + place] ?? 0;
  const size = exp(log(SMALLEST) + share(0) * log(LARGEST / SMALLEST));
  const always = atLeastOne ? Math.floor(share(1) * axes.length) : -1;
  return from.map((coordinate, j) => {
    const axis = axes[j];
    const place = 2 + 3 * j;
    if (axis === undefined || (share(place) >= chance && j !== always)) return coordinate;
    if (axis.kind === "unordered") return Math.floor(share(place + 1) * axis.high) + 0.5;
    const { low, high } = axis;
    const step = size * (high - low) * normalQuantile(Math.max(share(place + 1), 1e-12));
    let moved = coordinate + step;
    if (axis.kind === "spaced") {
      // At least to the next value: a smaller step would be none.
      const [first, last] = axis.cell(coordinate);
      const beyond = (last - first) * 1e-6;
      if (moved >= first && moved <= last) moved = step > 0 ? last + beyond : first - beyond;
    }
    if (moved < low) moved = Math.min(2 * low - moved, high);
    if (moved > high) moved = Math.max(2 * high - moved, low);
    return axis.kind === "spaced" ? axis.encode(axis.decode(moved)) : moved;
  });
}
