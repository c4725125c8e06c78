/**
 * The lower triangle L with A = L L^T of a symmetric matrix `[n, n]`, row-major; null where A is not
 * positive definite (a pivot below 1e-12 of its diagonal entry counts as none).
 */
export function cholesky(matrix: Float64Array, n: number): Float64Array | null {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!;
      if (i !== j) {
        lower[i * n + j] = sum / lower[j * n + j]!;
        continue;
      }
      if (!(sum > 1e-12 * matrix[i * n + i]!)) return null;
      lower[i * n + i] = Math.sqrt(sum);
    }
  }
  return lower;
}

/** The x `[n]` with L L^T x = b. */
export function solveLower(lower: Float64Array, b: ArrayLike<number>): Float64Array {
  const n = b.length;
  const x = Float64Array.from(b);
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

/**
 * The x >= 0 `[n]` that minimises x^T A x / 2 - b^T x, for a positive definite A `[n, n]`: block
 * principal pivoting (Portugal, Judice and Vicente 1994). Whole blocks change sides as long as fewer
 * and fewer signs are wrong, then one at a time, which always ends (Murty 1974).
 */
export function nonNegativeSolution(matrix: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const free = new Uint8Array(n).fill(1);
  let fewest = n + 1;
  let patience = 3;
  for (;;) {
    const x = solveFree(matrix, b, free);
    const wrong: number[] = [];
    for (let i = 0; i < n; i++) {
      let slope = -b[i]!;
      let size = Math.abs(b[i]!);
      if (free[i] === 0) {
        for (let k = 0; k < n; k++) {
          const term = matrix[i * n + k]! * x[k]!;
          slope += term;
          size += Math.abs(term);
        }
      }
      // A slope within rounding is no reason to change sides again and again.
      if (free[i] === 1 ? x[i]! < 0 : slope < -1e-12 * size) wrong.push(i);
    }
    if (wrong.length === 0) return x;
    const whole = wrong.length < fewest || patience > 0;
    if (wrong.length < fewest) {
      fewest = wrong.length;
      patience = 3;
    } else patience--;
    for (const i of whole ? wrong : wrong.slice(-1)) free[i] = free[i] === 1 ? 0 : 1;
  }
}

/** Solves A x = b over the free variables; the others are 0. */
function solveFree(matrix: Float64Array, b: Float64Array, free: Uint8Array): Float64Array {
  const n = b.length;
  const chosen = Array.from({ length: n }, (_, i) => i).filter((i) => free[i] === 1);
  const size = chosen.length;
  const part = new Float64Array(size * size);
  for (const [i, row] of chosen.entries()) {
    for (const [j, column] of chosen.entries()) part[i * size + j] = matrix[row * n + column]!;
  }
  const x = new Float64Array(n);
  const lower = cholesky(part, size);
  if (lower === null) throw new RangeError("The matrix has to be positive definite.");
  const solved = solveLower(
    lower,
    chosen.map((i) => b[i]!),
  );
  for (const [i, row] of chosen.entries()) x[row] = solved[i]!;
  return x;
}
