import { elementary, normalQuantile } from "@manyfold/core";

const { exp, log, log1p } = elementary;

/** The standard normal distribution in double precision, from own arithmetic: same bits everywhere. */

const HALF_ROOT = Math.SQRT1_2;
const ONE_OVER_ROOT_PI = 0.5641895835477563;
/** log √(2π). */
export const LOG_ROOT_TWO_PI = 0.9189385332046728;

/**
 * e^(x²) erfc(x) for x >= 0, to about 1e-15 relative (Cody 1969, Rational Chebyshev approximations
 * for the error function: three ranges, with the coefficients of the paper).
 */
function scaledErfc(x: number): number {
  if (x < 0.46875) return exp(x * x) * (1 - erfNearZero(x));
  if (x <= 4) return ratio(MIDDLE_TOP, MIDDLE_BOTTOM, x);
  const inverse = 1 / (x * x);
  return (ONE_OVER_ROOT_PI - inverse * ratio(TAIL_TOP, TAIL_BOTTOM, inverse)) / x;
}

function erfNearZero(x: number): number {
  return x * ratio(CENTRE_TOP, CENTRE_BOTTOM, x * x);
}

/** Two polynomials of equal degree; the lowest power first. */
function ratio(top: readonly number[], bottom: readonly number[], x: number): number {
  let above = 0;
  let below = 0;
  for (let i = top.length - 1; i >= 0; i--) {
    above = above * x + (top[i] as number);
    below = below * x + (bottom[i] as number);
  }
  return above / below;
}

/** Φ(z), the probability below z; z²/2 units in the last place in the lower tail. */
export function normalCdf(z: number): number {
  const x = Math.abs(z) * HALF_ROOT;
  if (x < 0.46875) return 0.5 + 0.5 * erfNearZero(z < 0 ? -x : x);
  const beyond = 0.5 * exp(-x * x) * scaledErfc(x);
  return z < 0 ? beyond : 1 - beyond;
}

/** log Φ(z), accurate in both tails. */
export function logNormalCdf(z: number): number {
  if (z > -1) return z > 0 ? log1p(-normalCdf(-z)) : log(normalCdf(z));
  return log(0.5 * scaledErfc(-z * HALF_ROOT)) - 0.5 * z * z;
}

/** log(Φ(high) - Φ(low)) for low <= high, accurate in both tails. */
export function logMass(low: number, high: number): number {
  if (low > 0) return logMass(-high, -low);
  if (high <= 0) {
    const upper = logNormalCdf(high);
    return upper + log1p(-exp(logNormalCdf(low) - upper));
  }
  return log1p(-normalCdf(low) - normalCdf(-high));
}

/**
 * The point of the standard normal distribution, truncated to [low, high] with low <= 0 <= high,
 * below which a share of its mass lies.
 *
 * @param share from 0 to 1
 */
export function truncatedQuantile(share: number, low: number, high: number): number {
  const below = normalCdf(low);
  const above = normalCdf(-high);
  const inside = 1 - below - above;
  const lower = below + share * inside;
  // In the upper half the mass beyond is the accurate number.
  const upper = above + (1 - share) * inside;
  const point = lower < upper ? quantile(lower) : -quantile(upper);
  return Math.min(Math.max(point, low), high);
}

function quantile(p: number): number {
  return p <= 0 ? -Infinity : normalQuantile(p);
}

const CENTRE_TOP = [
  3209.3775891384694, 377.485237685302, 113.86415415105016, 3.1611237438705655, 0.18577770618460315,
];
const CENTRE_BOTTOM = [
  2844.236833439171, 1282.6165260773723, 244.02463793444417, 23.601290952344122, 1,
];
const MIDDLE_TOP = [
  1230.3393547979972, 2051.0783778260716, 1712.0476126340707, 881.952221241769, 298.6351381974001,
  66.11919063714163, 8.883149794388377, 0.5641884969886701, 2.1531153547440383e-8,
];
const MIDDLE_BOTTOM = [
  1230.3393548037495, 3439.3676741437216, 4362.619090143247, 3290.7992357334597, 1621.3895745666903,
  537.1811018620099, 117.6939508913125, 15.744926110709835, 1,
];
const TAIL_TOP = [
  0.0006587491615298378, 0.016083785148742275, 0.12578172611122926, 0.3603448999498044,
  0.30532663496123236, 0.016315387137302097,
];
const TAIL_BOTTOM = [
  0.0023352049762686918, 0.06051834131244132, 0.5279051029514285, 1.8729528499234604,
  2.568520192289822, 1,
];
