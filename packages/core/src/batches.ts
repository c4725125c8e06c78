import type { Values } from "./kernels/kernels.ts";
import type { Network } from "./network.ts";

/** Where the rows of a training come from. */
export interface RowSource {
  readonly network: Network;
  /** `[n, columns]`. */
  readonly x: Float32Array;
  /** `[n, targets]`; the class index for a classification. */
  readonly y: Float32Array;
  /** `[n, sides]`, the targets of the network's further heads: a class index, or a value. */
  readonly sides?: Float32Array | undefined;
  /** Columns of x that are the network's inputs; all in their order without it. */
  readonly features?: Uint32Array | undefined;
}

/**
 * Copies rows to where a program reads them: `order[from..to)` are positions in `rows`, which are
 * row numbers of the source.
 */
export type Gather = (
  rows: Uint32Array,
  order: Uint32Array,
  from: number,
  to: number,
  x: Float32Array,
  y: Float32Array,
) => void;

/** Chooses the copying loops once; they allocate nothing. */
export function gatherFrom(source: RowSource): Gather {
  const { network, x, y, features } = source;
  const { inputs, targets, task } = network;
  const columns = Math.round(x.length / rowCount(source));
  const oneHot = task === "classification" && network.ownTargets > 1;
  const putSides = network.sides.length > 0 ? sidesFrom(source) : null;
  return (rows, order, from, to, xOut, yOut) => {
    if (features === undefined) copyRows(x, columns, rows, order, from, to, xOut);
    else copyColumns(x, columns, features, rows, order, from, to, xOut, inputs);
    if (putSides !== null) putSides(rows, order, from, to, yOut);
    else if (oneHot) oneHotRows(y, rows, order, from, to, yOut, targets);
    else copyRows(y, targets, rows, order, from, to, yOut);
  };
}

/**
 * Copies the weights of `order[from..to)`, positions in `rows`, to where a program reads them; 1 for
 * a row beyond the last that has one.
 */
export function gatherWeights(
  weights: Float32Array,
  rows: Uint32Array,
  order: Uint32Array,
  from: number,
  to: number,
  out: Values,
): void {
  for (let i = from; i < to; i++) out[i - from] = weights[rows[order[i]!]!] ?? 1;
}

/** Rows of the source: a classification stores one class index a row. */
export function rowCount({ network, y }: Pick<RowSource, "network" | "y">): number {
  return y.length / storedTargets(network);
}

/** Columns of the first head's targets as a source has them. */
function storedTargets({ task, ownTargets }: Network): number {
  return task === "classification" ? 1 : ownTargets;
}

/** Targets of all heads, one after the other in each row. */
function sidesFrom({ network, y, sides = new Float32Array(0) }: RowSource) {
  const stored = storedTargets(network);
  const count = network.sides.length;
  return (rows: Uint32Array, order: Uint32Array, from: number, to: number, out: Float32Array) => {
    out.fill(0, 0, (to - from) * network.targets);
    let at = 0;
    const put = (task: Network["task"], width: number, own: Float32Array): void => {
      if (task === "classification" && width > 1) out[at + own[0]!] = 1;
      else out.set(own, at);
      at += width;
    };
    for (let i = from; i < to; i++) {
      const row = rows[order[i]!]!;
      put(network.task, network.ownTargets, y.subarray(row * stored, (row + 1) * stored));
      for (const [side, { task, targets }] of network.sides.entries()) {
        const from = row * count + side;
        put(task, targets, sides.subarray(from, from + 1));
      }
    }
  };
}

function copyRows(
  source: Float32Array,
  width: number,
  rows: Uint32Array,
  order: Uint32Array,
  from: number,
  to: number,
  out: Float32Array,
): void {
  // Four at a time: engines do not unroll, and this halves the time.
  const fours = width - (width % 4);
  for (let at = 0, i = from; i < to; i++) {
    let next = rows[order[i]!]! * width;
    const end = next + width;
    for (const last = next + fours; next < last; next += 4, at += 4) {
      out[at] = source[next]!;
      out[at + 1] = source[next + 1]!;
      out[at + 2] = source[next + 2]!;
      out[at + 3] = source[next + 3]!;
    }
    for (; next < end; next++, at++) out[at] = source[next]!;
  }
}

function copyColumns(
  source: Float32Array,
  width: number,
  features: Uint32Array,
  rows: Uint32Array,
  order: Uint32Array,
  from: number,
  to: number,
  out: Float32Array,
  inputs: number,
): void {
  for (let at = 0, i = from; i < to; i++) {
    const start = rows[order[i]!]! * width;
    for (let input = 0; input < inputs; input++) out[at++] = source[start + features[input]!]!;
  }
}

function oneHotRows(
  classes: Float32Array,
  rows: Uint32Array,
  order: Uint32Array,
  from: number,
  to: number,
  out: Float32Array,
  width: number,
): void {
  out.fill(0, 0, (to - from) * width);
  for (let at = 0, i = from; i < to; i++, at += width) out[at + classes[rows[order[i]!]!]!] = 1;
}
