export const CORNERS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];

export const TRUTH = [0, 1, 1, 0];

/** The bias as one more weight, last. */
export const withOne = (rows: readonly (readonly number[])[]): number[][] =>
  rows.map((row) => [...row, 1]);

/** Rosenblatt's rule, w ← w + (t - y) x, over epochs, until no mistake or a state seen before. */
export function perceptron(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  epochs: number,
): { mistakes: number; errors: number[]; repeated: boolean; weights: number[] } {
  const weights = (rows[0] ?? []).map(() => 0);
  const seen = new Set<string>();
  const errors: number[] = [];
  let [mistakes, repeated] = [0, false];
  for (let epoch = 0; epoch < epochs; epoch++) {
    let wrong = 0;
    for (const [i, row] of rows.entries()) {
      const y = row.reduce((sum, x, j) => sum + x * weights[j]!, 0) > 0 ? 1 : 0;
      const error = targets[i]! - y;
      if (error === 0) continue;
      wrong += 1;
      row.forEach((x, j) => (weights[j]! += error * x));
    }
    mistakes += wrong;
    errors.push(wrong);
    if (wrong === 0) break;
    repeated ||= seen.has(weights.join());
    seen.add(weights.join());
  }
  return { mistakes, errors, repeated, weights };
}
