import { ops } from "@manyfold/core";
import { drawn, type variable } from "../../kit.ts";

export const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;

/** Rows, targets and a linear problem: correlated columns, so that eigenvalues differ. */
export function linearRows(n: number, width: number, name: string): { x: number[][]; y: number[] } {
  const z = drawn(`${name} x`, n * width);
  const noise = drawn(`${name} e`, n);
  const x = Array.from({ length: n }, (_, i) =>
    Array.from({ length: width }, (_unused, j) => z[i * width + j]! + 0.6 * z[i * width]!),
  );
  const y = x.map((row, i) => row.reduce((sum, v, j) => sum + v * (j - 1), 0) + 0.5 * noise[i]!);
  return { x, y };
}

/** ½ Σ (x w - y)² of a flat variable w. */
export function squares(n: number, width: number, w: ReturnType<typeof variable>) {
  const product = ops.matmul(ops.input("x", [n, width]), ops.reshape(w.node, [width, 1]));
  return ops.scale(ops.sum(ops.square(ops.subtract(product, ops.input("y", [n, 1])))), 0.5);
}
