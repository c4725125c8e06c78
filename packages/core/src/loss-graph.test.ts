import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { initialize } from "./init.ts";
import { JS_KERNELS } from "./kernels/js/set.ts";
import type { ObjectiveTerms } from "./loss-graph.ts";
import { buildNetwork } from "./network.ts";
import { compileTraining } from "./program.ts";
import { key, normals } from "./rng.ts";
import { train } from "./train.ts";

const ROWS = 16;
const layers = [{ dense: { units: 6, activation: "sigmoid" as const } }];
const io = { inputs: 3, task: "classification", outputs: 2 } as const;
const network = buildNetwork(ModelSpec.parse({ layers }), io);

/** Loss and gradient in float64 at some weights, on some rows. */
function programOf(terms: ObjectiveTerms, reach = 0) {
  const kernels = JS_KERNELS.float64;
  const options = { loss: "softmaxCrossEntropy", batches: [ROWS], kernels, terms } as const;
  const program = compileTraining(network, options);
  initialize(network, key(1), program.parameters as Float64Array);
  program.x.set(normals(key(2), ROWS * 3));
  for (let row = 0; row < ROWS; row++) program.y[2 * row + (program.x[3 * row]! > 0 ? 1 : 0)] = 1;
  for (const [i, value] of [reach, -100, 100].entries()) program.box[i]?.fill(value);
  return program;
}

type Program = ReturnType<typeof programOf>;

/** What a program's gradient is the gradient of, found by differences of an objective. */
function slopeOf(program: Program, objective: () => number): number[] {
  return Array.from(program.parameters, (at, i) => {
    const [up, down] = [1e-5, -1e-5].map((step) => {
      program.parameters[i] = at + step;
      return objective();
    });
    program.parameters[i] = at;
    return (up! - down!) / 2e-5;
  });
}

/** Sigmoid activations of the hidden layer, from the weights by hand. */
function hidden(program: Program): number[][] {
  const { parameters: w, x } = program;
  return Array.from({ length: ROWS }, (_, row) =>
    Array.from({ length: 6 }, (__, unit) => {
      let net = w[18 + unit]!;
      for (let i = 0; i < 3; i++) net += x[3 * row + i]! * w[6 * i + unit]!;
      return 1 / (1 + Math.exp(-net));
    }),
  );
}

describe("the gradient is that of loss and penalty, the loss that of the rows alone, with", () => {
  const plain = programOf({});
  const loss = plain.run(ROWS, key(0));

  test.each(["l1", "kl"] as const)("sparsity by %s", (kind) => {
    const [alpha, target] = [0.3, 0.1];
    const program = programOf({ sparsity: { alpha, kind, target } });
    expect(program.run(ROWS, key(0))).toBe(loss);
    const gradient = [...program.gradients];
    const penalty = (): number => {
      const h = hidden(plain);
      if (kind === "l1") return (alpha * h.flat().reduce((sum, one) => sum + one, 0)) / ROWS;
      return Array.from({ length: 6 }, (_, unit) => {
        const mean = h.reduce((sum, row) => sum + row[unit]!, 0) / ROWS;
        const [on, off] = [Math.log(target / mean), Math.log((1 - target) / (1 - mean))];
        return alpha * (target * on + (1 - target) * off);
      }).reduce((sum, one) => sum + one, 0);
    };
    const slope = slopeOf(plain, () => plain.run(ROWS, key(0)) + penalty());
    for (const [i, one] of slope.entries()) expect(gradient[i]).toBeCloseTo(one, 7);
  });

  test("adversarial rows", () => {
    const [weight, reach] = [0.25, 0.1];
    const program = programOf({ adversarial: { epsilon: 0.01, weight } }, reach);
    expect(program.run(ROWS, key(0))).toBe(loss);
    // The moved rows by hand: up the slope of the loss in x, found by differences.
    const moved = programOf({});
    for (let i = 0; i < ROWS * 3; i++) {
      const at = plain.x[i]!;
      const [up, down] = [1e-5, -1e-5].map((step) => {
        plain.x[i] = at + step;
        return plain.run(ROWS, key(0));
      });
      plain.x[i] = at;
      moved.x[i] = at + reach * Math.sign(up! - down!);
    }
    plain.run(ROWS, key(0));
    expect(moved.run(ROWS, key(0))).toBeGreaterThan(loss);
    for (const [i, one] of program.gradients.entries()) {
      const mixed = weight * plain.gradients[i]! + (1 - weight) * moved.gradients[i]!;
      expect(one).toBeCloseTo(mixed, 12);
    }
  });
});

test("sparsity makes activations fewer", () => {
  const count = 200;
  const x = Float32Array.from(normals(key(5), 3 * count));
  const y = Float32Array.from({ length: count }, (_, row) => (x[3 * row]! > 0 ? 1 : 0));
  const weightsOf = (settings: object): Float32Array => {
    const spec = TrainSpec.parse({
      epochs: 60,
      batch: 50,
      optimizer: { adam: { lr: 0.02 } },
      ...settings,
    });
    const rows = Uint32Array.from({ length: count }, (_, i) => i);
    const outcome = train({ network, spec, variant: "js", x, y, rows, key: key(6) });
    if (outcome.status !== "done") throw new Error(outcome.status);
    return outcome.weights;
  };
  const active = (weights: Float32Array): number => {
    const program = programOf({});
    program.parameters.set(weights);
    return hidden(program)
      .flat()
      .reduce((sum, one) => sum + one, 0);
  };
  const plain = weightsOf({});
  expect(active(weightsOf({ sparsity: { alpha: 0.1 } }))).toBeLessThan(0.8 * active(plain));
});
