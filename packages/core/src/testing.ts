// What kernels are compared on, for the tests of those that are made elsewhere.
export { arithmeticOf } from "./arithmetic.ts";
export type { Arithmetic } from "./arithmetic.ts";
export {
  firstDifference,
  firstExcess,
  numbers,
  SIZES,
  USES,
  valuesOf,
} from "./kernels/conformance.ts";
export type { Sizes, Use } from "./kernels/conformance.ts";
export type { ComputedOp } from "./kernels/kernels.ts";
