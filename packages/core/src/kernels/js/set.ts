import type { Dtype, KernelSet, KernelTable } from "../kernels.ts";
import { bindDropout } from "./dropout.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { bindMatmul } from "./matmul.ts";
import { REARRANGING } from "./rearranging.ts";
import { REDUCTIONS } from "./reductions.ts";

const TABLE: KernelTable = {
  ...ELEMENTWISE,
  ...REDUCTIONS,
  ...REARRANGING,
  matmul: bindMatmul,
  dropout: bindDropout,
};

/**
 * The reference kernels: plain JavaScript, total, and the definition of what every op means. In
 * float32 each operation is rounded; float64 is for checks.
 */
export const JS_KERNELS: { readonly [D in Dtype]: KernelSet } = {
  float32: {
    variant: "js",
    dtype: "float32",
    allocate: (elements) => new Float32Array(elements),
    share: (elements) => new Float32Array(elements),
    table: TABLE,
  },
  float64: {
    variant: "js",
    dtype: "float64",
    allocate: (elements) => new Float64Array(elements),
    share: (elements) => new Float64Array(elements),
    table: TABLE,
  },
};
