import type { Products } from "@manyfold/core";
import { ManyfoldError } from "@manyfold/protocol";
import type koffi from "koffi";
import { HELP, LIBRARIES, type LibraryName, type LibraryRule } from "./libraries.ts";
import { bindProduct, SGEMM, type Sgemm } from "./sgemm.ts";

type Koffi = typeof koffi;
type Loaded = ReturnType<Koffi["load"]>;

/** A BLAS of this machine, opened in this thread. */
export interface Blas {
  readonly library: LibraryName;
  /** For people: `OpenBLAS (libopenblas.so.0): 0.3.21 Zen`. */
  readonly description: string;
  readonly products: Products;
}

/** Where to look. */
export interface BlasOptions {
  /** As `process.platform` (default: this one). */
  readonly platform?: string;
  /** Libraries in the order in which they are tried (default: all). */
  readonly libraries?: readonly LibraryName[];
}

/**
 * Opens the first BLAS that this machine has, Accelerate before OpenBLAS before MKL, set to one
 * thread: whoever trains on several cores has a thread of its own for each.
 *
 * @throws ManyfoldError (`environment`) where there is none, or nothing to call it with
 *
 * @example
 * adoptProducts((await openBlas()).products);
 */
export async function openBlas(options: BlasOptions = {}): Promise<Blas> {
  const { platform = process.platform, libraries } = options;
  const loader = await loadKoffi();
  const tried: string[] = [];
  for (const library of libraries ?? (Object.keys(LIBRARIES) as LibraryName[])) {
    const rule = LIBRARIES[library];
    for (const file of rule.files[platform] ?? []) {
      const loaded = open(loader, file);
      const found = loaded && usable(loader, loaded, rule, file);
      if (found) return { library, ...found };
      tried.push(file);
    }
  }
  throw new ManyfoldError({
    code: "environment",
    path: "BLAS",
    condition: "a library that this machine's loader finds",
    got: tried.length === 0 ? `none for ${platform}` : `none of ${tried.join(", ")}`,
    help: HELP,
  });
}

async function loadKoffi(): Promise<Koffi> {
  try {
    return (await import("koffi")).default;
  } catch (error) {
    throw new ManyfoldError({
      code: "environment",
      path: "koffi",
      condition: "installed, since it calls the BLAS",
      got: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error),
      help: "It is an optional dependency: npm install without --omit=optional, on a platform that it has a binary for.",
    });
  }
}

function open({ load }: Koffi, file: string): Loaded | null {
  try {
    return load(file);
  } catch {
    return null;
  }
}

/** The library's products, or null where it is not one whose functions can be called. */
function usable(
  { address }: Koffi,
  loaded: Loaded,
  rule: LibraryRule,
  file: string,
): Omit<Blas, "library"> | null {
  const sgemm = call(() => loaded.func(SGEMM) as Sgemm);
  if (sgemm === null) return null;
  const about = rule.about && call(() => loaded.func(`const char *${rule.about}()`)() as string);
  // Its numbers would be read as twice as long as they are.
  if (about?.includes("USE64BITINT") === true) return null;
  for (const [name, argument] of rule.calls) {
    call(() => loaded.func(`void ${name}(int)`)(argument) as unknown);
  }
  return {
    description: `${rule.title} (${file})${about ? `: ${about.trim()}` : ""}`,
    products: {
      bind: (values, product) => bindProduct(sgemm, Number(address(values)), product),
    },
  };
}

/** null where the library lacks the function. */
function call<T>(use: () => T): T | null {
  try {
    return use();
  } catch {
    return null;
  }
}
