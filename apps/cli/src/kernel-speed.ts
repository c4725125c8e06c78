import { buildNetwork, JS_KERNELS, key, compileTraining } from "@manyfold/core";
import { clock } from "./environment.ts";

const BATCH = 64;
const MILLISECONDS = 300;

/** Speed of gradient steps of the net 64-128-64-10 at batch 64 on this thread. */
export function measureKernels(): { gigaflops: number; step: number } {
  const dense = (units: number) => ({
    dense: { units, activation: "relu", init: "auto", bias: true } as const,
  });
  const network = buildNetwork(
    { layers: [dense(128), dense(64)], output: "auto", init: "auto" },
    { inputs: 64, task: "classification", outputs: 10 },
  );
  const weights = network.parameters.tensors
    .filter(({ kind }) => kind === "weight")
    .reduce((sum, { size }) => sum + size, 0);
  const program = compileTraining(network, {
    loss: "softmaxCrossEntropy",
    batches: [BATCH],
    kernels: JS_KERNELS.float32,
  });
  const begun = clock.monotonic();
  let steps = 0;
  // The first steps compile; only the second half of the time counts.
  let counted = begun;
  while (clock.monotonic() - begun < MILLISECONDS) {
    program.run(BATCH, key(steps));
    steps += 1;
    if (clock.monotonic() - begun < MILLISECONDS / 2) {
      counted = clock.monotonic();
      steps = 0;
    }
  }
  const step = (clock.monotonic() - counted) / steps;
  // A product in the forward pass and two in the backward pass, a multiplication and an addition each.
  return { gigaflops: (6 * weights * BATCH) / step / 1e6, step };
}
