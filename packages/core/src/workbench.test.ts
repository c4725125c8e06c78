import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { buildNetwork } from "./network.ts";
import type { Network } from "./network.ts";
import { borrowWorkbench, returnWorkbench, trainingBytes, workOf } from "./workbench.ts";

function networkOf(units: number): Network {
  const model = ModelSpec.parse({ layers: [{ dense: { units, activation: "relu" } }] });
  return buildNetwork(model, { inputs: 20, task: "classification", outputs: 3 });
}

const SPEC = TrainSpec.parse({ batch: 32 });
const STOPPED = TrainSpec.parse({ batch: 32, earlyStopping: {} });

test("work is the batch and what is left at an epoch's end", () => {
  const batches = (rows: number): readonly number[] =>
    workOf(networkOf(4), SPEC, rows, "js").batches;
  expect([batches(100), batches(96), batches(32), batches(7)]).toEqual([[32, 4], [32], [32], [7]]);
});

test("the memory estimate is what a training allocates", () => {
  const network = networkOf(50);
  const estimate = trainingBytes(network, SPEC, 100);
  const bench = borrowWorkbench(workOf(network, SPEC, 100, "js"));
  const weights = 4 * network.parameters.size;
  expect(estimate).toBe(bench.training.bytes + 2 * weights + 2 * 4 * 100);
  // Parameters, gradients and Adam's two moments are the least that the arena holds.
  expect(bench.training.bytes).toBeGreaterThan(4 * weights);
  returnWorkbench(bench);
  expect(trainingBytes(network, SPEC, 100)).toBe(estimate);
});

test("with early stopping it covers the evaluation of held-out rows", () => {
  const network = networkOf(50);
  const held = borrowWorkbench(workOf(network, STOPPED, 100, "js")).held();
  const more = trainingBytes(network, STOPPED, 100) - trainingBytes(network, SPEC, 100);
  expect(more).toBeGreaterThanOrEqual(held.program.bytes + held.x.byteLength + held.y.byteLength);
});

test("the next training of one shape gets the same workbench, one within another its own", () => {
  const work = workOf(networkOf(6), SPEC, 64, "js");
  const first = borrowWorkbench(work);
  const inner = borrowWorkbench(work);
  expect(inner).not.toBe(first);
  returnWorkbench(first);
  expect(borrowWorkbench(workOf(networkOf(6), SPEC, 64, "js"))).toBe(first);
  returnWorkbench(first);
  expect(borrowWorkbench(workOf(networkOf(7), SPEC, 64, "js"))).not.toBe(first);
});
