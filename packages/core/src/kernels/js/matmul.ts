import type { Bind, Values } from "../kernels.ts";

const f = Math.fround;

/** A matrix in place: how far apart rows and columns lie. */
interface Strides {
  readonly row: number;
  readonly column: number;
}

/**
 * c = a b for a `[rows, inner]`, b `[inner, columns]`, transposed by exchanging strides. Each
 * element of c is ONE accumulator over ascending k from 0, each product and each sum rounded to the
 * number format; blocks only change which elements are computed side by side.
 */
export const bindMatmul: Bind<"matmul"> = (step, arena) => {
  const { transposeA, transposeB } = step.attributes;
  const [rows, columns] = step.shape as readonly [number, number];
  const shapeA = step.inputShapes[0]!;
  const inner = transposeA ? shapeA[0]! : shapeA[1]!;
  const offsetA = step.inputs[0]!;
  const offsetB = step.inputs[1]!;
  const a = arena.values.subarray(offsetA, offsetA + rows * inner);
  const b = arena.values.subarray(offsetB, offsetB + inner * columns);
  const c = arena.values.subarray(step.output, step.output + rows * columns);
  const sa: Strides = transposeA ? { row: 1, column: rows } : { row: inner, column: 1 };
  const sb: Strides = transposeB ? { row: 1, column: inner } : { row: columns, column: 1 };
  if (c instanceof Float64Array) {
    return () => multiply64(a, b, c, rows, inner, columns, sa, sb);
  }
  const wideRows = rows - (rows % 4);
  const wideColumns = columns - (columns % 4);
  return () => {
    blocks4x4(a, b, c, wideRows, inner, columns, wideColumns, sa, sb);
    blocks4x1(a, b, c, wideRows, inner, columns, wideColumns, sa, sb);
    blocks1x4(a, b, c, wideRows, rows, inner, columns, wideColumns, sa, sb);
    singles(a, b, c, wideRows, rows, inner, columns, wideColumns, sa, sb);
  };
};

function multiply64(
  a: Values,
  b: Values,
  c: Values,
  rows: number,
  inner: number,
  columns: number,
  sa: Strides,
  sb: Strides,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum += a[i * sa.row + k * sa.column]! * b[k * sb.row + j * sb.column]!;
      }
      c[i * columns + j] = sum;
    }
  }
}

/** Sixteen accumulators: each number read serves four products. */
function blocks4x4(
  a: Values,
  b: Values,
  c: Values,
  rows: number,
  inner: number,
  columns: number,
  until: number,
  sa: Strides,
  sb: Strides,
): void {
  const ar = sa.row;
  const ak = sa.column;
  const bk = sb.row;
  const bj = sb.column;
  for (let i = 0; i < rows; i += 4) {
    for (let j = 0; j < until; j += 4) {
      let c00 = 0,
        c01 = 0,
        c02 = 0,
        c03 = 0;
      let c10 = 0,
        c11 = 0,
        c12 = 0,
        c13 = 0;
      let c20 = 0,
        c21 = 0,
        c22 = 0,
        c23 = 0;
      let c30 = 0,
        c31 = 0,
        c32 = 0,
        c33 = 0;
      let p = i * ar;
      let q = j * bj;
      for (let k = 0; k < inner; k++) {
        const b0 = b[q]!;
        const b1 = b[q + bj]!;
        const b2 = b[q + 2 * bj]!;
        const b3 = b[q + 3 * bj]!;
        let x = a[p]!;
        c00 = f(c00 + f(x * b0));
        c01 = f(c01 + f(x * b1));
        c02 = f(c02 + f(x * b2));
        c03 = f(c03 + f(x * b3));
        x = a[p + ar]!;
        c10 = f(c10 + f(x * b0));
        c11 = f(c11 + f(x * b1));
        c12 = f(c12 + f(x * b2));
        c13 = f(c13 + f(x * b3));
        x = a[p + 2 * ar]!;
        c20 = f(c20 + f(x * b0));
        c21 = f(c21 + f(x * b1));
        c22 = f(c22 + f(x * b2));
        c23 = f(c23 + f(x * b3));
        x = a[p + 3 * ar]!;
        c30 = f(c30 + f(x * b0));
        c31 = f(c31 + f(x * b1));
        c32 = f(c32 + f(x * b2));
        c33 = f(c33 + f(x * b3));
        p += ak;
        q += bk;
      }
      let o = i * columns + j;
      c[o] = c00;
      c[o + 1] = c01;
      c[o + 2] = c02;
      c[o + 3] = c03;
      o += columns;
      c[o] = c10;
      c[o + 1] = c11;
      c[o + 2] = c12;
      c[o + 3] = c13;
      o += columns;
      c[o] = c20;
      c[o + 1] = c21;
      c[o + 2] = c22;
      c[o + 3] = c23;
      o += columns;
      c[o] = c30;
      c[o + 1] = c31;
      c[o + 2] = c32;
      c[o + 3] = c33;
    }
  }
}

