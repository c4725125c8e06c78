import { ManyfoldError, show } from "@manyfold/protocol";
import { type Graph, type Node, topological } from "./graph.ts";
import { plainKernels } from "./arithmetic.ts";
import { BYTES, type KernelSet, type Values } from "./kernels/kernels.ts";
import {
  BOX,
  DIRECTION,
  lossGraph,
  networkGraph,
  type ObjectiveTerms,
  WEIGHTS,
} from "./loss-graph.ts";
import type { LossName } from "./losses.ts";
import { type Network, requireWeights } from "./network.ts";
import { input } from "./ops.ts";
import { type Plan, planGraph } from "./plan.ts";
import { networkLossRows, predictionOf } from "./sides.ts";
import type { Key } from "./rng.ts";
import { bindPlan, type Program } from "./run.ts";

/** What to compile a training for. */
export interface TrainingOptions {
  readonly loss: LossName;
  /** Every batch size that will be run: the batch, and what is left over at an epoch's end. */
  readonly batches: readonly number[];
  /** Number format and implementation. */
  readonly kernels: KernelSet;
  /** What the objective has besides its loss. */
  readonly terms?: ObjectiveTerms;
  /** How many parameter-sized views to reserve, such as an optimizer's moments (default 0). */
  readonly slots?: number;
}

/** A compiled gradient step. All views lie in one arena; nothing is allocated per run. */
export interface TrainingProgram {
  /** Size of the arena: all that a training needs besides its data. */
  readonly bytes: number;
  /** `[largest batch, inputs]`: write the batch's rows here before `run`. */
  readonly x: Values;
  /** `[largest batch, targets]`: one-hot or probability rows, or target values. */
  readonly y: Values;
  /** The flat parameters, laid out as `network.parameters`; the caller initialises and updates. */
  readonly parameters: Values;
  /** The gradients of the last run's mean loss, same layout. */
  readonly gradients: Values;
  /** With adversarial training: `reach`, `low` and `high`, each `[inputs]`; the caller fills them. */
  readonly box: readonly Values[];
  /** With virtual adversarial training `[largest batch, inputs]`, else empty; the caller fills it. */
  readonly direction: Values;
  /** Where rows are weighted `[largest batch]`, else empty: write the batch's weights here too. */
  readonly weights: Values;
  /** As many further views of that layout, zero at first, for an optimizer's moments. */
  readonly slots: readonly Values[];
  /**
   * Forward and backward on the first `rows` rows of x and y; returns their mean loss.
   *
   * @param rows one of the compiled batch sizes
   * @param step the key of this step; dropout masks follow from (step, layer, element)
   */
  run(rows: number, step: Key): number;
}

interface TrainingLayout {
  readonly x: number;
  readonly y: number;
  readonly parameters: number;
  readonly gradients: number;
  readonly slots: number;
  readonly loss: number;
  readonly box: readonly number[];
  readonly direction: number | null;
  readonly weights: number | null;
  /** Elements per slot. */
  readonly stride: number;
  readonly plans: ReadonlyMap<number, Plan>;
  readonly elements: number;
}

/** Elements of the arena that {@link compileTraining} will take, known without taking them. */
export function trainingElements(
  network: Network,
  options: Omit<TrainingOptions, "kernels">,
): number {
  return layOut(network, options).elements;
}

/** Compiles forward and backward pass of the mean loss, a plan a batch size, all in one arena. */
export function compileTraining(network: Network, options: TrainingOptions): TrainingProgram {
  const layout = layOut(network, options);
  const { kernels, slots = 0 } = options;
  const values = kernels.allocate(layout.elements);
  const { size } = network.parameters;
  const rows = Math.max(...options.batches);
  const programs = new Map<number, Program>();
  for (const [batch, plan] of layout.plans) programs.set(batch, bindPlan(plan, kernels, values));
  const view = (offset: number, length: number): Values => values.subarray(offset, offset + length);
  return {
    bytes: values.buffer.byteLength,
    x: view(layout.x, rows * network.inputs),
    y: view(layout.y, rows * network.targets),
    parameters: view(layout.parameters, size),
    gradients: view(layout.gradients, size),
    box: layout.box.map((offset) => view(offset, network.inputs)),
    direction: view(layout.direction ?? 0, layout.direction === null ? 0 : rows * network.inputs),
    weights: view(layout.weights ?? 0, layout.weights === null ? 0 : rows),
    slots: Array.from({ length: slots }, (_, i) => view(layout.slots + i * layout.stride, size)),
    run: (batch, step) => {
      const program = programs.get(batch);
      if (program === undefined) throw notCompiled(batch, options.batches);
      program.run(step);
      return values[layout.loss] as number;
    },
  };
}

