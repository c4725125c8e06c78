import { readFileSync } from "node:fs";
import { Optimizer } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { arithmeticOf } from "../../packages/core/src/arithmetic.ts";
import { startOptimizer } from "../../packages/core/src/optimizers/optimizer.ts";
import { COEFFICIENTS, optimizerRule } from "../../packages/core/src/optimizers/rules.ts";
import { buildNetwork, compileTraining, key } from "@manyfold/core";
import { isSecondOrder, ModelSpec } from "@manyfold/protocol";

/*
 * 50 steps of other libraries from their weights on their batches: recorded by
 * optimizers/trajectories.py with PyTorch 1.13 and scikit-learn 1.2, and by optimizers/tfjs.mjs with
 * TensorFlow.js 4.22.
 */
const Trajectories = z.record(z.string(), z.record(z.string(), z.array(z.number())));
const Golden = z.object({
  shape: z.object({
    inputs: z.int(),
    hidden: z.int(),
    classes: z.int(),
    batch: z.int(),
  }),
  x: z.array(z.number()),
  y: z.array(z.int()),
  start: z.array(z.number()),
  batches: z.array(z.array(z.int())),
  trajectories: Trajectories,
});
const recorded = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`optimizers/${name}`, import.meta.url), "utf8"));
const golden = Golden.parse(recorded("trajectories.json"));
const tfjs = z.object({ trajectories: Trajectories }).parse(recorded("tfjs.json"));
const { inputs, hidden, classes, batch } = golden.shape;
const network = buildNetwork(
  ModelSpec.parse({ layers: [{ dense: { units: hidden, activation: "tanh" } }] }),
  { inputs, task: "classification", outputs: classes },
);

/** The settings of what is no preset but the library's way with a momentum. */
const SETTINGS: Record<string, unknown> = {
  "torch momentum": { momentum: { lr: 0.05, momentum: 0.9 } },
  "torch nesterov": { nesterov: { lr: 0.05, momentum: 0.9 } },
};

/** The weights after each step. */
function pathOf(settings: unknown): number[][] {
  const optimizer = Optimizer.parse(settings);
  if (isSecondOrder(optimizer)) throw new Error("a rule that steps after each batch");
  const rule = optimizerRule(optimizer);
  const { kernels, updates } = arithmeticOf("wasm-plain");
  const options = { loss: "softmaxCrossEntropy", batches: [batch], kernels } as const;
  const program = compileTraining(network, { ...options, slots: rule.slots });
  const float32 = (values: unknown): Float32Array => values as Float32Array;
  const weights = float32(program.parameters);
  const running = startOptimizer(
    rule,
    updates,
    program.slots.map(float32),
    new Float32Array(COEFFICIENTS),
  );
  weights.set(golden.start);
  return golden.batches.map((rows) => {
    program.y.fill(0);
    for (const [at, row] of rows.entries()) {
      program.x.set(golden.x.slice(row * inputs, (row + 1) * inputs), at * inputs);
      program.y[at * classes + golden.y[row]!] = 1;
    }
    program.run(batch, key(0));
    running.step(weights, float32(program.gradients), 1);
    return [...weights];
  });
}

describe("50 steps on the batches of", () => {
  const all = { ...golden.trajectories, ...tfjs.trajectories };
  test.each(Object.entries(all))("%s agree to 1e-5", (name, marks) => {
    const path = pathOf(SETTINGS[name] ?? name);
    for (const [step, expected] of Object.entries(marks)) {
      const reached = path[Number(step) - 1]!;
      const apart = expected.map((one, i) => Math.abs(one - reached[i]!));
      // Nesterov's rule stores the point of the next gradient, as PyTorch does.
      expect(Math.max(...apart)).toBeLessThan(1e-5);
    }
  });
});
