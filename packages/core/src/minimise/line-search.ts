import { type Point, pointAt, type SmoothObjective } from "./objective.ts";
import { dot, plus } from "./vectors.ts";

/** What a step has to satisfy, 0 < decrease < curvature < 1. */
export interface Wolfe {
  /** c1: the value falls by at least this share of what the slope promises. */
  readonly decrease: number;
  /** c2: the slope's size falls to at most this share. */
  readonly curvature: number;
}

/** For Newton's and the quasi-Newton methods, and for conjugate gradients (Nocedal and Wright, 3.1). */
export const NEWTON_WOLFE: Wolfe = { decrease: 1e-4, curvature: 0.9 };
export const CONJUGATE_WOLFE: Wolfe = { decrease: 1e-4, curvature: 0.1 };

const TRIES = 30;
const LARGEST = 1e10;

interface Probe {
  readonly step: number;
  readonly point: Point;
  readonly slope: number;
}

/**
 * A step along a descent direction that satisfies the strong Wolfe conditions
 * f(a) <= f(0) + c1 a f'(0) and |f'(a)| <= c2 |f'(0)|: bracket, then zoom by safeguarded cubic
 * interpolation (Nocedal and Wright 2006, algorithms 3.5 and 3.6, equation 3.59).
 *
 * @param first the step to try first
 * @returns the point; after too many tries the lowest one of sufficient decrease; null without one
 */
export function strongWolfe(
  objective: SmoothObjective,
  from: Point,
  direction: Float64Array,
  first: number,
  { decrease, curvature }: Wolfe,
): Point | null {
  const slope0 = dot(from.gradient, direction);
  if (!(slope0 < 0)) return null;
  let tries = 0;
  const probe = (step: number): Probe => {
    tries += 1;
    const point = pointAt(objective, plus(from.theta, step, direction));
    return { step, point, slope: dot(point.gradient, direction) };
  };
  // Values that are not finite are too high.
  const tooHigh = ({ step, point }: Probe): boolean =>
    !(point.value <= from.value + decrease * step * slope0);
  const flat = ({ slope }: Probe): boolean => Math.abs(slope) <= -curvature * slope0;

  let low: Probe = { step: 0, point: from, slope: slope0 };
  let high: Probe | null = null;
  for (let step = first; tries < TRIES && high === null;) {
    const at = probe(step);
    if (tooHigh(at) || (low.step > 0 && at.point.value >= low.point.value)) high = at;
    else if (flat(at)) return at.point;
    else if (at.slope >= 0) {
      high = low;
      low = at;
    } else {
      low = at;
      step *= 2;
      if (step > LARGEST) break;
    }
  }
  while (high !== null && tries < TRIES) {
    const at = probe(interpolated(low, high));
    if (tooHigh(at) || at.point.value >= low.point.value) high = at;
    else {
      if (flat(at)) return at.point;
      if (at.slope * (high.step - low.step) >= 0) high = low;
      low = at;
    }
  }
  return low.step > 0 ? low.point : null;
}

/**
 * The lowest point of the cubic through values and slopes at both ends, kept a tenth of the interval
 * away from them; the middle where there is none.
 */
function interpolated(a: Probe, b: Probe): number {
  const span = b.step - a.step;
  const d1 = a.slope + b.slope - (3 * (a.point.value - b.point.value)) / (a.step - b.step);
  const d2 = Math.sign(span) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const cubic = b.step - (span * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  const share = (cubic - a.step) / span;
  if (!Number.isFinite(share)) return a.step + span / 2;
  return a.step + span * Math.min(0.9, Math.max(0.1, share));
}