/** Gives every named value of a training its place; the plans' own buffers follow behind. */
function layOut(network: Network, options: Omit<TrainingOptions, "kernels">): TrainingLayout {
  const rows = Math.max(...options.batches);
  let elements = 0;
  const reserve = (size: number): number => {
    const offset = elements;
    // Cache lines of 64 bytes, also in float32.
    elements += Math.ceil(size / 16) * 16;
    return offset;
  };
  const { size, tensors } = network.parameters;
  const stride = Math.ceil(size / 16) * 16;
  const x = reserve(rows * network.inputs);
  const y = reserve(rows * network.targets);
  const parameters = reserve(size);
  const gradients = reserve(size);
  const slots = reserve(stride * (options.slots ?? 0));
  const loss = reserve(1);
  const places = new Map([
    ["x", x],
    ["y", y],
    ["loss", loss],
  ]);
  const box = (options.terms?.adversarial === undefined ? [] : BOX).map((name) => {
    const offset = reserve(network.inputs);
    places.set(name, offset);
    return offset;
  });
  const direction = options.terms?.vat === undefined ? null : reserve(rows * network.inputs);
  if (direction !== null) places.set(DIRECTION, direction);
  const weights = options.terms?.weighted ? reserve(rows) : null;
  if (weights !== null) places.set(WEIGHTS, weights);
  for (const { name, offset } of tensors) {
    places.set(name, parameters + offset);
    places.set(gradientName(name), gradients + offset);
  }
  const reserved = { elements, places };
  const plans = new Map<number, Plan>();
  for (const batch of options.batches) {
    plans.set(batch, planGraph(trainingGraph(network, options, batch), reserved));
  }
  const total = Math.max(...[...plans.values()].map((plan) => plan.elements));
  return {
    x,
    y,
    parameters,
    gradients,
    slots,
    loss,
    box,
    direction,
    weights,
    stride,
    plans,
    elements: total,
  };
}

/** Mean loss over a batch, and its gradient in every tensor, as one graph. */
function trainingGraph(
  network: Network,
  { loss, terms }: Pick<TrainingOptions, "loss" | "terms">,
  batch: number,
): Graph {
  const { mean, gradients } = lossGraph(network, loss, batch, "rows", terms);
  const named = [...gradients].map(([name, node]): [string, Node] => [gradientName(name), node]);
  return { outputs: { loss: mean, ...Object.fromEntries(named) } };
}

function gradientName(tensor: string): string {
  return `gradient of ${tensor}`;
}

function notCompiled(batch: number, batches: readonly number[]): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: "rows of a training step",
    condition: `one of the compiled batch sizes ${batches.join(", ")}`,
    got: show(batch),
    help: "Give compileTraining every batch size that will be run.",
  });
}

/** A compiled mean loss without dropout, for any number of rows. */
export interface LossProgram {
  readonly bytes: number;
  /**
   * Mean loss over rows: x `[rows, inputs]`, y `[rows, targets]`. Each row's loss is computed in
   * the kernels' format, their sum in float64 by ascending row, so chunks do not matter.
   */
  evaluate(parameters: Values, x: Values, y: Values, rows: number): number;
}

/** What to compile a loss for. */
export interface LossOptions {
  readonly loss: LossName;
  readonly kernels: KernelSet;
  /** Rows computed at once (default 64); changes no result. */
  readonly chunk?: number;
}

/** Compiles the loss alone, for evaluation. */
export function compileLoss(network: Network, options: LossOptions): LossProgram {
  const { loss, kernels, chunk = 64 } = options;
  const { forward } = networkGraph(network, chunk, "off");
  const targets = input("y", [chunk, network.targets]);
  const losses = networkLossRows(network, loss, forward.logits, targets);
  const plan = planGraph({ outputs: { losses } });
  const program = bindPlan(plan, kernels, kernels.share(plan.elements));
  const y = program.inputs.get("y") as Values;
  const out = program.outputs.get("losses") as Values;
  return {
    bytes: plan.elements * BYTES[kernels.dtype],
    evaluate: (parameters, x, all, rows) => {
      load(program, network, parameters);
      let total = 0;
      eachChunk(program, network, x, rows, chunk, (from, count) => {
        const width = network.targets;
        y.set(all.subarray(from * width, (from + count) * width));
        program.run();
        for (let i = 0; i < count; i++) total += out[i] as number;
      });
      return total / rows;
    },
  };
}

/** A compiled prediction. */
export interface PredictionProgram {
  readonly bytes: number;
  /**
   * Predictions `[rows, columns]`, the head applied; a row's result does not depend on the others.
   *
   * @param mask with `masked`: the key of one dropout mask for all rows (a thinned network)
   */
  run(weights: Values, x: Values, rows: number, mask?: Key): Float32Array;
}

/** What to compile a prediction for. */
export interface PredictionOptions {
  /** One dropout mask for all rows instead of none (default false). */
  readonly masked?: boolean;
  /** Rows computed at once (default 64); changes no result. */
  readonly chunk?: number;
  /** Which of the network's further heads predicts; the first head without it. */
  readonly side?: number | undefined;
}

