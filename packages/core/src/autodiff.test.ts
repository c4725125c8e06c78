import { describe, expect, test } from "vitest";
import { grad, jvp, vjp } from "./autodiff.ts";
import { type Node, topological, verifyGraph } from "./graph.ts";
import * as ops from "./ops.ts";
import { evaluateGraph } from "./run.ts";

const numbers = (values: ArrayLike<number>): number[] => Array.from(values);

describe("the lecture's examples", () => {
  test("C3: two paths, e = (a + b)(b + 1) at a = 2, b = 1", () => {
    const a = ops.input("a", []);
    const b = ops.input("b", []);
    const e = ops.multiply(ops.add(a, b), ops.shift(b, 1));
    const [da, db] = grad(e, [a, b]);
    const at = evaluateGraph({ outputs: { e, da, db } }, { a: [2], b: [1] });
    expect([at.e[0], at.da[0], at.db[0]]).toEqual([6, 2, 5]);
  });

  test("C5: a shared parameter, y = x e^(x²) at 1", () => {
    const x = ops.input("x", []);
    const y = ops.multiply(x, ops.exp(ops.square(x)));
    const [dy] = grad(y, [x]);
    const [d2y] = grad(dy, [x]);
    const at = evaluateGraph({ outputs: { y, dy, d2y } }, { x: [1] });
    expect(at.y[0]).toBeCloseTo(Math.E, 14);
    expect(at.dy[0]).toBeCloseTo(3 * Math.E, 14);
    // y'' = (6x + 4x³) e^(x²)
    expect(at.d2y[0]).toBeCloseTo(10 * Math.E, 13);
  });

  test("C6: the Jacobian of (x1 + x2 x3, 2 x3) is [[1, x3, x2], [0, 0, 2]]", () => {
    const x = ops.input("x", [3]);
    const part = (i: number): Node => ops.slice(x, 0, i, 1);
    const f = ops.concat(
      [ops.add(part(0), ops.multiply(part(1), part(2))), ops.scale(part(2), 2)],
      0,
    );
    const seed = ops.input("seed", [2]);
    const [row] = vjp([f], [seed], [x]);
    const direction = ops.input("direction", [3]);
    const [column] = jvp([f], [x], [direction]);
    const point = { x: [5, 7, 11] };
    const rows = [
      [1, 0],
      [0, 1],
    ].map((s) => numbers(evaluateGraph({ outputs: { row } }, { ...point, seed: s }).row));
    expect(rows).toEqual([
      [1, 11, 7],
      [0, 0, 2],
    ]);
    const columns = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ].map((d) =>
      numbers(evaluateGraph({ outputs: { column } }, { ...point, direction: d }).column),
    );
    expect(columns).toEqual([
      [1, 0],
      [11, 0],
      [7, 2],
    ]);
  });

  test("C8: the softmax Jacobian is diag(y) - y yᵀ; with cross-entropy it gives y - onehot", () => {
    const z = ops.input("z", [1, 4]);
    const y = ops.softmax(z);
    const seed = ops.input("seed", [1, 4]);
    const [row] = vjp([y], [seed], [z]);
    const point = { z: [0.3, -1, 2, 0.5] };
    const value = numbers(evaluateGraph({ outputs: { y } }, point).y);
    const unit = (i: number): number[] => [0, 0, 0, 0].map((_, j) => (i === j ? 1 : 0));
    for (let i = 0; i < 4; i++) {
      const got = numbers(evaluateGraph({ outputs: { row } }, { ...point, seed: unit(i) }).row);
      got.forEach((entry, j) => {
        const yi = value[i] as number;
        const expected = (i === j ? yi : 0) - yi * (value[j] as number);
        expect(entry).toBeCloseTo(expected, 15);
      });
      expect(got.reduce((a, b) => a + b)).toBeCloseTo(0, 15);
    }
    const target = ops.input("target", [1, 4]);
    const loss = ops.negate(ops.sum(ops.multiply(target, ops.logSoftmax(z))));
    const [dz] = grad(loss, [z]);
    const got = evaluateGraph({ outputs: { dz } }, { ...point, target: unit(2) }).dz;
    got.forEach((entry, j) => {
      expect(entry).toBeCloseTo((value[j] as number) - (unit(2)[j] as number), 15);
    });
  });

  test("C13: Hessian-vector products are symmetric and match x'Ax + cubic", () => {
    const x = ops.input("x", [3, 1]);
    const a = ops.input("a", [3, 3]);
    const quadratic = ops.sum(ops.multiply(x, ops.matmul(a, x)));
    const f = ops.add(quadratic, ops.sum(ops.multiply(ops.square(x), x)));
    const [g] = grad(f, [x]);
    const v = ops.input("v", [3, 1]);
    const [hv] = jvp([g], [x], [v]);
    const point = { x: [1, -2, 0.5], a: [2, 1, 0, 3, -1, 4, 5, 0, 1], v: [1, 2, -1] };
    // H = A + Aᵀ + 6 diag(x)
    const h = [
      [10, 4, 5],
      [4, -14, 4],
      [5, 4, 5],
    ];
    const expected = h.map((row) => row.reduce((s, e, j) => s + e * (point.v[j] as number), 0));
    expect(numbers(evaluateGraph({ outputs: { hv } }, point).hv)).toEqual(expected);
  });
});

describe("grad", () => {
  test("is zero where the output does not depend on a node", () => {
    const x = ops.input("x", [2]);
    const y = ops.input("y", [3]);
    const [dy] = grad(ops.sum(x), [y]);
    expect(numbers(evaluateGraph({ outputs: { dy } }, {}).dy)).toEqual([0, 0, 0]);
  });

  test("passes through a deep graph without recursion", () => {
    const x = ops.input("x", []);
    let y = x;
    for (let i = 0; i < 20_000; i++) y = ops.shift(y, 1);
    const [dy] = grad(y, [x]);
    expect(topological([y]).length).toBe(20_001);
    expect(evaluateGraph({ outputs: { y, dy } }, { x: [1] })).toEqual({
      y: Float64Array.of(20_001),
      dy: Float64Array.of(1),
    });
  });

  test("wants one number, and cotangents of the outputs' shapes", () => {
    const x = ops.input("x", [2]);
    expect(() => grad(x, [x])).toThrow("output of grad must be one number of shape [], got [2].");
    expect(() => vjp([x], [ops.constant(1, [])], [x])).toThrow("cotangents must be of shapes [2]");
  });

  test("skips what nobody asked for", () => {
    const x = ops.input("x", [4, 3]);
    const w = ops.input("w", [3, 2]);
    const [dw] = grad(ops.sum(ops.square(ops.matmul(x, w))), [w]);
    const products = topological([dw]).filter((node) => node.op === "matmul");
    expect(products.length).toBe(2);
  });
});

test("verifyGraph finds a node whose shape is not its rule's", () => {
  const x = ops.input("x", [2]);
  const wrong: Node = { ...ops.square(x), shape: [3] };
  expect(() => verifyGraph({ outputs: { wrong } })).toThrow(
    "shape of square must be [2], got [3].",
  );
  const twin = ops.input("x", [2]);
  expect(() => verifyGraph({ outputs: { sum: ops.add(x, twin) } })).toThrow(
    "input x must be one node, got two.",
  );
});
