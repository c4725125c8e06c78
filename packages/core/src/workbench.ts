import { isSecondOrder, ManyfoldError, type TrainSpec, type Variant } from "@manyfold/protocol";
import { arithmeticOf } from "./arithmetic.ts";
import { curvatureElements } from "./curvature.ts";
import { FULL_CHUNK, minimiserElements, wantsCurvature } from "./full-batch.ts";
import { memoryBytes } from "./kernels/wasm/engine.ts";
import { type Meter, meteredKernels } from "./profile.ts";
import { BYTES, type KernelSet, type Values } from "./kernels/kernels.ts";
import { lossFor, type LossName } from "./losses.ts";
import type { ObjectiveTerms } from "./loss-graph.ts";
import type { Network } from "./network.ts";
import { COEFFICIENTS, type OptimizerRule, optimizerRule } from "./optimizers/rules.ts";
import { pretrainingBytes, pretrainings } from "./pretraining.ts";
import {
  compileLoss,
  compileTraining,
  type LossProgram,
  trainingElements,
  type TrainingProgram,
} from "./program.ts";

/** Held-out rows are read and evaluated in chunks of this many. */
export const HELD_CHUNK = 256;

/** All memory and compiled programs of a training; another of the same shape uses them again. */
export interface Workbench {
  /** What it is for: network, loss, batch sizes, slots and variant. */
  readonly id: string;
  readonly training: TrainingProgram;
  /** What measures it, if anything does. */
  readonly meter: Meter | undefined;
  /** Views of the training program's arena. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly parameters: Float32Array;
  readonly gradients: Float32Array;
  readonly slots: readonly Float32Array[];
  readonly coefficients: Float32Array;
  /** For held-out rows, made when first wanted. */
  readonly held: () => HeldBench;
}