/** The last columns of the blocked rows. */
function blocks4x1(
  a: Values,
  b: Values,
  c: Values,
  rows: number,
  inner: number,
  columns: number,
  from: number,
  sa: Strides,
  sb: Strides,
): void {
  const ar = sa.row;
  for (let i = 0; i < rows; i += 4) {
    for (let j = from; j < columns; j++) {
      let c0 = 0,
        c1 = 0,
        c2 = 0,
        c3 = 0;
      let p = i * ar;
      let q = j * sb.column;
      for (let k = 0; k < inner; k++) {
        const y = b[q]!;
        c0 = f(c0 + f(a[p]! * y));
        c1 = f(c1 + f(a[p + ar]! * y));
        c2 = f(c2 + f(a[p + 2 * ar]! * y));
        c3 = f(c3 + f(a[p + 3 * ar]! * y));
        p += sa.column;
        q += sb.row;
      }
      c[i * columns + j] = c0;
      c[(i + 1) * columns + j] = c1;
      c[(i + 2) * columns + j] = c2;
      c[(i + 3) * columns + j] = c3;
    }
  }
}

/** The last rows of the blocked columns. */
function blocks1x4(
  a: Values,
  b: Values,
  c: Values,
  from: number,
  rows: number,
  inner: number,
  columns: number,
  until: number,
  sa: Strides,
  sb: Strides,
): void {
  const bj = sb.column;
  for (let i = from; i < rows; i++) {
    for (let j = 0; j < until; j += 4) {
      let c0 = 0,
        c1 = 0,
        c2 = 0,
        c3 = 0;
      let p = i * sa.row;
      let q = j * bj;
      for (let k = 0; k < inner; k++) {
        const x = a[p]!;
        c0 = f(c0 + f(x * b[q]!));
        c1 = f(c1 + f(x * b[q + bj]!));
        c2 = f(c2 + f(x * b[q + 2 * bj]!));
        c3 = f(c3 + f(x * b[q + 3 * bj]!));
        p += sa.column;
        q += sb.row;
      }
      const o = i * columns + j;
      c[o] = c0;
      c[o + 1] = c1;
      c[o + 2] = c2;
      c[o + 3] = c3;
    }
  }
}

/** The corner that is left. */
function singles(
  a: Values,
  b: Values,
  c: Values,
  fromRow: number,
  rows: number,
  inner: number,
  columns: number,
  fromColumn: number,
  sa: Strides,
  sb: Strides,
): void {
  for (let i = fromRow; i < rows; i++) {
    for (let j = fromColumn; j < columns; j++) {
      let sum = 0;
      let p = i * sa.row;
      let q = j * sb.column;
      for (let k = 0; k < inner; k++) {
        sum = f(sum + f(a[p]! * b[q]!));
        p += sa.column;
        q += sb.row;
      }
      c[i * columns + j] = sum;
    }
  }
}
