import type { Node } from "../graph.ts";
import * as ops from "../ops.ts";
import { fold, key, words } from "../rng.ts";
import { evaluateGraph } from "../run.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { JS_KERNELS } from "./js/set.ts";
import type { ComputedOp, KernelSet } from "./kernels.ts";

// What kernel sets are compared on: in the test beside this file, and in a browser.

const RUN_KEY = fold(key(5), "step", 17);

/** What one use of an op reads, and the node that it is. */
export interface Use {
  readonly shapes: readonly Shape[];
  readonly build: (...inputs: Node[]) => Node;
}

/** Sizes along an axis, from a source of sizes. */
export type Sizes = () => number;

const elementwise = (count: number, build: (...inputs: Node[]) => Node) => (size: Sizes) => {
  const shape = [size(), size()];
  return [{ shapes: Array.from({ length: count }, () => shape), build }];
};
const rowwise = (build: (x: Node) => Node) => (size: Sizes) => [
  { shapes: [[size(), size()]], build: (x: Node) => build(x) },
];

/** Uses of every op; a new op without one does not compile. */
export const USES: { readonly [K in ComputedOp]: (size: Sizes) => readonly Use[] } = {
  negate: elementwise(1, (x) => ops.negate(x!)),
  abs: elementwise(1, (x) => ops.abs(x!)),
  sign: elementwise(1, (x) => ops.sign(x!)),
  square: elementwise(1, (x) => ops.square(x!)),
  sqrt: elementwise(1, (x) => ops.sqrt(x!)),
  reciprocal: elementwise(1, (x) => ops.reciprocal(x!)),
  exp: elementwise(1, (x) => ops.exp(x!)),
  expm1: elementwise(1, (x) => ops.expm1(x!)),
  log: elementwise(1, (x) => ops.log(x!)),
  log1p: elementwise(1, (x) => ops.log1p(x!)),
  sigmoid: elementwise(1, (x) => ops.sigmoid(x!)),
  tanh: elementwise(1, (x) => ops.tanh(x!)),
  relu: elementwise(1, (x) => ops.relu(x!)),
  softplus: elementwise(1, (x) => ops.softplus(x!)),
  erf: elementwise(1, (x) => ops.erf(x!)),
  detach: elementwise(1, (x) => ops.detach(x!)),
  scale: elementwise(1, (x) => ops.scale(x!, -0.3)),
  shift: elementwise(1, (x) => ops.shift(x!, 0.7)),
  dropout: (size) =>
    [false, true].flatMap((shared) =>
      [0.1, 0.5].flatMap((rate) =>
        [false, true].map((gaussian) => ({
          shapes: [[size(), size()]],
          build: (x: Node) => ops.dropout(x, rate, 3, shared, gaussian),
        })),
      ),
    ),
  add: elementwise(2, (a, b) => ops.add(a!, b!)),
  subtract: elementwise(2, (a, b) => ops.subtract(a!, b!)),
  multiply: elementwise(2, (a, b) => ops.multiply(a!, b!)),
  divide: elementwise(2, (a, b) => ops.divide(a!, b!)),
  maximum: elementwise(2, (a, b) => ops.maximum(a!, b!)),
  minimum: elementwise(2, (a, b) => ops.minimum(a!, b!)),
  greater: elementwise(2, (a, b) => ops.greater(a!, b!)),
  gate: elementwise(2, (a, b) => ops.gate(a!, b!)),
  select: elementwise(3, (c, a, b) => ops.select(c!, a!, b!)),
  addBias: (size) => {
    const units = size();
    return [{ shapes: [[size(), units], [units]], build: (x, b) => ops.addBias(x!, b!) }];
  },
  matmul: (size) =>
    [false, true].flatMap((ta) =>
      [false, true].map((tb) => {
        const [rows, inner, columns] = [size(), size(), size()];
        const a = ta ? [inner, rows] : [rows, inner];
        const b = tb ? [columns, inner] : [inner, columns];
        return { shapes: [a, b], build: (x: Node, y: Node) => ops.matmul(x, y, ta, tb) };
      }),
    ),
  sum: (size) => [
    ...([0, 1, "all"] as const).map((axis) => ({
      shapes: [[size(), size()]],
      build: (x: Node) => ops.sum(x, axis),
    })),
    { shapes: [[2, size(), size()]], build: (x: Node) => ops.sum(x, 1) },
  ],
  logSumExp: rowwise(ops.logSumExp),
  softmax: rowwise(ops.softmax),
  logSoftmax: rowwise(ops.logSoftmax),
  broadcast: (size) => {
    const [rows, columns] = [size(), size()];
    return [
      { shapes: [[]], build: (x: Node) => ops.broadcast(x, "all", [rows, columns]) },
      { shapes: [[columns]], build: (x: Node) => ops.broadcast(x, 0, [rows, columns]) },
      { shapes: [[rows]], build: (x: Node) => ops.broadcast(x, 1, [rows, columns]) },
    ];
  },
  transpose: rowwise(ops.transpose),
  slice: (size) => {
    const [rows, columns] = [size() + 1, size()];
    return [{ shapes: [[rows, columns]], build: (x: Node) => ops.slice(x, 0, 1, rows - 1) }];
  },
  pad: rowwise((x) => ops.pad(x, 1, 2, 1)),
  concat: (size) => {
    const rows = size();
    const shapes = [
      [rows, size()],
      [rows, size()],
    ];
    return [{ shapes, build: (a: Node, b: Node) => ops.concat([a, b], 1) }];
  },
};

