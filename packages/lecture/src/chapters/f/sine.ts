import { drawn, type Sample, sampleOf, uniform } from "../../kit.ts";

export const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;

/** A noisy sine. */
export function sine(n: number, seed: number): Sample {
  const xs = uniform("sine x", n, seed).map((u) => 2 * u - 1);
  const e = drawn("sine e", n, seed);
  return sampleOf(
    Array.from(xs, (x) => [x]),
    xs.map((x, i) => Math.sin(3 * x) + 0.3 * e[i]!),
  );
}
