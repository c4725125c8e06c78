export const DIGITS = { inputs: 64, task: "classification", outputs: 10 } as const;

export function best(p: Float32Array, row: number): number {
  return Array.from(p.slice(row * 10, row * 10 + 10)).reduce(
    (most, v, c, own) => (v > own[most]! ? c : most),
    0,
  );
}
