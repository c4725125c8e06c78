import v8 from "node:v8";
import vm from "node:vm";
import { ModelSpec, type Optimizer, type Regularizer, TrainSpec } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arithmeticOf, engineFlags, variantAvailability } from "./arithmetic.ts";
import { chooseBlock } from "./kernels/wasm/tuning.ts";
import { buildNetwork, type Network } from "./network.ts";
import type { OptimizerName } from "./optimizers/rules.ts";
import { fold, integers, key, normals, permutation } from "./rng.ts";
import { sameShape } from "./shape.ts";
import { train, type TrainJob } from "./train.ts";
import { borrowWorkbench, trainingBytes, workOf } from "./workbench.ts";

const [major] = process.versions.node.split(".").map(Number);
for (const flag of engineFlags(major ?? 0)) v8.setFlagsFromString(flag);

const OPTIMIZERS: { readonly [K in OptimizerName]: Optimizer } = {
  sgd: { sgd: { lr: 0.05 } },
  momentum: { momentum: { lr: 0.02, momentum: 0.9 } },
  nesterov: { nesterov: { lr: 0.02, momentum: 0.9 } },
  adagrad: { adagrad: { lr: 0.1, epsilon: 1e-7 } },
  rmsprop: { rmsprop: { lr: 0.01, decay: 0.9, epsilon: 1e-6 } },
  adam: { adam: { lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  adamw: { adamw: { lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 } },
};
const REGULARIZERS: readonly Regularizer[] = [
  { l2: 0.01 },
  { l1: 0.003 },
  { maxNorm: 0.8 },
  { proximalL1: 0.02 },
  { elastic: { alpha: 0.01, ratio: 0.3 } },
];

/** Settings that must not tell one arithmetic from another. */
const EXTRAS: readonly object[] = [
  {},
  { clip: { norm: 0.1 }, schedule: { warmUp: { into: "oneCycle" } } },
  { clip: { value: 0.01 }, schedule: "plateau" },
  { noise: { inputs: 0.1, weights: 0.05 }, schedule: { cosine: { cycles: 2 } } },
  { adversarial: { epsilon: 0.05 }, augment: { mixup: 0.4 } },
  { sparsity: { alpha: 0.01 }, adversarial: { weight: 0.2 } },
];

/** Every activation; those that most use are drawn as often as all others. */
const COMMON = ["identity", "relu", "tanh", "sigmoid"];
const OTHERS = ["selu", "gelu", "silu", "softplus", "hardTanh", "abs", "leakyRelu", "prelu", "elu"];
/** Those that are no layer of their own. */
const WHOLE = ["rbf", "maxout", { maxout: { pieces: 3 } }];

const layer = fc.oneof(
  fc.record({
    dense: fc.record({
      units: fc.constantFrom(1, 3, 8, 17, 33),
      activation: fc.oneof(
        fc.constantFrom(...COMMON),
        fc.constantFrom(...OTHERS),
        fc.constantFrom(...WHOLE),
      ),
      bias: fc.boolean(),
    }),
  }),
  fc.constantFrom({ dropout: 0.3 }, { dropout: { rate: 0.2, noise: "gaussian" as const } }),
  fc.record({ activation: fc.constantFrom(...COMMON, ...OTHERS) }),
);
type Task = "classification" | "regression";

/** What a network predicts and by which loss it learns it, for so many targets or classes. */
type Aim = (outputs: number) => { readonly output: unknown; readonly loss: unknown };
const both = (output: unknown, loss: unknown): Aim => {
  return () => ({ output, loss });
};
const AIMS: { readonly [T in Task]: readonly Aim[] } = {
  classification: [
    both("auto", "auto"),
    both("softmax", "squaredError"),
    both("linear", "squaredError"),
    (classes) => ({ output: classes === 2 ? "sigmoid" : "softmax", loss: "auto" }),
  ],
  regression: [
    both("auto", "auto"),
    both("linear", "absoluteError"),
    both("linear", "huber"),
    both("gaussian", "auto"),
    both("gaussian", { gaussianNll: { beta: 0.5 } }),
    both({ mixture: { components: 2 } }, "auto"),
    (targets) => ({
      output: "linear",
      loss: {
        perTarget: Array.from({ length: targets }, (_, i) => ({
          loss: ["auto", "huber", "absoluteError"][i % 3],
          weight: 1 / (i + 1),
        })),
      },
    }),
  ],
};
const job = fc.record({
  layers: fc.array(layer, { maxLength: 4 }),
  outputs: fc.constantFrom(1, 2, 3, 10),
  task: fc.constantFrom<Task>("classification", "regression"),
  optimizer: fc.constantFrom(...Object.values(OPTIMIZERS)),
  regularizers: fc.subarray([...REGULARIZERS]),
  inputs: fc.constantFrom(1, 4, 13, 20),
  batch: fc.constantFrom(1, 7, 32),
  stops: fc.boolean(),
  extras: fc.constantFrom(...EXTRAS),
  aim: fc.nat(),
  tied: fc.boolean(),
  seed: fc.nat(),
});
const fused = variantAvailability("wasm-fma").available;

/** Clocks by which one of the four blocks, which are timed in turn, is the fastest. */
const CLOCKS = [0, 1, 2, 3].map((fastest) => () => {
  let calls = 0;
  let time = 0;
  return () => {
    // Asked at the start, then in each round once, and before and after each block.
    const inRound = (calls++ - 1) % 9;
    return (time += inRound === 2 + 2 * fastest ? 0.1 : 1);
  };
});
type Drawn = typeof job extends fc.Arbitrary<infer T> ? T : never;

const ROWS = 45;

function jobOf(drawn: Drawn): Omit<TrainJob, "variant"> {
  const { task, inputs, seed, optimizer, regularizers, batch, stops, extras } = drawn;
  const outputs = task === "classification" ? Math.max(2, drawn.outputs) : drawn.outputs;
  const y =
    task === "classification"
      ? Float32Array.from(integers(fold(key(seed), "y"), ROWS, outputs))
      : Float32Array.from(normals(fold(key(seed), "y"), ROWS * outputs));
  const aims = AIMS[task];
  const { output, loss } = aims[drawn.aim % aims.length]!(outputs);
  const model = ModelSpec.parse({ layers: drawn.layers, output });
  const network = buildNetwork(model, { inputs, task, outputs });
  const spec = TrainSpec.parse({
    epochs: 3,
    batch,
    optimizer,
    loss,
    regularizers: [...regularizers, ...(drawn.tied ? tieIn(network) : [])],
    ...extras,
    ...(stops ? { earlyStopping: { patience: 2 } } : {}),
  });
  const rows = Uint32Array.from({ length: ROWS }, (_, i) => i);
  return {
    network,
    spec,
    x: Float32Array.from(normals(fold(key(seed), "x"), ROWS * inputs)),
    y,
    rows: rows.subarray(0, 40),
    ...(stops ? { held: rows.subarray(40) } : {}),
    key: key(seed),
  };
}

/** A tie between the first tensors of equal shape, if there are any. */
function tieIn({ parameters: { tensors } }: Network): Regularizer[] {
  for (const { shape } of tensors) {
    const alike = tensors.filter((one) => sameShape(one.shape, shape)).map(({ name }) => name);
    if (alike.length > 1) return [{ tie: { between: alike, strength: 0.1 } }];
  }
  return [];
}

describe("whole trainings", () => {
  test("of random networks give equal bits in wasm-plain and js", () => {
    fc.assert(
      fc.property(job, (drawn) => {
        const one = jobOf(drawn);
        expect(train({ ...one, variant: "wasm-plain" })).toEqual(train({ ...one, variant: "js" }));
      }),
      { numRuns: 60 },
    );
  });

  test.each(Object.entries(OPTIMIZERS))("by %s give equal bits", (_, optimizer) => {
    for (const regularizers of [[], ...REGULARIZERS.map((one) => [one])]) {
      const one = jobOf({
        layers: [{ dense: { units: 17, activation: "relu", bias: true } }, { dropout: 0.3 }],
        outputs: 3,
        task: "classification",
        optimizer,
        regularizers: [...regularizers],
        inputs: 13,
        batch: 7,
        stops: false,
        extras: {},
        aim: 0,
        tied: false,
        seed: 3,
      });
      const js = train({ ...one, variant: "js" });
      expect(js.status).toBe("done");
      expect(train({ ...one, variant: "wasm-plain" })).toEqual(js);
    }
  });

  test.skipIf(!fused)("in wasm-fma are the same, whatever block the clock leads to", () => {
    const chosen = new Set<string>();
    fc.assert(
      fc.property(job, (drawn) => {
        const one = jobOf(drawn);
        const outcomes = CLOCKS.map((clock) => {
          // Another shape in between takes the place of the workbench that is bound already.
          train({ ...one, variant: "js" });
          chosen.add(chooseBlock("fused", clock()).block);
          return train({ ...one, variant: "wasm-fma" });
        });
        for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
      }),
      { numRuns: 10 },
    );
    expect([...chosen].sort()).toEqual(["2x16", "4x16", "4x8", "6x16"]);
  });
});

test.each(["js", "wasm-plain"] as const)("the heap is flat over 10,000 steps in %s", (variant) => {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  const drawn = fc.sample(job, { numRuns: 1, seed: 4 })[0]!;
  const layers = [{ dense: { units: 3, activation: "relu" } }, { dropout: 0.2 }];
  const fixed = { layers, task: "regression", stops: false, outputs: 1, aim: 0, tied: false };
  const one = jobOf({ ...drawn, ...fixed } as Drawn);
  const used: number[] = [];
  let step = 0;
  train({
    ...one,
    variant,
    spec: { ...one.spec, batch: 1, epochs: 300, optimizer: OPTIMIZERS.adam },
    cancelled: () => {
      step += 1;
      if (step % 1000 === 0) {
        collect();
        used.push(process.memoryUsage().heapUsed);
      }
      return step > 12_000;
    },
  });
  expect(used).toHaveLength(12);
  // The engine and the test's own surroundings move it a little; the smallest object is 16 bytes.
  const grown = Math.min(...used.slice(-2)) - Math.min(...used.slice(0, 2));
  expect(grown).toBeLessThan(16 * 10_000);
});

test("wasm draws the permutations of rng", () => {
  const { permutation: drawn } = arithmeticOf("wasm-plain");
  for (const length of [1, 2, 3, 5, 64, 1347]) {
    expect(drawn(key(length), length)).toEqual(permutation(key(length), length));
  }
});

test("an unknown reason is no reason: what is not there is named with what is", () => {
  expect(() => arithmeticOf("blas")).toThrow(/computes \(js, wasm-plain.*got "blas": no BLAS/);
});

test("the estimate of a training's memory is what its workbench takes", () => {
  const { network, spec } = jobOf(fc.sample(job, { numRuns: 1, seed: 4 })[0]!);
  const still = TrainSpec.parse({ batch: spec.batch, optimizer: spec.optimizer });
  const estimate = trainingBytes(network, still, 40, "wasm-plain");
  const bench = borrowWorkbench(workOf(network, still, 40, "wasm-plain"));
  const { buffer } = bench.parameters;
  expect(estimate).toBe(buffer.byteLength + 8 * network.parameters.size + 8 * 40);
});
