import { ModelSpec, type Regularizer, TrainSpec } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { JS_KERNELS } from "./kernels/js/set.ts";
import { buildNetwork, describeNetwork, type Network } from "./network.ts";
import { compileTraining } from "./program.ts";
import { startRegularizers } from "./regularizers.ts";
import { key, normals } from "./rng.ts";
import { tiesOf } from "./ties.ts";
import { train } from "./train.ts";

const ROWS = 9;
const dense = (units: number, more: object = {}) => ({
  dense: { units, activation: "tanh", ...more },
});

function networkOf(layers: object[]): Network {
  const model = ModelSpec.parse({ layers });
  return buildNetwork(model, { inputs: 5, task: "regression", outputs: 2 });
}

/** Loss and gradient in float64, on the same rows for every network. */
function programOf(network: Network) {
  const kernels = JS_KERNELS.float64;
  const program = compileTraining(network, { loss: "squaredError", batches: [ROWS], kernels });
  program.x.set(normals(key(2), ROWS * 5));
  program.y.set(normals(key(3), ROWS * 2));
  return program;
}

const rangeOf = ({ parameters }: Network, name: string): [number, number] => {
  const { offset, size } = parameters.tensors.find((one) => one.name === name)!;
  return [offset, offset + size];
};

describe.each([
  ["as it is", [dense(5), dense(5, { share: "layers.0" })], false],
  ["transposed", [dense(3), dense(5, { share: { layer: "layers.0", transpose: true } })], true],
] as const)("a weight shared %s", (_, layers, transposed) => {
  const shared = networkOf([...layers]);
  const apart = networkOf([layers[0], dense(5)]);
  const program = programOf(shared);
  program.parameters.set(normals(key(4), shared.parameters.size));

  test("is stored once, and described as shared", () => {
    const names = shared.parameters.tensors.map(({ name }) => name);
    expect(names).toContain("layers.0.dense.weight");
    expect(names).not.toContain("layers.1.dense.weight");
    expect(names).toContain("layers.1.dense.bias");
    expect(describeNetwork(shared)).toMatch(/layers\.1 .* shared/);
  });

  test("has the gradient of differences", () => {
    program.run(ROWS, key(0));
    const gradient = [...program.gradients];
    for (const [i, at] of program.parameters.entries()) {
      const [up, down] = [1e-5, -1e-5].map((step) => {
        program.parameters[i] = at + step;
        return program.run(ROWS, key(0));
      });
      program.parameters[i] = at;
      expect(Math.abs(gradient[i]! - (up! - down!) / 2e-5)).toBeLessThan(1e-8);
    }
  });

  test("has the sum of the gradients that two weights of its values have", () => {
    const other = programOf(apart);
    const inputs = shared.layers[0]!.kind === "dense" ? shared.layers[0]!.units : 0;
    const first = program.parameters.subarray(...rangeOf(shared, "layers.0.dense.weight"));
    // [5, units] as [units, 5].
    const turned = (values: ArrayLike<number>, rows: number): number[] => {
      const columns = values.length / rows;
      return Array.from(values, (__, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
    };
    for (const { name } of apart.parameters.tensors) {
      const own = name !== "layers.1.dense.weight";
      const from = own ? program.parameters.subarray(...rangeOf(shared, name)) : first;
      other.parameters.set(own || !transposed ? from : turned(from, 5), rangeOf(apart, name)[0]);
    }
    expect(other.run(ROWS, key(0))).toBeCloseTo(program.run(ROWS, key(0)), 13);
    const [a, b] = ["layers.0.dense.weight", "layers.1.dense.weight"].map((name) =>
      other.gradients.subarray(...rangeOf(apart, name)),
    );
    const second = transposed ? turned(b!, inputs) : b!;
    const whole = program.gradients.subarray(...rangeOf(shared, "layers.0.dense.weight"));
    for (const [i, one] of whole.entries()) expect(one).toBeCloseTo(a![i]! + second[i]!, 12);
  });
});

const tie = (between: string[], strength: number): Regularizer => ({ tie: { between, strength } });

describe("soft tying", () => {
  const network = networkOf([dense(5), dense(5), dense(5), dense(3)]);

  test("adds the gradient of half the squared differences of all pairs, nowhere else", () => {
    const between = ["layers.0", "layers.2", "layers.1"];
    const weights = Float32Array.from(normals(key(1), network.parameters.size));
    const gradient = new Float32Array(weights.length);
    startRegularizers([tie(between, 0.3)], network).gradient(weights, gradient);
    const starts = between.map((name) => rangeOf(network, `${name}.dense.weight`)[0]);
    const penalty = (at: Float64Array): number => {
      let total = 0;
      for (const [i, a] of starts.entries()) {
        for (const b of starts.slice(i + 1)) {
          for (let n = 0; n < 25; n++) total += (0.3 / 2) * (at[a + n]! - at[b + n]!) ** 2;
        }
      }
      return total;
    };
    const at = Float64Array.from(weights);
    for (let i = 0; i < at.length; i++) {
      const here = at[i]!;
      const [up, down] = [1e-4, -1e-4].map((step) => {
        at[i] = here + step;
        return penalty(at);
      });
      at[i] = here;
      expect(Math.abs(gradient[i]! - (up! - down!) / 2e-4)).toBeLessThan(1e-5);
    }
  });

  test("draws the parameters together, more the stronger it is", () => {
    const count = 60;
    const x = Float32Array.from(normals(key(5), 5 * count));
    const y = Float32Array.from({ length: 2 * count }, (_, i) =>
      Math.sin(3 * x[5 * (i >> 1) + (i % 2)]!),
    );
    const distanceAt = (strength: number): number => {
      const spec = TrainSpec.parse({
        epochs: 40,
        batch: 20,
        optimizer: { adam: { lr: 0.01 } },
        regularizers: [tie(["layers.0", "layers.1"], strength)],
      });
      const rows = Uint32Array.from({ length: count }, (_, i) => i);
      const outcome = train({ network, spec, variant: "wasm-plain", x, y, rows, key: key(6) });
      if (outcome.status !== "done") throw new Error(outcome.status);
      const [a, b] = ["layers.0", "layers.1"].map(
        (name) => rangeOf(network, `${name}.dense.weight`)[0],
      );
      let total = 0;
      for (let i = 0; i < 25; i++) {
        total += (outcome.weights[a! + i]! - outcome.weights[b! + i]!) ** 2;
      }
      return total;
    };
    const distances = [0, 0.01, 0.1, 1].map(distanceAt);
    expect(distances).toEqual(distances.toSorted((a, b) => b - a));
    expect(distances[3]).toBeLessThan(0.05 * distances[0]!);
  });

  test("finds biases by their whole names, and the output layer", () => {
    const biases = ["layers.0.dense.bias", "layers.1.dense.bias"];
    const offsets = biases.map((name) => rangeOf(network, name)[0]);
    expect(tiesOf([{ l2: 1 }, tie(biases, 1)], network)).toEqual([null, { offsets, size: 5 }]);
    const wide = networkOf([dense(2)]);
    expect(() => tiesOf([tie(["output", "layers.0"], 1)], wide)).toThrow(
      /shape \[2, 2\] of output/,
    );
  });

  test.each([
    [
      ["layers.0", "layers.9"],
      'train.regularizers.0.tie.between.1 must be a layer or parameter with values of its own (layers.0, layers.0.dense.bias, layers.1, layers.1.dense.bias, layers.2, layers.2.dense.bias, layers.3, layers.3.dense.bias, output, output.bias), got "layers.9".',
    ],
    [
      ["layers.0", "layers.3"],
      "train.regularizers.0.tie.between.1 must be of the shape [5, 5] of layers.0.dense.weight, got layers.3.dense.weight with [5, 3].",
    ],
    [
      ["layers.0", "layers.0.dense.weight"],
      'train.regularizers.0.tie.between.1 must be named once, got "layers.0.dense.weight" again.',
    ],
  ])("refuses %j", (between, message) => {
    expect(() => tiesOf([tie(between, 1)], network)).toThrow(message);
  });
});