/** One, primes, multiples of the blocks and their neighbours. */
export const SIZES = [1, 2, 3, 4, 5, 7, 8, 10, 13, 16, 17, 18, 29, 31, 32, 33, 47, 50];

const ENDS = [0, -0, 1, -1, 1e-40, -1e-45, 1.2e-38, 88.7, -87.4, -103.9, 3e38, -3e38];
const NOT_FINITE = [Infinity, -Infinity, NaN];

/** Numbers of all sizes; `wild` of them (from 0 to 1) from the ends of the format. */
export function numbers(seed: number, name: string, count: number, wild: number): number[] {
  const source = words(fold(key(seed), name), 2 * count);
  return Array.from({ length: count }, (_, i) => {
    const chance = source[2 * i]! / 2 ** 32;
    const u = source[2 * i + 1]! / 2 ** 32;
    const ends = chance < wild / 4 ? NOT_FINITE : ENDS;
    if (chance < wild) return Math.fround(ends[Math.floor(u * ends.length)]!);
    return Math.fround((2 * u - 1) * 2 ** ((chance * 64) % 8));
  });
}

/** @param change what is done to each number before it is used */
export function valuesOf(
  use: Use,
  set: KernelSet,
  seed: number,
  wild: number,
  change: (value: number) => number = (value) => value,
): number[] {
  const inputs = use.shapes.map((shape, i) => ops.input(`x${i}`, shape));
  const values = Object.fromEntries(
    use.shapes.map((shape, i) => {
      const drawn = numbers(seed, `x${i}`, sizeOf(shape), wild);
      return [`x${i}`, drawn.map(change)];
    }),
  );
  const output = use.build(...inputs);
  return [...evaluateGraph({ outputs: { output } }, values, set, RUN_KEY).output];
}

/** NaN is one number here: its bits are the processor's choice. 0 and -0 are two. */
export function firstDifference(actual: number[], expected: number[]): string | null {
  const at = expected.findIndex((value, i) => !Object.is(actual[i], value));
  return at < 0 ? null : `element ${at}: ${actual[at]}, not ${expected[at]}`;
}

const LARGEST = 3.4028234663852886e38;

/**
 * Where a product in float32 is not the exact one, its terms added in whatever order: with n terms
 * the error is at most n 2^-24 of the sum of their sizes (Higham, Accuracy and Stability of
 * Numerical Algorithms, eq. 3.5), and half a denormal a term. A NaN stays one; infinities are those
 * of the exact product, unless finite terms alone may leave the format on the way.
 */
export function firstExcess(use: Use, set: KernelSet, seed: number, wild: number): string | null {
  const actual = valuesOf(use, set, seed, wild);
  const exact = valuesOf(use, JS_KERNELS.float64, seed, wild);
  const finiteSize = (value: number): number => (Number.isFinite(value) ? Math.abs(value) : 0);
  const sizes = valuesOf(use, JS_KERNELS.float64, seed, wild, finiteSize);
  const terms = Math.max(...use.shapes.flat());
  const fits = (value: number, expected: number, size: number): boolean => {
    if (Number.isNaN(expected)) return Number.isNaN(value);
    if (size >= LARGEST) return true;
    if (!Number.isFinite(expected)) return value === expected;
    return Math.abs(value - expected) <= (terms + 1) * (size * 2 ** -24 + 2 ** -149);
  };
  const at = exact.findIndex((expected, i) => !fits(actual[i]!, expected, sizes[i]!));
  return at < 0 ? null : `element ${at}: ${actual[at]}, not about ${exact[at]}`;
}
