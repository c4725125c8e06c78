import { setFlagsFromString } from "node:v8";
import type { Blas } from "@manyfold/blas";
import { adoptProducts, engineFlags, tuneKernels, variantAvailability } from "@manyfold/core";
import { ManyfoldError, type Variant } from "@manyfold/protocol";

/**
 * Sets the flags of V8 that the kernels gain from; before the first training or prediction of a
 * process. They hold for its threads too.
 */
export function setEngineFlags(): void {
  const [major = 0] = process.versions.node.split(".").map(Number);
  for (const flag of engineFlags(major)) setFlagsFromString(flag);
}

/** A monotonic clock in milliseconds. Where it is used, time decides no result. */
export function engineClock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Lets this thread use the fastest of the register blocks; all give equal bits. */
export function tuneEngine(): void {
  setEngineFlags();
  // Time only chooses among blocks of equal bits here.
  tuneKernels(engineClock);
}

/** Variants that a run takes where nobody asks for one, best first. */
const PREFERRED = ["wasm-fma", "wasm-plain", "js"] as const satisfies readonly Variant[];

/** The variant of new runs on this machine: by what its arithmetic does, never by its speed. */
export function preferredVariant(): Variant {
  setEngineFlags();
  return PREFERRED.find((variant) => variantAvailability(variant).available) ?? "js";
}

let blas: Promise<Blas> | undefined;

/**
 * The system's BLAS, opened once in this thread and taken for the products of variant `blas`.
 *
 * @throws ManyfoldError (`environment`) where there is none, with what to install
 */
export function openSystemBlas(): Promise<Blas> {
  return (blas ??= adoptBlas());
}

async function adoptBlas(): Promise<Blas> {
  // The one place where native code may come in.
  const { openBlas } = await import("@manyfold/blas").catch((error: unknown) => {
    throw new ManyfoldError({
      code: "environment",
      path: "@manyfold/blas",
      condition: "installed",
      got: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error),
      help: "It is an optional dependency: npm install without --omit=optional.",
    });
  });
  const found = await openBlas();
  adoptProducts(found.products);
  return found;
}

/**
 * Makes ready what a variant needs beyond this program, in this thread: of all variants `blas` alone
 * needs anything.
 *
 * @throws ManyfoldError (`environment`) where it is not there
 */
export async function prepareVariant(variant: Variant): Promise<void> {
  if (variant === "blas") await openSystemBlas();
}
