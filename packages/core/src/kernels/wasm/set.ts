import { ManyfoldError } from "@manyfold/protocol";
import type { KernelSet } from "../kernels.ts";
import type { ExportsOf } from "./addresses.ts";
import type { KernelExports } from "./binaries.ts";
import { type Binary, compileModule } from "./engine.ts";
import type { Block } from "./matmul.ts";
import { wasmPair, wasmTable } from "./table.ts";

/** A compiled module as a kernel set, and the way to its other functions. */
export interface WasmKernels {
  readonly set: KernelSet;
  readonly exportsOf: ExportsOf;
  /** Whether a product and its sum are rounded once, found by computing one. */
  readonly fuses: boolean;
}

/** Elements up to which shared memory grows ahead of what is asked for. */
const MOST_AHEAD = 2 ** 24;

/** The variant that each module computes. */
export const VARIANT_OF = { plain: "wasm-plain", fused: "wasm-fma" } as const;

/**
 * Compiles a module of kernels, synchronously; takes a few milliseconds.
 *
 * @param block the register block of products, asked for at every binding; changes no bit
 * @throws where the engine refuses the module (the fused one, without relaxed SIMD)
 */
export function compileKernels(binary: Binary, block: () => Block): WasmKernels {
  const instantiate = compileModule(binary);
  const byBuffer = new WeakMap<ArrayBufferLike, KernelExports>();
  const exportsOf: ExportsOf = (values) => {
    const exports = byBuffer.get(values.buffer);
    if (exports === undefined) throw foreignMemory();
    return exports;
  };
  const allocate = (elements: number): Float32Array => {
    const { values, exports } = instantiate(elements);
    byBuffer.set(values.buffer, exports);
    return values;
  };
  let common: Float32Array = new Float32Array(0);
  return {
    exportsOf,
    fuses: fuses(instantiate(1).exports),
    set: {
      variant: VARIANT_OF[binary],
      dtype: "float32",
      allocate,
      // One memory for all passing programs: an engine reserves addresses by the gigabyte for each.
      share: (elements) => {
        // Growing by half as much again, but never towards the limit for its own sake.
        const ahead = Math.min(1.5 * common.length, MOST_AHEAD);
        if (common.length < elements) common = allocate(Math.max(elements, Math.ceil(ahead)));
        return common;
      },
      table: wasmTable(exportsOf, block),
      pair: wasmPair(exportsOf),
    },
  };
}

/**
 * With x = 1 + 2^-12, x x - (1 + 2^-11) is 2^-24, and 0 where the product is rounded first. An
 * engine may take the fused instruction and not fuse it.
 */
function fuses({ multiplyAdd }: KernelExports): boolean {
  const x = 1 + 2 ** -12;
  return multiplyAdd(x, x, -1 - 2 ** -11) !== 0;
}

function foreignMemory(): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: "arena",
    condition: "allocated by the kernel set that works on it",
    help: "Take its values from KernelSet.allocate or share.",
  });
}
