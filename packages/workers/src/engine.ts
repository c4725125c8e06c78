import { setFlagsFromString } from "node:v8";
import { engineFlags, tuneKernels, variantAvailability } from "@manyfold/core";
import type { Variant } from "@manyfold/protocol";

/**
 * Sets the flags of V8 that the kernels gain from; before the first training or prediction of a
 * process. They hold for its threads too.
 */
export function setEngineFlags(): void {
  const [major = 0] = process.versions.node.split(".").map(Number);
  for (const flag of engineFlags(major)) setFlagsFromString(flag);
}

/** Lets this thread use the fastest of the register blocks; all give equal bits. */
export function tuneEngine(): void {
  setEngineFlags();
  // Time only chooses among blocks of equal bits here, so this clock decides no result.
  tuneKernels(() => Number(process.hrtime.bigint()) / 1e6);
}

/** Variants that a run takes where nobody asks for one, best first. */
const PREFERRED = ["wasm-fma", "wasm-plain", "js"] as const satisfies readonly Variant[];

/** The variant of new runs on this machine: by what its arithmetic does, never by its speed. */
export function preferredVariant(): Variant {
  setEngineFlags();
  return PREFERRED.find((variant) => variantAvailability(variant).available) ?? "js";
}
