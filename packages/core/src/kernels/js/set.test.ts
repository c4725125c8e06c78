import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { grad } from "../../autodiff.ts";
import type { Node } from "../../graph.ts";
import * as ops from "../../ops.ts";
import { bernoulli, fold, key, normals } from "../../rng.ts";
import { evaluateGraph } from "../../run.ts";
import { JS_KERNELS } from "./set.ts";

const f = Math.fround;

function single(output: Node, inputs: { [name: string]: ArrayLike<number> }, runKey = key(1)) {
  return [...evaluateGraph({ outputs: { output } }, inputs, JS_KERNELS.float32, runKey).output];
}

const awkward = fc.oneof(
  fc.float({ noNaN: true, min: -100, max: 100 }),
  fc.constantFrom(0, -0, 1e-40, -1e-45, 3e38, -3e38, Infinity, -Infinity, NaN),
);

describe("matmul in float32", () => {
  const size = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 11, 13);
  test("is one accumulator in ascending order, each product and sum rounded", () => {
    fc.assert(
      fc.property(
        fc.tuple(size, size, size),
        fc.boolean(),
        fc.boolean(),
        fc.infiniteStream(awkward),
        ([rows, inner, columns], ta, tb, stream) => {
          const take = (n: number): number[] =>
            Array.from({ length: n }, () => f(stream.next().value));
          const a = take(rows * inner);
          const b = take(inner * columns);
          const product = ops.matmul(
            ops.input("a", ta ? [inner, rows] : [rows, inner]),
            ops.input("b", tb ? [columns, inner] : [inner, columns]),
            ta,
            tb,
          );
          const expected: number[] = [];
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < columns; j++) {
              let sum = 0;
              for (let k = 0; k < inner; k++) {
                const x = a[ta ? k * rows + i : i * inner + k] as number;
                const y = b[tb ? j * inner + k : k * columns + j] as number;
                sum = f(sum + f(x * y));
              }
              expected.push(sum);
            }
          }
          expect(single(product, { a, b })).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("reductions in float32", () => {
  test("sums are one accumulator in ascending order", () => {
    fc.assert(
      fc.property(fc.array(awkward, { minLength: 12, maxLength: 12 }), (list) => {
        const values = list.map(f);
        const x = ops.input("x", [3, 4]);
        let total = 0;
        const rows = [0, 0, 0];
        const columns = [0, 0, 0, 0];
        values.forEach((value, i) => {
          const [row, column] = [i >> 2, i & 3];
          total = f(total + value);
          rows[row] = f((rows[row] ?? 0) + value);
          columns[column] = f((columns[column] ?? 0) + value);
        });
        expect(single(ops.sum(x), { x: values })).toEqual([total]);
        expect(single(ops.sum(x, 1), { x: values })).toEqual(rows);
        expect(single(ops.sum(x, 0), { x: values })).toEqual(columns);
      }),
    );
  });

  test("softmax and its kin stay finite for large logits and do not feel a shift", () => {
    const x = ops.input("x", [1, 2]);
    expect(single(ops.softmax(x), { x: [1000, 0] })).toEqual([1, 0]);
    expect(single(ops.logSoftmax(x), { x: [1000, 0] })).toEqual([0, -1000]);
    expect(single(ops.logSumExp(x), { x: [1000, 0] })).toEqual([1000]);
    expect(single(ops.logSumExp(x), { x: [-Infinity, -Infinity] })).toEqual([-Infinity]);
    expect(single(ops.softmax(x), { x: [NaN, 0] })).toEqual([NaN, NaN]);
    const row = [0.5, -1.25];
    const shifted = row.map((value) => value + 4096);
    expect(single(ops.softmax(x), { x: shifted })).toEqual(single(ops.softmax(x), { x: row }));
  });
});

describe("elementwise in float32", () => {
  const x = ops.input("x", [4]);
  const y = ops.input("y", [4]);
  const ends = { x: [NaN, -0, -2, 3], y: [1, 0, NaN, 3] };

  test("NaN is not hidden by relu, maximum or minimum", () => {
    expect(single(ops.relu(x), ends)).toEqual([NaN, -0, 0, 3]);
    expect(single(ops.maximum(x, y), ends)).toEqual([NaN, 0, NaN, 3]);
    expect(single(ops.minimum(x, y), ends)).toEqual([NaN, 0, NaN, 3]);
  });

  test("comparison and choice", () => {
    expect(single(ops.greater(x, y), ends)).toEqual([0, 0, 0, 0]);
    expect(single(ops.gate(x, y), ends)).toEqual([0, 0, 0, 3]);
    expect(single(ops.select(x, y, x), ends)).toEqual([NaN, -0, -2, 3]);
    expect(single(ops.sign(x), ends)).toEqual([NaN, -0, -1, 1]);
  });

  test("every result is a float32, and numbers given as settings are rounded first", () => {
    const values = { x: [0.1, 1 / 3, 1e-42, 7].map(f), y: [3, 0.7, 0.5, 1e-3].map(f) };
    const by = 0.1;
    expect(single(ops.scale(x, by), values)).toEqual(values.x.map((v) => f(v * f(by))));
    expect(single(ops.divide(x, y), values)).toEqual(
      values.x.map((v, i) => f(v / (values.y[i] as number))),
    );
  });
});

describe("dropout", () => {
  const rate = 0.25;
  const by = f(1 / (1 - rate));
  const runKey = fold(key(3), "step", 9);

  test("draws the mask that its key stands for, a row at a time or one for all", () => {
    const x = ops.input("x", [3, 5]);
    const values = Array.from({ length: 15 }, (_, i) => f(i + 0.5));
    const mask = bernoulli(fold(runKey, "dropout", 2), 15, 1 - rate);
    expect(single(ops.dropout(x, rate, 2), { x: values }, runKey)).toEqual(
      values.map((v, i) => (mask[i] === 1 ? f(v * by) : 0)),
    );
    expect(single(ops.dropout(x, rate, 2, true), { x: values }, runKey)).toEqual(
      values.map((v, i) => (mask[i % 5] === 1 ? f(v * by) : 0)),
    );
  });

  test("gaussian, multiplies by the normal numbers of its key, forward and backward", () => {
    const x = ops.input("x", [3, 5]);
    const values = Array.from({ length: 15 }, (_, i) => f(i + 0.5));
    const drawn = normals(fold(runKey, "dropout", 2), 15);
    const factors = [...drawn].map((n) => f(1 + Math.sqrt(rate / (1 - rate)) * n));
    expect(single(ops.dropout(x, rate, 2, false, true), { x: values }, runKey)).toEqual(
      values.map((v, i) => f(v * factors[i]!)),
    );
    expect(single(ops.dropout(x, rate, 2, true, true), { x: values }, runKey)).toEqual(
      values.map((v, i) => f(v * factors[i % 5]!)),
    );
    const [slope] = grad(ops.sum(ops.dropout(x, rate, 2, false, true)), [x]);
    expect(single(slope!, { x: values }, runKey)).toEqual(factors);
  });

  test("gaussian, has mean 1 and the variance of leaving out", () => {
    const n = 20_000;
    const ones = Array.from({ length: n }, () => 1);
    const made = single(
      ops.dropout(ops.input("x", [n]), rate, 0, false, true),
      { x: ones },
      runKey,
    );
    const mean = made.reduce((a, b) => a + b) / n;
    const variance = made.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    const wanted = rate / (1 - rate);
    expect(Math.abs(mean - 1)).toBeLessThan(4 * Math.sqrt(wanted / n));
    expect(Math.abs(variance / wanted - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  });

  test("keeps the mean, and differs by stream and key", () => {
    const n = 20_000;
    const x = ops.input("x", [n]);
    const ones = Array.from({ length: n }, () => 1);
    const mean = (values: number[]): number => values.reduce((a, b) => a + b) / n;
    const first = single(ops.dropout(x, rate, 0), { x: ones }, runKey);
    expect(Math.abs(mean(first) - 1)).toBeLessThan(4 * Math.sqrt(rate / (1 - rate) / n));
    expect(single(ops.dropout(x, rate, 1), { x: ones }, runKey)).not.toEqual(first);
    expect(single(ops.dropout(x, rate, 0), { x: ones }, key(4))).not.toEqual(first);
  });
});
