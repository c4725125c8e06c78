// What one Node makes of a set of trainings: a hash per variant and register block, in the main thread
// and in a worker thread. Bundled into one file and run by nodes.ts.
import { createHash } from "node:crypto";
import v8 from "node:v8";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import {
  buildNetwork,
  engineFlags,
  integers,
  key,
  normals,
  train,
  type TrainJob,
  variantAvailability,
} from "@manyfold/core";
import { ModelSpec, type Optimizer, TrainSpec, type Variant } from "@manyfold/protocol";
import { useBlock } from "../../packages/core/src/kernels/wasm/tuning.ts";
import { type Block, BLOCKS } from "../../packages/core/src/kernels/wasm/matmul.ts";

const [major = 0] = process.versions.node.split(".").map(Number);
for (const flag of engineFlags(major)) v8.setFlagsFromString(flag);

const OPTIMIZERS: readonly Optimizer[] = [
  { adam: { lr: 0.003, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  { sgd: { lr: 0.05 } },
  { nesterov: { lr: 0.02, momentum: 0.9 } },
  { rmsprop: { lr: 0.003, decay: 0.9, epsilon: 1e-6 } },
];
const ACTIVATIONS = ["relu", "tanh", "sigmoid"] as const;
/** Inputs, hidden units, outputs, rows: awkward, tiny, and longer than what is packed at once. */
const SHAPES: readonly (readonly [number, number, number, number])[] = [
  [13, 50, 1, 90],
  [7, 17, 3, 67],
  [64, 128, 10, 130],
  [300, 33, 2, 70],
];

/** Trainings of every shape, each with another optimizer and activation. */
function jobs(): Omit<TrainJob, "variant">[] {
  return SHAPES.flatMap(([inputs, units, outputs, count], shape) =>
    ACTIVATIONS.map((activation, at) => {
      const task = outputs === 1 ? "regression" : "classification";
      const rows = Uint32Array.from({ length: count }, (_, i) => i);
      const layers = [{ dense: { units, activation } }, { dropout: 0.2 }];
      const y = task === "regression" ? normals(key(2), count) : integers(key(2), count, outputs);
      return {
        network: buildNetwork(ModelSpec.parse({ layers }), { inputs, task, outputs }),
        spec: TrainSpec.parse({
          epochs: 4,
          batch: 32,
          optimizer: OPTIMIZERS[(shape + at) % OPTIMIZERS.length],
          regularizers: [{ l2: 0.001 }],
          earlyStopping: { patience: 3 },
        }),
        x: Float32Array.from(normals(key(1), count * inputs)),
        y: Float32Array.from(y),
        rows: rows.subarray(0, count - 10),
        held: rows.subarray(count - 10),
        key: key(shape),
      };
    }),
  );
}

function hashOf(variant: Variant): string {
  const hash = createHash("sha256");
  for (const job of jobs()) {
    const outcome = train({ ...job, variant });
    if (outcome.status !== "done") throw new Error(`a training ended as ${outcome.status}`);
    hash.update(outcome.weights);
    hash.update(Float64Array.from(outcome.curve.flatMap(({ train, held = 0 }) => [train, held])));
  }
  return hash.digest("hex");
}

function hashes(): Record<string, string> {
  const found: Record<string, string> = { js: hashOf("js") };
  for (const [variant, binary] of [
    ["wasm-plain", "plain"],
    ["wasm-fma", "fused"],
  ] as const) {
    if (!variantAvailability(variant).available) continue;
    for (const block of Object.keys(BLOCKS) as Block[]) {
      useBlock(binary, block);
      // The workbench of the block before is taken by another variant in between.
      const [first] = jobs();
      if (first) train({ ...first, variant: "js" });
      found[`${variant} ${block}`] = hashOf(variant);
    }
  }
  return found;
}

if (isMainThread) {
  const main = hashes();
  const worker = new Worker(new URL(import.meta.url));
  worker.on("message", (thread: Record<string, string>) => {
    console.log(JSON.stringify({ node: process.version, main, thread }));
  });
} else {
  parentPort?.postMessage(hashes());
}
