import { ManyfoldError, show, type Variant } from "@manyfold/protocol";
import type { KernelSet } from "./kernels/kernels.ts";
import { JS_KERNELS } from "./kernels/js/set.ts";
import { updates32 } from "./optimizers/float32.ts";
import type { UpdateTable } from "./optimizers/rules.ts";

/** What gradient steps of one variant are made of. */
export interface Arithmetic {
  readonly kernels: KernelSet;
  readonly updates: UpdateTable<Float32Array>;
}

/** The variants that this build computes. */
const ARITHMETIC: { readonly [V in Variant]: Arithmetic | null } = {
  js: { kernels: JS_KERNELS.float32, updates: updates32 },
  "wasm-plain": null,
  "wasm-fma": null,
  blas: null,
};

/**
 * The kernels and updates of a variant.
 *
 * @throws ManyfoldError where this build has none for it
 */
export function arithmeticOf(variant: Variant): Arithmetic {
  const found = ARITHMETIC[variant];
  if (found !== null) return found;
  const available = Object.entries(ARITHMETIC).flatMap(([name, one]) => (one ? [name] : []));
  throw new ManyfoldError({
    code: "config",
    path: "variant",
    condition: `a variant that is available here (${available.join(", ")})`,
    got: show(variant),
    help: "Results of different variants differ in their last bits; a run keeps the one it began with.",
  });
}
