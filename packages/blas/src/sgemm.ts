import type { Operand, Product } from "@manyfold/core";

/**
 * C = alpha op(A) op(B) + beta C. Pointers as addresses: a view would be looked at anew in every
 * call, and the memory of a program neither moves nor grows.
 */
export const SGEMM =
  "void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, " +
  "uintptr_t a, int lda, uintptr_t b, int ldb, float beta, uintptr_t c, int ldc)";

export type Sgemm = (
  order: number,
  transA: number,
  transB: number,
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  beta: number,
  c: number,
  ldc: number,
) => void;

const ROW_MAJOR = 101;
const AS_IT_LIES = 111;
const TRANSPOSED = 112;

/** @param base address of the values */
export function bindProduct(sgemm: Sgemm, base: number, product: Product): () => void {
  const { rows, columns, inner } = product;
  const at = (offset: number): number => base + Float32Array.BYTES_PER_ELEMENT * offset;
  const form = ({ transposed }: Operand): number => (transposed ? TRANSPOSED : AS_IT_LIES);
  const formA = form(product.a);
  const formB = form(product.b);
  const a = at(product.a.offset);
  const b = at(product.b.offset);
  const c = at(product.c);
  // Elements from a row to the next, as they lie in memory.
  const lda = product.a.transposed ? rows : inner;
  const ldb = product.b.transposed ? inner : columns;
  return () => {
    sgemm(ROW_MAJOR, formA, formB, rows, columns, inner, 1, a, lda, b, ldb, 0, c, columns);
  };
}
