import { CONJUGATE_WOLFE, NEWTON_WOLFE, strongWolfe, type Wolfe } from "./line-search.ts";
import type { Iterate, Point, SmoothObjective } from "./objective.ts";
import { dot, minus, norm, plus, scaled } from "./vectors.ts";

/** The step that a line search tries first. */
export type FirstStep = (at: Point, direction: Float64Array, iteration: number) => number;

/**
 * The step to the lowest point of the quadratic model, -g'd / d'Hd, from one product with the
 * Hessian: on a quadratic it is exact. 1 where the function curves down.
 */
export function exactFirst(objective: SmoothObjective): FirstStep {
  return ({ theta, gradient }, direction) => {
    const bend = dot(direction, objective.curvature(theta, direction));
    return bend > 0 ? -dot(gradient, direction) / bend : 1;
  };
}

/** 1, Newton's own step; at first no longer than a unit step along the gradient. */
const unitFirst: FirstStep = (at, _, iteration) =>
  iteration === 0 ? Math.min(1, 1 / norm(at.gradient)) : 1;

/**
 * Nonlinear conjugate gradients, d = -g + beta d (Nocedal and Wright 2006, section 5.2):
 * Fletcher-Reeves g'g / g_'g_, or Polak-Ribiere+ max(0, g'(g - g_) / g_'g_). Starts again from the
 * steepest descent every n iterations, and where d points upwards.
 */
export function conjugateGradients(
  objective: SmoothObjective,
  beta: "polakRibiere" | "fletcherReeves",
  first: FirstStep = exactFirst(objective),
): Iterate {
  let last: { gradient: Float64Array; direction: Float64Array } | null = null;
  let since = 0;
  return (at) => {
    const { gradient } = at;
    let direction = scaled(gradient, -1);
    if (last !== null && since < objective.size) {
      const before = dot(last.gradient, last.gradient);
      const factor =
        beta === "fletcherReeves"
          ? dot(gradient, gradient) / before
          : Math.max(0, dot(gradient, minus(gradient, last.gradient)) / before);
      direction = plus(direction, factor, last.direction);
    } else since = 0;
    if (!(dot(direction, gradient) < 0)) {
      direction = scaled(gradient, -1);
      since = 0;
    }
    const next = strongWolfe(
      objective,
      at,
      direction,
      first(at, direction, since),
      CONJUGATE_WOLFE,
    );
    last = { gradient, direction };
    since += 1;
    return next;
  };
}

/**
 * BFGS with the inverse Hessian as a matrix (Nocedal and Wright 2006, equation 6.17), which starts
 * as the identity, scaled once the first curvature is known (6.20) unless `scale` is false.
 */
export function bfgs(
  objective: SmoothObjective,
  first: FirstStep = unitFirst,
  { scale = true, wolfe = NEWTON_WOLFE }: { scale?: boolean; wolfe?: Wolfe } = {},
): Iterate {
  const n = objective.size;
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) inverse[i * n + i] = 1;
  let iteration = 0;
  return (at) => {
    const direction = scaled(times(inverse, at.gradient), -1);
    const next = strongWolfe(objective, at, direction, first(at, direction, iteration), wolfe);
    if (next === null) return null;
    const s = minus(next.theta, at.theta);
    const y = minus(next.gradient, at.gradient);
    const sy = dot(s, y);
    if (usable(s, y, sy)) {
      if (iteration === 0 && scale) {
        const by = sy / dot(y, y);
        for (let i = 0; i < n; i++) inverse[i * n + i] = by;
      }
      updateInverse(inverse, s, y, sy);
    }
    iteration += 1;
    return next;
  };
}

/** H + (1 + y'Hy / sy) ss' / sy - (Hy s' + s (Hy)') / sy. */
function updateInverse(inverse: Float64Array, s: Float64Array, y: Float64Array, sy: number): void {
  const n = s.length;
  const hy = times(inverse, y);
  const factor = (1 + dot(y, hy) / sy) / sy;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      inverse[i * n + j]! += factor * s[i]! * s[j]! - (hy[i]! * s[j]! + s[i]! * hy[j]!) / sy;
    }
  }
}

function times(matrix: Float64Array, x: Float64Array): Float64Array {
  const n = x.length;
  return x.map((_, row) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += matrix[row * n + i]! * x[i]!;
    return sum;
  });
}

/** L-BFGS by the two-loop recursion (Nocedal and Wright 2006, algorithms 7.4 and 7.5). */
export function lbfgs(
  objective: SmoothObjective,
  memory: number,
  first: FirstStep = unitFirst,
): Iterate {
  const pairs: { s: Float64Array; y: Float64Array; sy: number }[] = [];
  let iteration = 0;
  return (at) => {
    let q: Float64Array = at.gradient.slice();
    const alphas = pairs.toReversed().map(({ s, y, sy }) => {
      const alpha = dot(s, q) / sy;
      q = plus(q, -alpha, y);
      return alpha;
    });
    const newest = pairs.at(-1);
    if (newest) q = scaled(q, newest.sy / dot(newest.y, newest.y));
    for (const [i, { s, y, sy }] of pairs.entries()) {
      const alpha = alphas[pairs.length - 1 - i]!;
      q = plus(q, alpha - dot(y, q) / sy, s);
    }
    const direction = scaled(q, -1);
    const step = first(at, direction, iteration);
    const next = strongWolfe(objective, at, direction, step, NEWTON_WOLFE);
    iteration += 1;
    if (next === null) return null;
    const s = minus(next.theta, at.theta);
    const y = minus(next.gradient, at.gradient);
    const sy = dot(s, y);
    if (usable(s, y, sy)) {
      pairs.push({ s, y, sy });
      if (pairs.length > memory) pairs.shift();
    }
    return next;
  };
}

/** A pair that curves up by more than rounding; others would spoil the estimate. */
function usable(s: Float64Array, y: Float64Array, sy: number): boolean {
  return sy > 1e-10 * norm(s) * norm(y);
}
