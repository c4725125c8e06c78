import {
  bindPlan,
  COEFFICIENTS,
  grad,
  JS_KERNELS,
  type Node,
  optimizerRule,
  ops,
  planGraph,
  startOptimizer,
  updates64,
} from "@manyfold/core";
import type { FirstOrder } from "@manyfold/protocol";

/** A number of variables as one graph: the node that stands for each, and where it starts. */
export interface Variable {
  readonly node: Node;
  readonly start: ArrayLike<number>;
}

/** A scalar graph of some variables and of values that are given. */
export interface Problem {
  readonly loss: Node;
  readonly variables: readonly Variable[];
  readonly given?: { readonly [name: string]: ArrayLike<number> };
  readonly optimizer: FirstOrder;
  readonly steps: number;
  /** The schedule's factor on the rate; 1 without it. */
  readonly factor?: (step: number) => number;
  /** Changes gradients before, or variables after, the step. */
  readonly before?: (gradient: Float64Array, step: number) => void;
  readonly after?: (values: Float64Array, step: number) => void;
}

/** A descent: variables after the last step, loss and variables before each. */
export interface Descent {
  readonly values: Float64Array;
  readonly losses: number[];
  readonly path: Float64Array[];
}

/** Follows an update rule of the product down a graph, in float64; all variables in one buffer. */
export function descend(problem: Problem): Descent {
  const { loss, variables, optimizer, steps, given = {} } = problem;
  const gradients = grad(
    loss,
    variables.map(({ node }) => node),
  );
  const outputs = Object.fromEntries(gradients.map((node, i) => [`g${i}`, node]));
  const program = bindPlan(planGraph({ outputs: { ...outputs, loss } }), JS_KERNELS.float64);
  for (const [name, values] of Object.entries(given)) program.inputs.get(name)?.set(values);
  const values = Float64Array.from(variables.flatMap(({ start }) => Array.from(start)));
  const gradient = new Float64Array(values.length);
  const rule = optimizerRule(optimizer);
  const slots = Array.from({ length: rule.slots }, () => new Float64Array(values.length));
  const running = startOptimizer(rule, updates64, slots, new Float64Array(COEFFICIENTS));
  const [losses, path]: [number[], Float64Array[]] = [[], []];
  const places = placesOf(variables);
  for (let step = 0; step < steps; step++) {
    for (const { name, from, to } of places) {
      program.inputs.get(name)?.set(values.subarray(from, to));
    }
    program.run();
    places.forEach(({ from }, i) => gradient.set(program.outputs.get(`g${i}`) ?? [], from));
    losses.push(program.outputs.get("loss")?.[0] ?? NaN);
    path.push(values.slice());
    problem.before?.(gradient, step);
    running.step(values, gradient, problem.factor?.(step) ?? 1);
    problem.after?.(values, step);
  }
  path.push(values.slice());
  return { values, losses, path };
}

/** An input and its start. */
export function variable(
  name: string,
  shape: readonly number[],
  start: ArrayLike<number>,
): Variable {
  return { node: ops.input(name, shape), start };
}

function placesOf(variables: readonly Variable[]): { name: string; from: number; to: number }[] {
  let at = 0;
  return variables.map(({ node, start }) => {
    const from = at;
    at += start.length;
    const { name } = node.attributes as { name?: string };
    return { name: name ?? "", from, to: at };
  });
}

/** The numbers of {@link descend} after any run of the rule on gradients that are given. */
export function follow(
  optimizer: FirstOrder,
  start: ArrayLike<number>,
  gradientAt: (values: Float64Array, step: number) => ArrayLike<number>,
  steps: number,
  factor: (step: number) => number = () => 1,
): Float64Array[] {
  const values = Float64Array.from(start);
  const rule = optimizerRule(optimizer);
  const slots = Array.from({ length: rule.slots }, () => new Float64Array(values.length));
  const running = startOptimizer(rule, updates64, slots, new Float64Array(COEFFICIENTS));
  const path = [values.slice()];
  for (let step = 0; step < steps; step++) {
    running.step(values, Float64Array.from(gradientAt(values, step)), factor(step));
    path.push(values.slice());
  }
  return path;
}
