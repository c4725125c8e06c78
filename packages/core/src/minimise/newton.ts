import { NEWTON_WOLFE, strongWolfe } from "./line-search.ts";
import { type Iterate, type Point, pointAt, type SmoothObjective } from "./objective.ts";
import { dot, norm, plus, scaled } from "./vectors.ts";

const TRIES = 40;

/**
 * Newton's method with the whole Hessian, one product a column.
 *
 * With damping 0 it is the bare step -H^-1 g (Goodfellow, Bengio, Courville 2016, equation 8.27),
 * which goes to any point without slope, saddles included. Otherwise (H + lambda I) d = -g (8.28),
 * lambda raised until the matrix is positive definite and the value falls, and changed by how well
 * the quadratic model foretold it (Marquardt 1963).
 */
export function newton(objective: SmoothObjective, damping: number): Iterate {
  let lambda = damping;
  return (at) => {
    const hessian = hessianAt(objective, at.theta);
    if (damping === 0) {
      const direction = solveGeneral(hessian, scaled(at.gradient, -1));
      return direction && pointAt(objective, plus(at.theta, 1, direction));
    }
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const direction = solvePositive(hessian, lambda, scaled(at.gradient, -1));
      if (direction !== null) {
        const next = pointAt(objective, plus(at.theta, 1, direction));
        const change = changeOf(at, direction, product(hessian, direction));
        const ratio = (next.value - at.value) / change;
        if (next.value < at.value) {
          if (ratio > 0.75) lambda /= 4;
          else if (ratio < 0.25) lambda *= 4;
          return next;
        }
      }
      lambda = Math.max(4 * lambda, 1e-8);
    }
    return null;
  };
}

/**
 * Newton-CG: (H + lambda I) d = -g solved by conjugate gradients on exact products with the Hessian,
 * to a residual of min(1/2, sqrt |g|) |g|, ended by negative curvature (Nocedal and Wright 2006,
 * algorithm 7.1); then a strong Wolfe line search. Lambda follows the model's forecast (Martens
 * 2010, section 4.1).
 *
 * @param most products a step may take
 */
export function newtonCg(objective: SmoothObjective, damping: number, most: number): Iterate {
  let lambda = damping;
  return (at) => {
    const length = norm(at.gradient);
    const enough = Math.min(0.5, Math.sqrt(length)) * length;
    const times = (v: Float64Array): Float64Array =>
      plus(objective.curvature(at.theta, v), lambda, v);
    const direction = truncated(times, at.gradient, enough, most);
    const next = strongWolfe(objective, at, direction, 1, NEWTON_WOLFE);
    if (next === null || damping === 0) return next;
    const step = plus(next.theta, -1, at.theta);
    const ratio = (next.value - at.value) / changeOf(at, step, objective.curvature(at.theta, step));
    if (ratio < 0.25) lambda *= 1.5;
    else if (ratio > 0.75) lambda /= 1.5;
    return next;
  };
}

function truncated(
  times: (v: Float64Array) => Float64Array,
  gradient: Float64Array,
  enough: number,
  most: number,
): Float64Array {
  let direction: Float64Array = new Float64Array(gradient.length);
  let residual: Float64Array = gradient.slice();
  let search: Float64Array = scaled(gradient, -1);
  for (let i = 0; i < most; i++) {
    const bent = times(search);
    const bend = dot(search, bent);
    if (!(bend > 0)) return i === 0 ? search : direction;
    const squares = dot(residual, residual);
    const alpha = squares / bend;
    direction = plus(direction, alpha, search);
    residual = plus(residual, alpha, bent);
    if (norm(residual) <= enough) break;
    search = plus(scaled(residual, -1), dot(residual, residual) / squares, search);
  }
  return direction;
}

/** What the quadratic model says of a step: g'd + d'Hd / 2. */
function changeOf({ gradient }: Point, d: Float64Array, bent: Float64Array): number {
  return dot(gradient, d) + dot(d, bent) / 2;
}

/** The Hessian `[n, n]` from n products, made symmetric. */
function hessianAt(objective: SmoothObjective, theta: Float64Array): Float64Array {
  const n = objective.size;
  const hessian = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    const unit = new Float64Array(n);
    unit[column] = 1;
    const bent = objective.curvature(theta, unit);
    for (let row = 0; row < n; row++) hessian[row * n + column] = bent[row]!;
  }
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < row; column++) {
      const mean = (hessian[row * n + column]! + hessian[column * n + row]!) / 2;
      hessian[row * n + column] = mean;
      hessian[column * n + row] = mean;
    }
  }
  return hessian;
}

function product(matrix: Float64Array, x: Float64Array): Float64Array {
  const n = x.length;
  return x.map((_, row) => dot(matrix.subarray(row * n, (row + 1) * n), x));
}

/** (A + lambda I) x = b by Cholesky's factors; null where that is not positive definite. */
function solvePositive(a: Float64Array, lambda: number, b: Float64Array): Float64Array | null {
  const n = b.length;
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]! + (i === j ? lambda : 0);
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!;
      if (i !== j) lower[i * n + j] = sum / lower[j * n + j]!;
      else if (sum > 0) lower[i * n + i] = Math.sqrt(sum);
      else return null;
    }
  }
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i * n + k]! * x[k]!;
    x[i]! /= lower[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= lower[k * n + i]! * x[k]!;
    x[i]! /= lower[i * n + i]!;
  }
  return x;
}

/** A x = b by elimination with row pivots; null where A is singular. */
function solveGeneral(matrix: Float64Array, b: Float64Array): Float64Array | null {
  const n = b.length;
  const a = matrix.slice();
  const x = b.slice();
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(a[row * n + column]!) > Math.abs(a[pivot * n + column]!)) pivot = row;
    }
    if (!(Math.abs(a[pivot * n + column]!) > 0)) return null;
    if (pivot !== column) {
      const [here, there] = [a.slice(column * n, (column + 1) * n), x[column]!];
      a.copyWithin(column * n, pivot * n, (pivot + 1) * n);
      a.set(here, pivot * n);
      x[column] = x[pivot]!;
      x[pivot] = there;
    }
    for (let row = column + 1; row < n; row++) {
      const by = a[row * n + column]! / a[column * n + column]!;
      for (let k = column; k < n; k++) a[row * n + k]! -= by * a[column * n + k]!;
      x[row]! -= by * x[column]!;
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let k = row + 1; k < n; k++) x[row]! -= a[row * n + k]! * x[k]!;
    x[row]! /= a[row * n + row]!;
  }
  return x;
}
