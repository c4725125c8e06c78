// Matrix products by the system's BLAS.
export { openBlas } from "./blas.ts";
export type { Blas, BlasOptions } from "./blas.ts";
export type { LibraryName } from "./libraries.ts";
