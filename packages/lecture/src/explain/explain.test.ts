import { expect, test } from "vitest";
import { dense, drawn, networkOf, started } from "../networks.ts";
import { describeExplanation, renderExplanation } from "./page.ts";
import { explain } from "./explain.ts";

test("a network is explained by graph, passes, costs and Jacobian, and both derivatives agree", () => {
  const network = networkOf([dense(3, "tanh"), { dropout: 0.5 }, dense(2, "relu")], {
    inputs: 2,
    task: "classification",
    outputs: 3,
  });
  const job = { network, loss: "softmaxCrossEntropy", weights: started(network, 1) } as const;
  const explained = explain({ ...job, x: drawn("x", 4), y: [1, 0, 0, 0, 0, 1] });
  expect(explained.agreement?.holds).toBe(true);
  expect(explained.passes).toHaveLength(2);
  expect(explained.jacobian.map((row) => row.length)).toEqual([2, 2, 2]);
  expect(explained.costs.forwardPasses).toBe(network.parameters.size);
  expect(explained.dot).toMatch(/^digraph \{[\s\S]*"loss"/);
  expect(describeExplanation(explained)).toContain("BP4: dC/dw");
  const page = renderExplanation("tiny", explained);
  expect(page).toContain("<svg");
  expect(page.match(/class="node/g)).toHaveLength(explained.graph.nodes.length);
});

test("what the recursion is not written down for is said, and the rest is shown", () => {
  const heads = [{ target: "b", task: "classification" }];
  const io = { inputs: 2, task: "regression", outputs: 1, heads: [3] } as const;
  const network = networkOf([dense(3, "gelu")], io, { heads });
  const job = { network, loss: "squaredError", weights: started(network, 1) } as const;
  const explained = explain({ ...job, x: [1, 2], y: [0, 0, 1, 0] });
  expect(explained.agreement).toBeNull();
  expect(explained.passes).toMatchObject({
    missing: expect.stringContaining("one with one head, got 2 heads") as string,
  });
  expect(explained.graph.nodes.length).toBeGreaterThan(5);
});
