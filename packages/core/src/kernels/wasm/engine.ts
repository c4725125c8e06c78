import { ManyfoldError, show } from "@manyfold/protocol";
import { BINARIES, type KernelExports } from "./binaries.ts";

// Of the WebAssembly interface only what is used here: the library is compiled without the DOM.
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
interface WasmModule {
  readonly kind?: "module";
}
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: { env: { memory: WasmMemory } },
  ) => { readonly exports: KernelExports };
};

/** Which of the two modules: `fused` rounds a product and its sum once, in matmul alone. */
export type Binary = keyof typeof BINARIES;

const PAGE = 65536;
const MOST_PAGES = 65536;

/** Bytes at the start of every memory that matmul packs its operands into. */
const SCRATCH_PAGES = 6;

/** Bytes of the memory that holds an arena. */
export function memoryBytes(elements: number): number {
  return pagesFor(elements) * PAGE;
}

function pagesFor(elements: number): number {
  return SCRATCH_PAGES + Math.ceil((4 * elements) / PAGE);
}

/** An arena in a memory of its own, and the kernels that work on it. */
export interface Instance {
  readonly values: Float32Array;
  readonly exports: KernelExports;
}

/** Compiles a module; what it makes is one memory and the kernels on it. */
export function compileModule(binary: Binary): (elements: number) => Instance {
  const module = new WebAssembly.Module(decode(BINARIES[binary]));
  return (elements) => {
    const pages = pagesFor(elements);
    requireRoom(pages);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    return { values: new Float32Array(memory.buffer, SCRATCH_PAGES * PAGE, elements), exports };
  };
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function requireRoom(pages: number): void {
  if (pages <= MOST_PAGES) return;
  throw new ManyfoldError({
    code: "environment",
    path: "memory of a program",
    condition: "at most 4 GiB, the most that WebAssembly addresses",
    got: `${show(Math.ceil((pages * PAGE) / 2 ** 20))} MiB`,
    help: "Fewer units or a smaller batch need less.",
  });
}
