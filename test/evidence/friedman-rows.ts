import { fold, key, normals, uniforms } from "@manyfold/core";

const names = Array.from({ length: 10 }, (_, input) => `x${input + 1}`);

/**
 * Rows of Friedman #1 (Friedman 1991; Breiman 1996) as texts, ten uniform inputs of which five count:
 * y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + N(0, 1).
 */
export function friedmanRows(seed: number, rows: number): { header: string[]; rows: string[][] } {
  const x = uniforms(fold(key(seed), "inputs"), rows * 10);
  const noise = normals(fold(key(seed), "noise"), rows);
  const cells = Array.from({ length: rows }, (_, row) => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = x.subarray(row * 10, row * 10 + 10);
    const y = 10 * Math.sin(Math.PI * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e;
    return [...x.subarray(row * 10, row * 10 + 10), y + (noise[row] ?? 0)].map(String);
  });
  return { header: [...names, "y"], rows: cells };
}
