import { match, type SecondOrder } from "@manyfold/protocol";
import { newton, newtonCg } from "./newton.ts";
import { type Iterate, type Point, pointAt, type SmoothObjective } from "./objective.ts";
import { bfgs, conjugateGradients, lbfgs } from "./quasi-newton.ts";

/** The iteration of a configured method. */
export function iterationOf(method: SecondOrder, objective: SmoothObjective): Iterate {
  return match<SecondOrder, Iterate>(method, {
    newton: ({ damping }) => newton(objective, damping),
    newtonCg: ({ damping, products }) => newtonCg(objective, damping, products),
    cg: ({ beta }) => conjugateGradients(objective, beta),
    bfgs: () => bfgs(objective),
    lbfgs: ({ memory }) => lbfgs(objective, memory),
  });
}

/** Whether no component of a gradient exceeds a tolerance. */
export function isFlat({ gradient }: Point, tolerance: number): boolean {
  return gradient.every((g) => Math.abs(g) <= tolerance);
}

/**
 * Follows a method from a start, point by point, until the gradient is within the tolerance, no way
 * leads down, or `most` iterations are done. Each point but the start is one iteration.
 *
 * @example
 * const path = minimise({ lbfgs: { memory: 10, tolerance: 1e-8 } }, objective, start, 100);
 */
export function minimise(
  method: SecondOrder,
  objective: SmoothObjective,
  start: Float64Array,
  most: number,
): Point[] {
  const iterate = iterationOf(method, objective);
  const { tolerance } = match<SecondOrder, { tolerance: number }>(method, {
    newton: (settings) => settings,
    newtonCg: (settings) => settings,
    cg: (settings) => settings,
    bfgs: (settings) => settings,
    lbfgs: (settings) => settings,
  });
  const path = [pointAt(objective, start)];
  for (let at = path[0]!; path.length <= most && !isFlat(at, tolerance); path.push(at)) {
    const next = iterate(at);
    if (next === null) break;
    at = next;
  }
  return path;
}
