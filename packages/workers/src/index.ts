export { inlineExecutor } from "./inline.ts";
export type { InlineOptions } from "./inline.ts";
export { threadsExecutor } from "./threads.ts";
export type { ThreadsOptions } from "./threads.ts";
export type { TaskLimits } from "./limits.ts";

// For other executors: threads that run tasks, and the loop around anything that does.
export { openThreadPool } from "./thread-pool.ts";
export type { ThreadPool, ThreadPoolOptions } from "./thread-pool.ts";
export { executorOver } from "./lanes.ts";
export type { AttemptOptions, Lanes, LaneSettings } from "./lanes.ts";
export { sharedTables } from "./tables.ts";

// One task, and what it needs.
export { runTask } from "./run-task.ts";
export type { RunTaskOptions } from "./run-task.ts";
export type { AttemptOutcome, TaskOutcome, TaskOutput } from "./outcome.ts";
export { refuseModule } from "./modules.ts";
export type { AllowedModules } from "./modules.ts";
export type {
  Objective,
  ObjectiveContext,
  ObjectiveData,
  ObjectiveRows,
  ObjectiveValue,
} from "./objective.ts";
export { fitWorkers, taskBytes } from "./memory.ts";
export type { Fit } from "./memory.ts";
export {
  openSystemBlas,
  preferredVariant,
  prepareVariant,
  setEngineFlags,
  tuneEngine,
} from "./engine.ts";
