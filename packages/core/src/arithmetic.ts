import { ManyfoldError, show, type Variant } from "@manyfold/protocol";
import { JS_KERNELS } from "./kernels/js/set.ts";
import { type Products, withProducts } from "./kernels/foreign.ts";
import type { KernelSet } from "./kernels/kernels.ts";
import type { Binary } from "./kernels/wasm/engine.ts";
import { compileKernels, type WasmKernels } from "./kernels/wasm/set.ts";
import { wasmPermutation, wasmRegularizers, wasmUpdates } from "./kernels/wasm/training.ts";
import { chosenBlock, chooseBlock, type Tuning } from "./kernels/wasm/tuning.ts";
import { updates32 } from "./optimizers/float32.ts";
import type { UpdateTable } from "./optimizers/rules.ts";
import { REGULARIZERS, type RegularizerTable } from "./regularizers.ts";
import { type Key, permutation } from "./rng.ts";

/** What gradient steps of one variant are made of. */
export interface Arithmetic {
  readonly kernels: KernelSet;
  readonly updates: UpdateTable<Float32Array>;
  readonly regularizers: RegularizerTable;
  /** The permutation of 0..length-1 under a key, as `permutation` of rng.ts. */
  readonly permutation: (from: Key, length: number) => Uint32Array;
}

/** Whether this engine computes a variant, and if not, why. */
export type Availability =
  { readonly available: true } | { readonly available: false; readonly reason: string };

type Found = (Arithmetic & { readonly available: true }) | (Availability & { available: false });

const JS: Found = {
  available: true,
  kernels: JS_KERNELS.float32,
  updates: updates32,
  regularizers: REGULARIZERS,
  permutation,
};

/** Compiled modules of this thread; a refusal is not kept, since flags of the engine may change. */
const compiled: { [B in Binary]: WasmKernels | null } = { plain: null, fused: null };

function wasm(binary: Binary): Found {
  let kernels = compiled[binary];
  if (kernels === null) {
    try {
      kernels = compileKernels(binary, () => chosenBlock(binary));
    } catch (error) {
      return { available: false, reason: error instanceof Error ? error.message : String(error) };
    }
    if (binary === "fused" && !kernels.fuses) {
      return { available: false, reason: "the engine rounds between multiplication and addition" };
    }
    compiled[binary] = kernels;
  }
  const { set, exportsOf } = kernels;
  return {
    available: true,
    kernels: set,
    updates: wasmUpdates(exportsOf),
    regularizers: wasmRegularizers(exportsOf),
    permutation: wasmPermutation(kernels),
  };
}

/** Products by a library that the host opened in this thread. */
let adopted: Products | null = null;

function blas(): Found {
  if (adopted === null) {
    return { available: false, reason: "no BLAS library was opened in this process" };
  }
  const plain = wasm("plain");
  return plain.available ? { ...plain, kernels: withProducts(plain.kernels, adopted) } : plain;
}

/**
 * Makes the variant `blas` available in this thread: products by a library of the host's, all else
 * as in `wasm-plain`.
 */
export function adoptProducts(products: Products): void {
  adopted = products;
}

const VARIANTS: { readonly [V in Variant]: () => Found } = {
  js: () => JS,
  "wasm-plain": () => wasm("plain"),
  "wasm-fma": () => wasm("fused"),
  blas,
};

/**
 * Whether this engine computes a variant: decided by what its arithmetic does, never by its speed.
 * `wasm-fma` asks for relaxed SIMD and for a processor that fuses; see {@link engineFlags}.
 */
export function variantAvailability(variant: Variant): Availability {
  const found = VARIANTS[variant]();
  return found.available ? { available: true } : found;
}

/**
 * The kernels and updates of a variant.
 *
 * @throws ManyfoldError (`environment`) where this engine cannot compute it
 */
export function arithmeticOf(variant: Variant): Arithmetic {
  const found = VARIANTS[variant]();
  if (found.available) return found;
  const here = Object.entries(VARIANTS).flatMap(([name, find]) => (find().available ? [name] : []));
  throw new ManyfoldError({
    code: "environment",
    path: "variant",
    condition: `a variant that this engine computes (${here.join(", ")})`,
    got: `${show(variant)}: ${found.reason}`,
    help: "Results of different variants differ in their last bits; a run keeps the one it began with.",
  });
}

/** Kernels of everything that is reported: `wasm-plain`, or `js`, which gives the same bits. */
export function plainKernels(): KernelSet {
  const found = VARIANTS["wasm-plain"]();
  return found.available ? found.kernels : JS_KERNELS.float32;
}

/**
 * Flags of V8 that the kernels gain from, for `v8.setFlagsFromString`: to be set before the first
 * training or prediction, in every thread. Browsers need none.
 *
 * @param major of Node's version; others refuse the flags that they do not know
 */
export function engineFlags(major: number): string[] {
  // Until 22 relaxed SIMD waits behind a flag; from then on pairs of operations can become 256 bits.
  return major < 22 ? ["--experimental-wasm-relaxed-simd"] : ["--experimental-wasm-revectorize"];
}

/**
 * Times the register blocks of products in each wasm variant and lets what is compiled from now on
 * in this thread use the fastest. All of them give equal bits, so this changes no result. Takes some
 * 50 ms in a process, most of it the engine's compiler, and a few in each further thread.
 *
 * @param now a clock in milliseconds
 * @returns what was found, a variant that is available each
 */
export function tuneKernels(now: () => number): Tuning[] {
  return (["plain", "fused"] as const)
    .filter((binary) => wasm(binary).available)
    .map((binary) => chooseBlock(binary, now));
}
