export * from "./dropout";
export * from "./elementwise";
export * from "./matmul";
export * from "./probe";
export * from "./reductions";
export * from "./training";
