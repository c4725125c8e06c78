// What the chapters are written with: numbers, networks and trainings, checks and plots, texts.
export * from "./algebra.ts";
export * from "./descend.ts";
export * from "./networks.ts";
export * from "./row.ts";
export * from "./text.ts";
