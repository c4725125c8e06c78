import type { Variant } from "@manyfold/protocol";
import type { OpAttributes, OpName } from "../ops.ts";
import type { Shape } from "../shape.ts";

/** Number format of a program: training and prediction run in float32, checks also in float64. */
export type Dtype = "float32" | "float64";

/** A flat run of numbers of either format. */
export type Values = Float32Array | Float64Array;

/** Bytes of one element. */
export const BYTES: { readonly [D in Dtype]: number } = { float32: 4, float64: 8 };

/** Ops that are computed; inputs are written by the caller, constants once at binding. */
export type ComputedOp = Exclude<OpName, "input" | "constant" | "reshape">;

/**
 * One step of a plan: an op, and where its operands lie. Offsets count elements from the start of
 * the arena. The output overlaps an input only where the op is elementwise and both begin at the
 * same offset.
 */
export interface Step<K extends ComputedOp = ComputedOp> {
  readonly op: K;
  readonly attributes: OpAttributes[K];
  readonly inputs: readonly number[];
  readonly inputShapes: readonly Shape[];
  readonly output: number;
  readonly shape: Shape;
}

/**
 * Where a program lives: one buffer, made once by the kernel set (so that a wasm set can hand out
 * its own memory), and the two words of the key that the current run's random ops fold from.
 */
export interface Arena {
  readonly dtype: Dtype;
  readonly values: Values;
  readonly key: Uint32Array;
}

/**
 * Prepares a step once; the function it returns runs it and allocates nothing. Meaning, also for
 * NaN, infinities and the order of sums, is what `kernels/js` does; every set agrees with it, and
 * sets that round each product and each sum agree to the bit.
 */
export type Bind<K extends ComputedOp> = (step: Step<K>, arena: Arena) => () => void;

/**
 * Prepares two steps that follow each other as one, of equal bits; null where there is no kernel
 * for the pair. Only for a second step that overwrites what the first one computed.
 */
export type BindPair = (first: Step, second: Step, arena: Arena) => (() => void) | null;

/** A kernel per op; the compiler asks for the missing one. */
export type KernelTable = { readonly [K in ComputedOp]: Bind<K> };

/** A complete set of kernels of one number format. */
export interface KernelSet {
  /** Numerical variant: sets with equal names give equal bits. */
  readonly variant: Variant;
  readonly dtype: Dtype;
  /** The values of a zero-filled arena of that many elements. */
  allocate(elements: number): Values;
  /**
   * The values of an arena of at least that many elements that others use too, with anything in it:
   * for programs that are never halfway through when another one runs.
   */
  share(elements: number): Values;
  readonly table: KernelTable;
  readonly pair?: BindPair;
}
