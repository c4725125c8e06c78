export * from "./elementwise";
export * from "./matmul";
export * from "./probe";
export * from "./random";
export * from "./reductions";
export * from "./training";
export { peak12, peak24 } from "./tiles";
