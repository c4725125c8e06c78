import { describe, expect, test } from "vitest";
import { jvp, vjp } from "./autodiff.ts";
import type { Node } from "./graph.ts";
import * as ops from "./ops.ts";
import type { OpName } from "./ops.ts";
import { fold, key, uniforms } from "./rng.ts";
import { evaluateGraph } from "./run.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** One way to use an op: shapes of its inputs and the range they are drawn from. */
interface Case {
  readonly shapes: readonly Shape[];
  readonly from?: number;
  readonly to?: number;
  readonly build: (...inputs: Node[]) => Node;
}

const M: Shape = [3, 4];
const one = (build: (x: Node) => Node, from = -2, to = 2): Case[] => [
  { shapes: [M], from, to, build: (x) => build(x as Node) },
];
const two = (build: (a: Node, b: Node) => Node, from = -2, to = 2): Case[] => [
  { shapes: [M, M], from, to, build: (a, b) => build(a as Node, b as Node) },
];
const matmul = (ta: boolean, tb: boolean): Case => ({
  shapes: [ta ? [5, 3] : [3, 5], tb ? [4, 5] : [5, 4]],
  build: (a, b) => ops.matmul(a as Node, b as Node, ta, tb),
});

/** At least one use of every op; a new op without one does not compile. */
const CASES: { readonly [K in Exclude<OpName, "input" | "constant" | "detach">]: readonly Case[] } =
  {
    negate: one(ops.negate),
    abs: one(ops.abs),
    sign: one(ops.sign),
    square: one(ops.square),
    sqrt: one(ops.sqrt, 0.5, 3),
    reciprocal: [...one(ops.reciprocal, 0.5, 3), ...one(ops.reciprocal, -3, -0.5)],
    exp: one(ops.exp),
    expm1: one(ops.expm1),
    log: one(ops.log, 0.3, 4),
    log1p: one(ops.log1p, -0.6, 4),
    sigmoid: one(ops.sigmoid, -5, 5),
    tanh: one(ops.tanh, -3, 3),
    relu: one(ops.relu),
    softplus: one(ops.softplus, -5, 5),
    erf: one(ops.erf, -3, 3),
    scale: one((x) => ops.scale(x, -1.7)),
    shift: one((x) => ops.shift(x, 0.3)),
    dropout: [...one((x) => ops.dropout(x, 0.4, 3)), ...one((x) => ops.dropout(x, 0.5, 1, true))],
    add: [...two(ops.add), { shapes: [M], build: (x) => ops.add(x as Node, x as Node) }],
    subtract: two(ops.subtract),
    multiply: [
      ...two(ops.multiply),
      { shapes: [M], build: (x) => ops.multiply(x as Node, x as Node) },
    ],
    divide: two(ops.divide, 0.5, 2),
    maximum: two(ops.maximum),
    minimum: two(ops.minimum),
    greater: two(ops.greater),
    gate: two(ops.gate),
    select: [
      { shapes: [M, M, M], build: (c, a, b) => ops.select(c as Node, a as Node, b as Node) },
    ],
    addBias: [{ shapes: [M, [4]], build: (x, b) => ops.addBias(x as Node, b as Node) }],
    matmul: [matmul(false, false), matmul(false, true), matmul(true, false), matmul(true, true)],
    sum: [
      ...one((x) => ops.sum(x)),
      ...one((x) => ops.sum(x, 0)),
      ...one((x) => ops.sum(x, 1)),
      { shapes: [[2, 3, 4]], build: (x) => ops.sum(x as Node, 1) },
    ],
    logSumExp: one(ops.logSumExp),
    softmax: one(ops.softmax),
    logSoftmax: one(ops.logSoftmax),
    broadcast: [
      { shapes: [[]], build: (x) => ops.broadcast(x as Node, "all", [2, 3]) },
      { shapes: [[4]], build: (x) => ops.broadcast(x as Node, 0, M) },
      { shapes: [[2, 4]], build: (x) => ops.broadcast(x as Node, 1, [2, 3, 4]) },
    ],
    reshape: one((x) => ops.reshape(x, [2, 6])),
    transpose: one(ops.transpose),
    slice: [...one((x) => ops.slice(x, 0, 1, 2)), ...one((x) => ops.slice(x, 1, 1, 2))],
    pad: [...one((x) => ops.pad(x, 0, 1, 2)), ...one((x) => ops.pad(x, 1, 0, 3))],
    concat: [
      { shapes: [M, [3, 2]], build: (a, b) => ops.concat([a as Node, b as Node], 1) },
      { shapes: [[1, 4], M], build: (a, b) => ops.concat([a as Node, b as Node], 0) },
    ],
  };

const all = Object.entries(CASES).flatMap(([op, cases]) =>
  cases.map((item, index) => ({ name: `${op} ${index}`, op, ...item })),
);

