/** Rows of numbers. */
export type Matrix = readonly (readonly number[])[];

/** Solves A x = b by elimination with pivots. */
function solve(a: Matrix, b: readonly number[]): number[] {
  const n = b.length;
  const rows = a.map((row, i) => [...row, b[i]!]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column; i < n; i++) {
      if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i;
    }
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let i = column + 1; i < n; i++) {
      const by = rows[i]![column]! / rows[column]![column]!;
      for (let j = column; j <= n; j++) rows[i]![j]! -= by * rows[column]![j]!;
    }
  }
  const x = Array.from({ length: n }, () => 0);
  for (let i = n - 1; i >= 0; i--) {
    let rest = rows[i]![n]!;
    for (let j = i + 1; j < n; j++) rest -= rows[i]![j]! * x[j]!;
    x[i] = rest / rows[i]![i]!;
  }
  return x;
}

/** The least-squares solution of X w = y with `ridge` on the diagonal: (X'X + ridge I)^-1 X'y. */
export function ridge(x: Matrix, y: readonly number[], strength = 0): number[] {
  const width = x[0]?.length ?? 0;
  const gram = Array.from({ length: width }, (_, i) =>
    Array.from({ length: width }, (_unused, j) => {
      const product = x.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
      return product + (i === j ? strength : 0);
    }),
  );
  const right = Array.from({ length: width }, (_, i) =>
    x.reduce((sum, row, at) => sum + row[i]! * y[at]!, 0),
  );
  return solve(gram, right);
}

export function times(a: Matrix, b: Matrix): number[][] {
  return a.map((row) =>
    Array.from({ length: b[0]?.length ?? 0 }, (_, j) =>
      row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0),
    ),
  );
}

export function transposed(a: Matrix): number[][] {
  return Array.from({ length: a[0]?.length ?? 0 }, (_, j) => a.map((row) => row[j]!));
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export function norm(a: ArrayLike<number>): number {
  return Math.sqrt(dot(a, a));
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Unbiased. */
export function variance(values: ArrayLike<number>): number {
  const middle = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - middle) ** 2;
  return sum / (values.length - 1);
}