/**
 * The graph of a prediction `[rows, columns]`, over inputs named `x` `[rows, inputs]` and as the
 * network's tensors: for whoever writes it elsewhere.
 *
 * @param masked whether dropout layers draw one mask for all rows, or let everything through
 * @param side which of the network's further heads; the first head without it
 * @returns also every node it depends on, each after its inputs
 */
export function predictionGraph(
  network: Network,
  rows: number,
  masked: boolean,
  side?: number,
): { readonly prediction: Node; readonly order: readonly Node[] } {
  const { forward } = networkGraph(network, rows, masked ? "shared" : "off");
  const prediction = predictionOf(network, forward.logits, side);
  return { prediction, order: topological([prediction]) };
}

/**
 * Compiles a prediction. Always with plain float32 kernels, whatever the training used, so that
 * command line, server and browser agree to the bit.
 */
export function compilePrediction(
  network: Network,
  options: PredictionOptions = {},
): PredictionProgram {
  const { masked = false, chunk = 64, side } = options;
  const { prediction } = predictionGraph(network, chunk, masked, side);
  const columns = prediction.shape[1] as number;
  const plan = planGraph({ outputs: { prediction } });
  const kernels = plainKernels();
  const program = bindPlan(plan, kernels, kernels.share(plan.elements));
  const out = program.outputs.get("prediction") as Values;
  return {
    bytes: plan.elements * BYTES[kernels.dtype],
    run: (weights, x, rows, mask) => {
      if (masked !== (mask !== undefined)) throw maskMisfit(masked);
      load(program, network, weights);
      const predictions = new Float32Array(rows * columns);
      eachChunk(program, network, x, rows, chunk, (from, count) => {
        program.run(mask);
        predictions.set(out.subarray(0, count * columns), from * columns);
      });
      return predictions;
    },
  };
}

/**
 * Predictions of one network.
 *
 * @param weights flat, as `network.parameters` lays them out
 * @param x `[rows, inputs]`, row-major
 * @param options.mask key of one dropout mask for all rows; without it weights stand for their mean
 *   over masks (weight scaling, which inverted dropout has built in)
 * @returns `[rows, columns]`
 *
 * @example
 * const probabilities = predict(network, weights, x, rows);
 */
export function predict(
  network: Network,
  weights: Float32Array,
  x: Float32Array,
  rows: number,
  options: { readonly mask?: Key } = {},
): Float32Array {
  const masked = options.mask !== undefined;
  const chunk = Math.max(1, Math.min(rows, 64));
  return compilePrediction(network, { masked, chunk }).run(weights, x, rows, options.mask);
}

/**
 * Where numbers first stop being finite, from input to output: `input`, or the name of the layer
 * whose parameters or outputs are the first with a NaN or an infinity; `null` where all are finite.
 */
export function firstNonFinite(
  network: Network,
  weights: Values,
  x: Values,
  rows: number,
): string | null {
  const { forward } = networkGraph(network, rows, "off");
  const outputs = Object.fromEntries(forward.layers.map(({ name, output }) => [name, output]));
  const plan = planGraph({ outputs });
  const kernels = plainKernels();
  const program = bindPlan(plan, kernels, kernels.share(plan.elements));
  load(program, network, weights);
  const inputs = x.subarray(0, rows * network.inputs);
  if (!allFinite(inputs)) return "input";
  (program.inputs.get("x") as Values).set(inputs);
  program.run();
  for (const layer of network.layers) {
    const learned = layer.kind === "dropout" ? null : layer.learned;
    const tensors = layer.kind === "dense" ? [layer.weight, layer.bias, learned] : [learned];
    const parts = tensors.flatMap((tensor) =>
      tensor === null ? [] : [weights.subarray(tensor.offset, tensor.offset + tensor.size)],
    );
    parts.push(program.outputs.get(layer.name) as Values);
    if (!parts.every(allFinite)) return layer.name;
  }
  return null;
}

function allFinite(values: Values): boolean {
  return values.every(Number.isFinite);
}

/** Writes the flat weights into the program's inputs. */
function load(program: Program, network: Network, weights: Values): void {
  requireWeights(network, weights);
  for (const { name, offset, size } of network.parameters.tensors) {
    program.inputs.get(name)?.set(weights.subarray(offset, offset + size));
  }
}

/** Writes the rows into `x` chunk by chunk; what is left from before behind the last is not used. */
function eachChunk(
  program: Program,
  network: Network,
  x: Values,
  rows: number,
  chunk: number,
  run: (from: number, count: number) => void,
): void {
  const inputs = program.inputs.get("x");
  for (let from = 0; from < rows; from += chunk) {
    const count = Math.min(chunk, rows - from);
    inputs?.set(x.subarray(from * network.inputs, (from + count) * network.inputs));
    run(from, count);
  }
}

function maskMisfit(masked: boolean): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: "mask",
    condition: masked ? "given, since the program was compiled with masked" : "left out",
    help: "Compile the prediction with { masked: true } to draw dropout masks, and only then.",
  });
}
