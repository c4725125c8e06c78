import { variantAvailability } from "@manyfold/core";
import type { Variant } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { preferredVariant, setEngineFlags } from "@manyfold/workers";

/** What `--backend` and `--kernel` ask for. */
export interface VariantFlags {
  readonly backend?: "wasm" | "js";
  readonly kernel?: "plain" | "fma";
}

/**
 * The variant a new run is trained with: what was asked for, or the best one whose arithmetic this
 * machine has.
 *
 * @throws ManyfoldError `usage` for a kernel that the backend does not have
 */
export function variantOf({ backend, kernel }: VariantFlags): Variant {
  if (backend === "js") {
    if (kernel === undefined) return "js";
    throw new ManyfoldError({
      code: "usage",
      path: "--kernel",
      condition: "left out with --backend js",
      got: kernel,
      help: "The js kernels have one form, equal to the bit to wasm's plain one.",
    });
  }
  if (kernel !== undefined) return kernel === "plain" ? "wasm-plain" : "wasm-fma";
  return preferredVariant();
}

/**
 * Refuses a variant that this machine cannot compute: a run keeps the one it began with.
 *
 * @throws ManyfoldError `environment`
 */
export function requireVariant(variant: Variant): void {
  setEngineFlags();
  const found = variantAvailability(variant);
  if (found.available) return;
  throw new ManyfoldError({
    code: "environment",
    path: "variant",
    condition: "one that this machine computes",
    got: `${variant} (${found.reason})`,
    help: "Any machine computes --kernel plain; a run keeps the variant it began with.",
  });
}
