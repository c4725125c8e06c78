import type { BindPair, KernelSet, Step, Values } from "./kernels.ts";

/** One product c = a b of row-major matrices in one buffer. */
export interface Product {
  /** Of c; a is `[rows, inner]`, b `[inner, columns]`. */
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly a: Operand;
  readonly b: Operand;
  /** Elements from the start of the values. */
  readonly c: number;
}

/** A matrix of a product. */
export interface Operand {
  /** Elements from the start of the values. */
  readonly offset: number;
  /** Whether the transpose lies in memory. */
  readonly transposed: boolean;
}

/** Products of float32 matrices by a library that a host brings, such as the system's BLAS. */
export interface Products {
  /**
   * Prepares a product on float32 values whose buffer neither moves nor grows; the function it
   * returns computes in the caller's thread alone, copies nothing and allocates nothing.
   */
  bind(values: Values, product: Product): () => void;
}

/** The kernels of `base`, which own the memory, with all products computed elsewhere. */
export function withProducts(base: KernelSet, products: Products): KernelSet {
  const pair: BindPair = (first, second, arena) =>
    first.op === "matmul" ? null : (base.pair?.(first, second, arena) ?? null);
  return {
    ...base,
    variant: "blas",
    table: {
      ...base.table,
      // The library knows addresses only; the program that calls it keeps the arena.
      matmul: (step, arena) => products.bind(arena.values, productOf(step)),
    },
    pair,
  };
}

function productOf({ attributes, inputs, inputShapes, output, shape }: Step<"matmul">): Product {
  const { transposeA, transposeB } = attributes;
  const [rows, columns] = shape as readonly [number, number];
  const [first, second] = inputShapes[0] as readonly [number, number];
  const [a, b] = inputs as readonly [number, number];
  return {
    rows,
    columns,
    inner: transposeA ? first : second,
    a: { offset: a, transposed: transposeA },
    b: { offset: b, transposed: transposeB },
    c: output,
  };
}