/** What evaluates held-out rows: a program without dropout, and room for {@link HELD_CHUNK} rows. */
export interface HeldBench {
  readonly program: LossProgram;
  /** 0, 1, 2, ...: the rows of a chunk stay in their order. */
  readonly order: Uint32Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** What a workbench is made for. */
export interface Work {
  readonly network: Network;
  readonly loss: LossName;
  readonly terms: ObjectiveTerms;
  /** Rows of a step, and of the last step of an epoch if that is shorter. */
  readonly batches: readonly number[];
  /** Null for a method that sees all rows in every step. */
  readonly rule: OptimizerRule | null;
  readonly variant: Variant;
  /** Told where the time goes; without one nobody looks at a clock. */
  readonly meter?: Meter | undefined;
}

/** The work of training on that many rows. */
export function workOf(
  network: Network,
  spec: TrainSpec,
  rows: number,
  variant: Variant,
  weighted = false,
): Work {
  const { optimizer } = spec;
  const rule = isSecondOrder(optimizer) ? null : optimizerRule(optimizer);
  const most = rule === null ? FULL_CHUNK : spec.batch === "all" ? rows : spec.batch;
  const batch = Math.min(most, rows);
  const rest = rows % batch;
  return {
    network,
    loss: lossFor(spec.loss, network.head, network.ownTargets),
    terms: { ...termsOf(spec), ...(weighted && { weighted }) },
    batches: rest === 0 ? [batch] : [batch, rest],
    rule,
    variant,
  };
}

/** Only what is configured, so that a training without has nothing of it. */
function termsOf({ sparsity, adversarial, semi }: TrainSpec): ObjectiveTerms {
  return {
    ...(sparsity && { sparsity }),
    ...(adversarial && { adversarial }),
    ...(semi && "vat" in semi && { vat: semi.vat }),
  };
}

/**
 * The memory that a training needs besides its data and the program itself, known before it starts:
 * arena (activations, parameters, gradients, the optimizer's slots, the gathered batch), the weights
 * that are kept and returned, the order of rows, and with early stopping what evaluates held-out
 * rows.
 *
 * @param rows number of rows drawn
 * @returns bytes
 */
export function trainingBytes(
  network: Network,
  spec: TrainSpec,
  rows: number,
  variant: Variant = "js",
): number {
  const work = workOf(network, spec, rows, variant);
  const { loss, terms, batches, rule } = work;
  const bytes = BYTES.float32;
  const arena =
    idle?.id === idOf(work)
      ? idle.training.bytes
      : arenaBytes(
          variant,
          trainingElements(network, { loss, terms, batches, slots: rule?.slots ?? 0 }),
        );
  const weights = (spec.average === undefined ? 2 : 3) * network.parameters.size * bytes;
  const before = bytesBefore(network, spec, rows, variant);
  const order =
    2 * rows * Uint32Array.BYTES_PER_ELEMENT +
    minimiserBytes(work, spec) +
    probeBytes(work, spec, rows) +
    (spec.semi === undefined ? 0 : rows * (network.inputs + network.targets + 4) * bytes);
  if (spec.earlyStopping === undefined) return Math.max(before, arena + weights + order);
  // The loss alone needs less than its gradient does on as many rows.
  const evaluation = arenaBytes(variant, trainingElements(network, { loss, batches: [64] }));
  const held = HELD_CHUNK * (network.inputs + network.targets) * bytes;
  return Math.max(before, arena + weights + order + evaluation + held);
}

/** What is taken before the training itself, and given back by then. */
function bytesBefore(
  network: Network,
  { pretrain }: TrainSpec,
  rows: number,
  variant: Variant,
): number {
  if (pretrain === undefined) return 0;
  const each = pretrainings(network, pretrain).map((one) =>
    trainingBytes(one.network, one.spec, rows, variant),
  );
  return pretrainingBytes(network, rows) + Math.max(0, ...each);
}

/** What probes take: gradients and products with the Hessian on an eighth of their rows. */
function probeBytes({ network, loss, variant }: Work, { probes }: TrainSpec, rows: number): number {
  if (probes === undefined) return 0;
  const batches = [Math.ceil(Math.min(probes.rows, rows) / 8)];
  return 2 * arenaBytes(variant, curvatureElements(network, { loss, batches }));
}

/** What a second-order method takes: its vectors, and the arena of its products. */
function minimiserBytes(
  { network, loss, batches, variant }: Work,
  { optimizer }: TrainSpec,
): number {
  if (!isSecondOrder(optimizer)) return 0;
  const vectors = BYTES.float64 * minimiserElements(optimizer, network.parameters.size);
  if (!wantsCurvature(optimizer)) return vectors;
  return vectors + arenaBytes(variant, curvatureElements(network, { loss, batches }));
}

function arenaBytes(variant: Variant, elements: number): number {
  return variant === "js" ? elements * BYTES.float32 : memoryBytes(elements);
}

/**
 * The last workbench that was given back, kept since trainings of one shape come in rows (the
 * members of a bag). It is taken out while in use, so that a training started from within another
 * gets its own. Nothing that a training reads survives in it.
 */
let idle: Workbench | null = null;

/** A workbench for that work; give it back with {@link returnWorkbench}. */
export function borrowWorkbench(work: Work): Workbench {
  const id = idOf(work);
  if (idle?.id !== id || idle.meter !== work.meter) {
    const { kernels } = arithmeticOf(work.variant);
    const { meter } = work;
    return makeWorkbench(id, work, meter ? meteredKernels(kernels, meter) : kernels);
  }
  const found = idle;
  idle = null;
  return found;
}

/** Keeps a workbench for the next training, instead of the one kept before. */
export function returnWorkbench(bench: Workbench): void {
  idle = bench;
}

function idOf({ network, loss, terms, batches, rule, variant }: Work): string {
  return JSON.stringify([network, loss, terms, batches, rule?.slots ?? 0, variant]);
}

function makeWorkbench(id: string, work: Work, kernels: KernelSet): Workbench {
  // Room is freed before more is taken.
  idle = null;
  const { network, loss, terms, batches, rule } = work;
  const training = compileTraining(network, {
    loss,
    terms,
    batches,
    kernels,
    slots: rule?.slots ?? 0,
  });
  let held: HeldBench | null = null;
  return {
    id,
    training,
    meter: work.meter,
    x: float32(training.x),
    y: float32(training.y),
    parameters: float32(training.parameters),
    gradients: float32(training.gradients),
    slots: training.slots.map(float32),
    coefficients: new Float32Array(COEFFICIENTS),
    held: () =>
      (held ??= {
        program: compileLoss(network, { loss, kernels }),
        order: Uint32Array.from({ length: HELD_CHUNK }, (_, i) => i),
        x: new Float32Array(HELD_CHUNK * network.inputs),
        y: new Float32Array(HELD_CHUNK * network.targets),
      }),
  };
}

function float32(values: Values): Float32Array {
  if (values instanceof Float32Array) return values;
  throw new ManyfoldError({
    code: "internal",
    path: "kernels of a training",
    condition: "float32",
    got: "float64",
    help: "Trainings run in float32; float64 kernels are for checks.",
  });
}
