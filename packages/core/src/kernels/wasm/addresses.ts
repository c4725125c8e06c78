import type { Arena, Step, Values } from "../kernels.ts";
import type { KernelExports } from "./binaries.ts";

/** The kernels that work on the memory in which some values lie. */
export type ExportsOf = (values: Values) => KernelExports;

/** Byte addresses of a step's operands and result. */
export function addressesOf(step: Step, arena: Arena): { inputs: number[]; output: number } {
  const base = arena.values.byteOffset;
  return { inputs: step.inputs.map((offset) => base + 4 * offset), output: base + 4 * step.output };
}
