import { jvp } from "./autodiff.ts";
import type { Node } from "./graph.ts";
import type { KernelSet, Values } from "./kernels/kernels.ts";
import { lossGraph, WEIGHTS } from "./loss-graph.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";
import { input } from "./ops.ts";
import { type Plan, planGraph } from "./plan.ts";
import { bindPlan, type Program } from "./run.ts";

/** What to compile products with the Hessian for. */
export interface CurvatureOptions {
  readonly loss: LossName;
  /** Every number of rows that will be run. */
  readonly batches: readonly number[];
  readonly kernels: KernelSet;
  /** Whether each row's loss counts by a weight of its own. */
  readonly weighted?: boolean;
}

/** A compiled product of the mean loss's Hessian, without dropout, and a vector. */
export interface CurvatureProgram {
  /** `[most rows, inputs]` and `[most rows, targets]`: write the rows here before `run`. */
  readonly x: Values;
  readonly y: Values;
  /** Where rows are weighted `[most rows]`, else empty. */
  readonly weights: Values;
  /** Flat, as `network.parameters`: where, and the vector. */
  readonly parameters: Values;
  readonly direction: Values;
  /** The product of the last run, same layout. */
  readonly product: Values;
  /** On the first `rows` rows of x and y. */
  run(rows: number): void;
}

/**
 * Compiles Hv as the derivative of the gradient along v, forward over reverse: exact, at about the
 * cost of two gradients (Pearlmutter 1994; Goodfellow, Bengio, Courville 2016, equation 6.59).
 */
export function compileCurvature(network: Network, options: CurvatureOptions): CurvatureProgram {
  const layout = layOut(network, options);
  const { kernels, batches } = options;
  const values = kernels.allocate(layout.elements);
  const programs = new Map<number, Program>();
  for (const [rows, plan] of layout.plans) programs.set(rows, bindPlan(plan, kernels, values));
  const view = (offset: number, length: number): Values => values.subarray(offset, offset + length);
  const rows = Math.max(...batches);
  const { size } = network.parameters;
  return {
    x: view(layout.x, rows * network.inputs),
    y: view(layout.y, rows * network.targets),
    weights: view(layout.weights ?? 0, layout.weights === null ? 0 : rows),
    parameters: view(layout.parameters, size),
    direction: view(layout.direction, size),
    product: view(layout.product, size),
    run: (count) => programs.get(count)?.run(),
  };
}

/** Elements of the arena that {@link compileCurvature} will take. */
export function curvatureElements(
  network: Network,
  options: Omit<CurvatureOptions, "kernels">,
): number {
  return layOut(network, options).elements;
}

function layOut(
  network: Network,
  { loss, batches, weighted = false }: Omit<CurvatureOptions, "kernels">,
) {
  let elements = 0;
  const reserve = (size: number): number => {
    const offset = elements;
    elements += Math.ceil(size / 16) * 16;
    return offset;
  };
  const most = Math.max(...batches);
  const { size, tensors } = network.parameters;
  const x = reserve(most * network.inputs);
  const y = reserve(most * network.targets);
  const [parameters, direction, product] = [reserve(size), reserve(size), reserve(size)];
  const places = new Map([
    ["x", x],
    ["y", y],
  ]);
  const weights = weighted ? reserve(most) : null;
  if (weights !== null) places.set(WEIGHTS, weights);
  for (const { name, offset } of tensors) {
    places.set(name, parameters + offset);
    places.set(directionName(name), direction + offset);
    places.set(productName(name), product + offset);
  }
  const plans = new Map<number, Plan>();
  for (const rows of batches) {
    const outputs = curvatureOutputs(network, loss, rows, weighted);
    plans.set(rows, planGraph({ outputs }, { elements, places }));
  }
  const total = Math.max(...[...plans.values()].map((plan) => plan.elements));
  return { x, y, weights, parameters, direction, product, plans, elements: total };
}

function curvatureOutputs(
  network: Network,
  loss: LossName,
  rows: number,
  weighted: boolean,
): Record<string, Node> {
  const { parameters, gradients } = lossGraph(network, loss, rows, "off", { weighted });
  const names = [...gradients.keys()];
  const products = jvp(
    [...gradients.values()],
    names.map((name) => parameters.get(name) as Node),
    names.map((name) => input(directionName(name), (parameters.get(name) as Node).shape)),
  );
  return Object.fromEntries(names.map((name, i) => [productName(name), products[i] as Node]));
}

function directionName(tensor: string): string {
  return `direction of ${tensor}`;
}

function productName(tensor: string): string {
  return `product of ${tensor}`;
}