const RUN_KEY = key(11);

type Numbers = Record<string, Float64Array>;

function draw(name: string, shape: Shape, from: number, to: number): Float64Array {
  return uniforms(fold(key(5), name), sizeOf(shape)).map((u) => from + (to - from) * u);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}

/** The values moved by h along the direction, name by name. */
function moved(values: Numbers, direction: Numbers, h: number): Numbers {
  return Object.fromEntries(
    Object.entries(values).map(([name, v]) => [
      name,
      v.map((x, i) => x + h * (direction[name]?.[i] ?? 0)),
    ]),
  );
}

function evaluate<N extends string>(outputs: { [K in N]: Node }, values: Numbers) {
  return evaluateGraph({ outputs }, values, undefined, RUN_KEY);
}

describe.each(all)("derivatives of $name", ({ name, shapes, from = -2, to = 2, build }) => {
  const inputs = shapes.map((shape, i) => ops.input(`x${i}`, shape));
  const output = build(...inputs);
  const cotangent = ops.input("u", output.shape);
  const directions = shapes.map((shape, i) => ops.input(`v${i}`, shape));
  const values: Numbers = { u: draw(`${name} u`, output.shape, -1, 1) };
  const direction: Numbers = {};
  shapes.forEach((shape, i) => {
    values[`x${i}`] = draw(`${name} x${i}`, shape, from, to);
    direction[`x${i}`] = draw(`${name} v${i}`, shape, -1, 1);
    values[`v${i}`] = direction[`x${i}`] as Float64Array;
  });

  test("reverse, forward and numeric derivatives along a direction agree", () => {
    const gradients = vjp([output], [cotangent], inputs);
    const [tangent] = jvp([output], inputs, directions) as [Node];
    const result = evaluate(
      { tangent, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) },
      values,
    );
    const reverse = shapes.reduce(
      (total, _, i) => total + dot(result[`g${i}` as "tangent"], values[`v${i}`] as Float64Array),
      0,
    );
    const forward = dot(values.u as Float64Array, result.tangent);
    const objective = (v: Numbers): number =>
      dot(v.u as Float64Array, evaluate({ output }, v).output);
    const h = 1e-5;
    const numeric =
      (objective(moved(values, direction, h)) - objective(moved(values, direction, -h))) / (2 * h);
    const size = Math.max(1, Math.abs(numeric));
    expect(Math.abs(reverse - forward)).toBeLessThanOrEqual(1e-12 * size);
    expect(Math.abs(reverse - numeric)).toBeLessThanOrEqual(1e-7 * size);
  });

  test("second derivatives: reverse over reverse, forward over reverse, numeric", () => {
    const gradients = vjp([output], [cotangent], inputs);
    const reverse = vjp(gradients, directions, inputs);
    const forward = jvp(gradients, inputs, directions);
    const named = (prefix: string, nodes: Node[]): Record<string, Node> =>
      Object.fromEntries(nodes.map((node, i) => [`${prefix}${i}`, node]));
    const hessian = evaluate({ ...named("r", reverse), ...named("f", forward) }, values);
    const h = 1e-5;
    const up = evaluate(named("g", gradients), moved(values, direction, h));
    const down = evaluate(named("g", gradients), moved(values, direction, -h));
    shapes.forEach((_, i) => {
      const [g1, g0] = [up[`g${i}`] as Float64Array, down[`g${i}`] as Float64Array];
      const [r, f] = [hessian[`r${i}`] as Float64Array, hessian[`f${i}`] as Float64Array];
      r.forEach((value, j) => {
        const numeric = ((g1[j] as number) - (g0[j] as number)) / (2 * h);
        const size = Math.max(1, Math.abs(numeric));
        expect(Math.abs(value - (f[j] as number))).toBeLessThanOrEqual(1e-12 * size);
        expect(Math.abs(value - numeric)).toBeLessThanOrEqual(1e-6 * size);
      });
    });
  });
});

describe("shape rules", () => {
  const x = ops.input("x", [3, 4]);
  test.each([
    ["matmul", () => ops.matmul(x, x), "matrices with one inner size"],
    ["add", () => ops.add(x, ops.input("y", [4, 3])), "of one shape, got [3, 4] and [4, 3]"],
    ["addBias", () => ops.addBias(x, ops.input("b", [3])), "[rows, units] and [units]"],
    ["slice", () => ops.slice(x, 1, 3, 2), "at least 5 long on axis 1"],
    ["sum", () => ops.sum(x, 2), "of more than 2 axes"],
    ["reshape", () => ops.reshape(x, [5]), "of equal size"],
    ["concat", () => ops.concat([x, ops.input("y", [2, 4])], 1), "equal but for axis 1"],
  ])("%s refuses what does not fit", (op, build, condition) => {
    expect(build).toThrow(`inputs of ${op} must be ${condition}`);
  });
});
