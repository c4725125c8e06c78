import type { Variant } from "@manyfold/protocol";
import { arithmeticOf } from "./arithmetic.ts";
import type {
  Bind,
  BindPair,
  ComputedOp,
  KernelSet,
  KernelTable,
  Step,
} from "./kernels/kernels.ts";
import { type Binary, compileModule } from "./kernels/wasm/engine.ts";

/** What the time of a training goes to; `rest` is all that has no name of its own. */
export const PARTS = ["gemm", "elementwise", "loss", "optimizer", "gather", "rest"] as const;
export type Part = (typeof PARTS)[number];

/** Where time went. */
export interface Profile {
  readonly milliseconds: { readonly [P in Part]: number };
  /** Floating point operations of the products (`gemm`). */
  readonly operations: number;
}

/** Measures one training after the other in a thread; see {@link startMeter}. */
export interface Meter {
  /** The time since the last mark belongs to that part. */
  mark(part: Part): void;
  /** As {@link mark} of `gemm`, for a product of that many floating point operations. */
  product(operations: number): void;
  /** All that was found since the last call. */
  take(): Profile;
}

/**
 * A meter over a clock in milliseconds, which a training asks only where it is given one. A mark
 * costs one look at the clock, some 50 ns: of tiny nets' steps a tenth.
 */
export function startMeter(now: () => number): Meter {
  const milliseconds = { gemm: 0, elementwise: 0, loss: 0, optimizer: 0, gather: 0, rest: 0 };
  let operations = 0;
  let last = now();
  const mark = (part: Part): void => {
    const time = now();
    milliseconds[part] += time - last;
    last = time;
  };
  return {
    mark,
    product(count) {
      mark("gemm");
      operations += count;
    },
    take() {
      const taken = { milliseconds: { ...milliseconds }, operations };
      for (const part of PARTS) milliseconds[part] = 0;
      operations = 0;
      last = now();
      return taken;
    },
  };
}

/** Ops of losses and heads; a product is `gemm`, all else elementwise. */
const LOSS: ReadonlySet<ComputedOp> = new Set<ComputedOp>(["logSumExp", "softmax", "logSoftmax"]);

/** The same kernels, each with a mark behind it. */
export function meteredKernels(set: KernelSet, meter: Meter): KernelSet {
  const marked = (steps: readonly Step[], run: () => void): (() => void) => {
    const operations = steps.reduce((total, step) => total + operationsOf(step), 0);
    if (operations > 0) {
      return () => {
        run();
        meter.product(operations);
      };
    }
    const part = steps.some(({ op }) => LOSS.has(op)) ? "loss" : "elementwise";
    return () => {
      run();
      meter.mark(part);
    };
  };
  const metered = <K extends ComputedOp>(bind: Bind<K>): Bind<K> => {
    return (step, arena) => marked([step], bind(step, arena));
  };
  const { pair } = set;
  const meteredPair: BindPair = (first, second, arena) => {
    const joined = pair?.(first, second, arena) ?? null;
    return joined && marked([first, second], joined);
  };
  const table = Object.fromEntries(
    Object.entries(set.table).map(([op, bind]) => [op, metered(bind as Bind<ComputedOp>)]),
  ) as KernelTable;
  return { ...set, table, ...(pair && { pair: meteredPair }) };
}

/** Multiplications and additions of a product; 0 for all else. */
function operationsOf({ op, attributes, shape, inputShapes }: Step): number {
  if (op !== "matmul") return 0;
  const [rows = 1, columns = 1] = shape;
  const [first = 1, second = 1] = inputShapes[0] ?? [];
  const { transposeA } = attributes as Step<"matmul">["attributes"];
  return 2 * rows * columns * (transposeA ? first : second);
}

/** Rounds of a peak measurement, of which the fastest counts. */
const ROUNDS = 20;
const SIDE = 256;

/**
 * The most that this thread's products could reach in a variant, in billions of floating point
 * operations a second: multiply-adds on registers alone, for `blas` a product of 256 cubed. Takes
 * some 20 ms; null for `js`, which has no such limit.
 *
 * @param now a clock in milliseconds
 */
export function peakRate(variant: Variant, now: () => number): number | null {
  const ways = PEAKS[variant]();
  const rates = ways.map(({ run, operations }) => {
    const times = Array.from({ length: ROUNDS }, () => {
      const from = now();
      run();
      return now() - from;
    });
    return operations / Math.min(...times) / 1e6;
  });
  return rates.length === 0 ? null : Math.max(...rates);
}

interface Way {
  readonly run: () => void;
  readonly operations: number;
}

const PEAKS: { readonly [V in Variant]: () => Way[] } = {
  js: () => [],
  "wasm-plain": () => registerLoops("plain"),
  "wasm-fma": () => registerLoops("fused"),
  blas: () => {
    const { kernels } = arithmeticOf("blas");
    const size = SIDE * SIDE;
    const arena = { dtype: "float32", values: kernels.allocate(3 * size), key: new Uint32Array(2) };
    const shape = [SIDE, SIDE];
    const step: Step<"matmul"> = {
      op: "matmul",
      attributes: { transposeA: false, transposeB: false },
      inputs: [0, size],
      inputShapes: [shape, shape],
      output: 2 * size,
      shape,
    };
    return [
      {
        run: kernels.table.matmul(step, { ...arena, dtype: "float32" }),
        operations: 2 * SIDE ** 3,
      },
    ];
  },
};

function registerLoops(binary: Binary): Way[] {
  const { values, exports } = compileModule(binary)(256);
  const { byteOffset } = values;
  const rounds = 4000;
  return [
    { run: () => exports.peak12(byteOffset, rounds), operations: rounds * 12 * 8 },
    { run: () => exports.peak24(byteOffset, rounds), operations: rounds * 24 * 8 },
  ];
}
