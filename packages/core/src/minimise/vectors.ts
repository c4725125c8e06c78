/** Sums in ascending order, one accumulator: the same bits everywhere. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

/** a + by b. */
export function plus(a: Float64Array, by: number, b: Float64Array): Float64Array {
  return a.map((value, i) => value + by * b[i]!);
}

export function minus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - b[i]!);
}

export function scaled(a: Float64Array, by: number): Float64Array {
  return a.map((value) => by * value);
}
