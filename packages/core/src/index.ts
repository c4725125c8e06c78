// The engine: random numbers, graphs and their derivatives, plans, kernels, networks, losses.
export { bernoulli, fold, integers, key, normals, permutation, uniforms, words } from "./rng.ts";
export type { Key } from "./rng.ts";
export * as elementary from "./math/float64.ts";
export { normalQuantile } from "./math/normal.ts";
export * as ops from "./ops.ts";
export type { OpAttributes, OpName } from "./ops.ts";
export type { Graph, Node } from "./graph.ts";
export { grad, jvp, vjp } from "./autodiff.ts";
export { evaluateGraph } from "./run.ts";
export { buildNetwork, describeNetwork, ioOf } from "./network.ts";
export type { Network, NetworkIO, NetworkLayer, ParameterTensor } from "./network.ts";
export { componentsOf, predictionColumns } from "./heads.ts";
export { lossFor } from "./losses.ts";
export { tiesOf } from "./ties.ts";
export type { Ties } from "./ties.ts";
export type { LossName } from "./losses.ts";
export { JS_KERNELS } from "./kernels/js/set.ts";
export { adoptProducts, engineFlags, tuneKernels, variantAvailability } from "./arithmetic.ts";
export type { Availability } from "./arithmetic.ts";
export type { Tuning } from "./kernels/wasm/tuning.ts";
export type { Operand, Product, Products } from "./kernels/foreign.ts";
export type { Dtype, KernelSet, Values } from "./kernels/kernels.ts";
export {
  compileLoss,
  compilePrediction,
  compileTraining,
  firstNonFinite,
  predict,
  predictionGraph,
} from "./program.ts";
export type {
  LossProgram,
  PredictionProgram,
  TrainingOptions,
  TrainingProgram,
} from "./program.ts";

// Training: initialisation, optimizers, schedules, regularizers, the training loop.
export { train } from "./train.ts";
export type { TrainJob, TrainOutcome } from "./train.ts";
export { PARTS, peakRate, startMeter } from "./profile.ts";
export type { Meter, Part, Profile } from "./profile.ts";
export { trainingBytes } from "./workbench.ts";
export { requireImages } from "./augment.ts";
export { attackBox, attacked } from "./attack.ts";
export type { AttackBox, Attacked } from "./attack.ts";
export { initialize } from "./init.ts";
export { compileCurvature } from "./curvature.ts";
export type { CurvatureOptions, CurvatureProgram } from "./curvature.ts";
export { minimise } from "./minimise/minimise.ts";
export type { Point, SmoothObjective } from "./minimise/objective.ts";

// The parts of graphs and trainings one by one, for whoever explains or checks them.
export { topological } from "./graph.ts";
export { lossGraph, networkGraph } from "./loss-graph.ts";
export { bindPlan } from "./run.ts";
export { planGraph } from "./plan.ts";
export { startSchedule } from "./schedules.ts";
export { COEFFICIENTS, optimizerRule } from "./optimizers/rules.ts";
export { startOptimizer } from "./optimizers/optimizer.ts";
export { updates64 } from "./optimizers/float64.ts";
export { clippingOf } from "./clipping.ts";
export { REGULARIZERS } from "./regularizers.ts";
export { imageMoves } from "./augment.ts";
