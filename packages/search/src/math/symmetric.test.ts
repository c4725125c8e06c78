import fc from "fast-check";
import { expect, test } from "vitest";
import { eigenOf } from "./symmetric.ts";

test("a symmetric matrix is put together again from orthonormal vectors", () => {
  const matrices = fc.integer({ min: 1, max: 7 }).chain((n) =>
    fc.tuple(
      fc.constant(n),
      fc.array(fc.double({ min: -9, max: 9, noNaN: true }), {
        minLength: n * n,
        maxLength: n * n,
      }),
    ),
  );
  fc.assert(
    fc.property(matrices, ([n, entries]) => {
      const matrix = Float64Array.from(entries, (x, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return i <= j ? x : (entries[j * n + i] ?? 0);
      });
      const { values, vectors } = eigenOf(matrix, n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let [whole, unit] = [0, 0];
          for (let k = 0; k < n; k++) {
            const [vik = 0, vjk = 0, value = 0] = [
              vectors[i * n + k],
              vectors[j * n + k],
              values[k],
            ];
            whole += vik * value * vjk;
            unit += vik * vjk;
          }
          expect(Math.abs(whole - (matrix[i * n + j] ?? 0))).toBeLessThan(1e-12);
          expect(Math.abs(unit - (i === j ? 1 : 0))).toBeLessThan(1e-13);
        }
      }
    }),
  );
});
