// The engine: random numbers, graphs and their derivatives, plans, kernels, networks, losses.
export { bernoulli, fold, integers, key, normals, permutation, uniforms, words } from "./rng.ts";
export type { Key } from "./rng.ts";
export { buildNetwork, describeNetwork } from "./network.ts";
export type { Network, NetworkIO, NetworkLayer, ParameterTensor } from "./network.ts";
export { lossFor } from "./losses.ts";
export type { LossName } from "./losses.ts";
export type { Dtype, KernelSet, Values } from "./kernels/kernels.ts";
export type {
  LossProgram,
  PredictionProgram,
  TrainingOptions,
  TrainingProgram,
} from "./program.ts";

// Training: initialisation, optimizers, schedules, regularizers, the training loop.
