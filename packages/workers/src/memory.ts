import { trainingBytes } from "@manyfold/core";
import { drawnCount } from "@manyfold/data";
import { ManyfoldError, type TaskSpec } from "@manyfold/protocol";
import { boundedCache } from "./bounded-cache.ts";
import { type AttemptOutcome, failed, failureOf } from "./outcome.ts";
import { networkOf } from "./run-task.ts";

/** What a thread needs before it has a task: the engine, this program, the garbage of a while. */
export const THREAD_BYTES = 64 * 2 ** 20;

/** Shapes whose estimate is remembered. */
const KEPT = 64;

/**
 * Bytes that a task needs while it runs, besides its table: the plan's own estimate of the
 * training, and what the predictions take.
 *
 * @throws ManyfoldError where the model does not fit the data
 */
export function taskBytes(spec: TaskSpec): number {
  // Of what a function of the user's own takes only the rows that it is given are known.
  if (spec.kind === "objective") return 3 * spec.data.bytes;
  const { rows, inputs } = spec.data;
  const features = Math.max(1, Math.round(spec.draw.features * inputs));
  const drawn = drawnCount(spec.draw.sample, rows);
  const network = networkOf(spec, features);
  const training = trainingBytes(network, spec.train, drawn, spec.variant);
  // Weights to predict with and to hand over, inputs of the predicted rows, predictions.
  const after =
    2 * network.parameters.size + rows * features + spec.report.length * rows * network.columns;
  return training + 4 * after;
}

/** What a task needs of a machine's memory, or why it cannot have it. */
export type Need =
  { readonly status: "needs"; readonly bytes: number } | (AttemptOutcome & { status: "failed" });

/**
 * Estimates tasks against a machine's memory; equal shapes are estimated once.
 *
 * @param memory bytes for all running tasks; undefined: nobody counts
 */
export function taskMemory(memory: number | undefined): (spec: TaskSpec) => Need {
  const estimates = boundedCache<number>(KEPT);
  return (spec) => {
    if (memory === undefined) return { status: "needs", bytes: 0 };
    const bytes = estimates.get(shapeOf(spec), () => estimate(spec));
    if (bytes <= memory) return { status: "needs", bytes };
    const message =
      `The task needs about ${mebibytes(bytes)} by the plan's estimate; ` +
      `this machine has ${mebibytes(memory)} for it. Fewer units or a smaller batch need less.`;
    return failed(failureOf("invalid", message));
  };
}

/** What a task's memory follows from. */
function shapeOf(spec: TaskSpec): string {
  if (spec.kind === "objective") return String(spec.data.bytes);
  const { model, train, draw, data, variant, report } = spec;
  return JSON.stringify([model, train, draw, data, variant, report.length]);
}

/** A model that does not fit its data needs nothing; running it will say why. */
function estimate(spec: TaskSpec): number {
  try {
    return taskBytes(spec);
  } catch (error) {
    if (error instanceof ManyfoldError) return 0;
    throw error;
  }
}

export interface Fit {
  /** Threads that fit; at most as many as wanted. */
  readonly workers: number;
  /** One line for people where it is fewer than wanted. */
  readonly note?: string;
}

/**
 * How many threads of these tasks fit a machine's memory, checked before anything is started.
 *
 * @param memory bytes that tables, threads and tasks may take together
 * @param tasks one spec per shape of task that is to be run
 * @throws ManyfoldError (`environment`) where not even one thread fits
 */
export function fitWorkers(workers: number, memory: number, tasks: readonly TaskSpec[]): Fit {
  const tables = new Map(tasks.map(({ data }) => [data.hash, data.bytes]));
  const shared = [...tables.values()].reduce((sum, bytes) => sum + bytes, 0);
  const each = THREAD_BYTES + Math.max(0, ...tasks.map(taskBytes));
  const fitting = Math.floor((memory - shared) / each);
  if (fitting >= workers) return { workers };
  const numbers = `${mebibytes(each)} per thread and ${mebibytes(shared)} of data`;
  if (fitting >= 1) {
    const note = `${fitting} of ${workers} threads fit ${mebibytes(memory)} of memory: ${numbers}.`;
    return { workers: fitting, note };
  }
  throw new ManyfoldError({
    code: "environment",
    path: "memory",
    condition: `at least ${mebibytes(shared + each)} (${numbers})`,
    got: mebibytes(memory),
    help: "Fewer units, a smaller batch or less data need less; so does a machine with more.",
  });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
