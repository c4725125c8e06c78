import { variantAvailability } from "@manyfold/core";
import type { Variant } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { preferredVariant, prepareVariant, setEngineFlags } from "@manyfold/workers";
import { oneBlasThread } from "./environment.ts";

/** What `--backend` and `--kernel` ask for. */
export interface VariantFlags {
  readonly backend?: "wasm" | "js" | "blas";
  readonly kernel?: "plain" | "fma";
}

const ONE_FORM = {
  js: "The js kernels have one form, equal to the bit to wasm's plain one.",
  blas: "The library chooses the form of its products.",
} as const;

/**
 * The variant a new run is trained with: what was asked for, or the best one whose arithmetic this
 * machine has.
 *
 * @throws ManyfoldError `usage` for a kernel that the backend does not have
 */
export function variantOf({ backend, kernel }: VariantFlags): Variant {
  if (backend === "js" || backend === "blas") {
    if (kernel === undefined) return backend;
    throw new ManyfoldError({
      code: "usage",
      path: "--kernel",
      condition: `left out with --backend ${backend}`,
      got: kernel,
      help: ONE_FORM[backend],
    });
  }
  if (kernel !== undefined) return kernel === "plain" ? "wasm-plain" : "wasm-fma";
  return preferredVariant();
}

/**
 * Makes a variant ready and refuses one that this machine cannot compute: a run keeps the one it
 * began with.
 *
 * @throws ManyfoldError `environment`
 */
export async function requireVariant(variant: Variant): Promise<void> {
  setEngineFlags();
  oneBlasThread();
  await prepareVariant(variant);
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
