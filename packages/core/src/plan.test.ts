import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { grad } from "./autodiff.ts";
import { type Node, topological } from "./graph.ts";
import { JS_KERNELS } from "./kernels/js/set.ts";
import * as ops from "./ops.ts";
import { planGraph } from "./plan.ts";
import { bindPlan, evaluateGraph } from "./run.ts";

/** Builds a random graph over 4 x 4 matrices from a list of numbers. */
function randomGraph(choices: readonly number[]): Node {
  const nodes: Node[] = [ops.input("a", [4, 4]), ops.input("b", [4, 4])];
  const pick = (n: number): Node => nodes[n % nodes.length] as Node;
  for (const choice of choices) {
    const [a, b] = [pick(choice), pick(choice >> 4)];
    const made = [
      () => ops.add(a, b),
      () => ops.multiply(a, b),
      () => ops.matmul(a, b, choice % 2 === 0, choice % 3 === 0),
      () => ops.tanh(a),
      () => ops.relu(b),
      () => ops.softmax(a),
      () => ops.transpose(b),
      () => ops.reshape(ops.concat([ops.slice(a, 0, 2, 2), ops.slice(b, 0, 0, 2)], 0), [4, 4]),
      () => ops.addBias(a, ops.sum(b, 0)),
      () => ops.reshape(ops.reshape(a, [2, 8]), [4, 4]),
      () => ops.multiply(a, ops.constant(0.5, [4, 4])),
    ];
    nodes.push((made[(choice >> 8) % made.length] as () => Node)());
  }
  return nodes.at(-1) as Node;
}

const choices = fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 25 });
const values = {
  a: Array.from({ length: 16 }, (_, i) => Math.sin(i + 1)),
  b: Array.from({ length: 16 }, (_, i) => Math.cos(2 * i)),
};

describe("planGraph", () => {
  test("giving buffers on changes no bit", () => {
    fc.assert(
      fc.property(choices, (list) => {
        const root = randomGraph(list);
        const inputs = topological([root]).filter((node) => node.op === "input");
        const gradients = grad(ops.sum(root), inputs);
        const order = topological([root, ...gradients]);
        // With every node an output nothing is ever given on.
        const kept = Object.fromEntries(order.map((node, i) => [`n${i}`, node]));
        const all = evaluateGraph({ outputs: kept }, values);
        const outputs = Object.fromEntries(
          [root, ...gradients].map((node) => [`n${order.indexOf(node)}`, node]),
        );
        const planned = evaluateGraph({ outputs }, values);
        for (const [name, got] of Object.entries(planned)) expect(got).toEqual(all[name]);
      }),
    );
  });

  test("equal nodes are computed once", () => {
    const x = ops.input("x", [3]);
    const plan = planGraph({ outputs: { y: ops.add(ops.exp(x), ops.exp(x)) } });
    expect(plan.steps.map((step) => step.op)).toEqual(["exp", "add"]);
  });

  test("constants that print alike are told apart", () => {
    const outputs = {
      nan: ops.constant(NaN, []),
      infinite: ops.constant(Infinity, []),
      zero: ops.constant(0, []),
      minus: ops.constant(-0, []),
    };
    const at = evaluateGraph({ outputs }, {});
    expect([at.nan[0], at.infinite[0], at.zero[0], at.minus[0]]).toEqual([NaN, Infinity, 0, -0]);
  });

  test("a chain of elementwise ops needs one buffer besides its input", () => {
    let x = ops.input("x", [100]);
    for (let i = 0; i < 50; i++) x = ops.tanh(x);
    expect(planGraph({ outputs: { x } }).elements).toBe(200);
  });

  test("inputs and constants survive a run, outputs lie where they were asked to", () => {
    const x = ops.input("x", [4]);
    const y = ops.square(x);
    const reserved = {
      elements: 16,
      places: new Map([
        ["x", 4],
        ["y", 8],
        ["same", 0],
        ["copy", 12],
      ]),
    };
    const plan = planGraph({ outputs: { y, same: y, copy: x } }, reserved);
    const program = bindPlan(plan, JS_KERNELS.float32);
    program.inputs.get("x")?.set([1, 2, 3, 4]);
    program.run();
    program.run();
    expect([...program.arena.values.subarray(0, 16)]).toEqual([
      1, 4, 9, 16, 1, 2, 3, 4, 1, 4, 9, 16, 1, 2, 3, 4,
    ]);
  });
});
