/** A smooth function of many numbers, as the methods of this folder see it. */
export interface SmoothObjective {
  /** Number of variables. */
  readonly size: number;
  /** The value at theta; writes the gradient there. */
  readonly evaluate: (theta: Float64Array, gradient: Float64Array) => number;
  /** The product of the Hessian at theta and v, exact but for rounding. */
  readonly curvature: (theta: Float64Array, v: Float64Array) => Float64Array;
}

/** Where a descent stands. */
export interface Point {
  readonly theta: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
}

export function pointAt(objective: SmoothObjective, theta: Float64Array): Point {
  const gradient = new Float64Array(objective.size);
  const value = objective.evaluate(theta, gradient);
  return { theta, value, gradient };
}

/** One iteration of a method, and what it leads to; null where it finds no way down any more. */
export type Iterate = (at: Point) => Point | null;
