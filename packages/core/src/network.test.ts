import type { ModelSpec } from "@manyfold/protocol";
import { ModelSpec as ModelSchema } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { lossFor } from "./losses.ts";
import { buildNetwork, describeNetwork } from "./network.ts";

const model = (value: unknown): ModelSpec => ModelSchema.parse(value);

describe("buildNetwork", () => {
  test("lays out parameters by layer, with repeats written out", () => {
    const network = buildNetwork(
      model({
        layers: [
          { dropout: { rate: 0.2 } },
          { repeat: { times: 2, layer: { dense: { units: 5, activation: "relu" } } } },
          { dense: { units: 3, bias: false } },
          { activation: "tanh" },
        ],
      }),
      { inputs: 4, task: "classification", outputs: 3 },
    );
    expect(network.parameters.tensors).toEqual([
      {
        name: "layers.1.dense.weight",
        kind: "weight",
        shape: [4, 5],
        offset: 0,
        size: 20,
        fanIn: 4,
        fanOut: 5,
        init: "heUniform",
      },
      {
        name: "layers.1.dense.bias",
        kind: "bias",
        shape: [5],
        offset: 20,
        size: 5,
        fanIn: 4,
        fanOut: 5,
        init: "zeros",
      },
      {
        name: "layers.2.dense.weight",
        kind: "weight",
        shape: [5, 5],
        offset: 25,
        size: 25,
        fanIn: 5,
        fanOut: 5,
        init: "heUniform",
      },
      {
        name: "layers.2.dense.bias",
        kind: "bias",
        shape: [5],
        offset: 50,
        size: 5,
        fanIn: 5,
        fanOut: 5,
        init: "zeros",
      },
      {
        name: "layers.3.dense.weight",
        kind: "weight",
        shape: [5, 3],
        offset: 55,
        size: 15,
        fanIn: 5,
        fanOut: 3,
        init: "glorotUniform",
      },
      {
        name: "output.weight",
        kind: "weight",
        shape: [3, 3],
        offset: 70,
        size: 9,
        fanIn: 3,
        fanOut: 3,
        init: "glorotUniform",
      },
      {
        name: "output.bias",
        kind: "bias",
        shape: [3],
        offset: 79,
        size: 3,
        fanIn: 3,
        fanOut: 3,
        init: "zeros",
      },
    ]);
    expect(network.parameters.size).toBe(82);
    expect(network.layers.map(({ name, kind, units }) => [name, kind, units])).toEqual([
      ["layers.0", "dropout", 4],
      ["layers.1", "dense", 5],
      ["layers.2", "dense", 5],
      ["layers.3", "dense", 3],
      ["layers.4", "activation", 3],
      ["output", "dense", 3],
    ]);
    expect(describeNetwork(network)).toMatchInlineSnapshot(`
      "layer     what                  units  parameters
      layers.0  dropout 0.2               4           0
      layers.1  dense 4 x 5 relu          5          25
      layers.2  dense 5 x 5 relu          5          30
      layers.3  dense 5 x 3 identity      3          15
      layers.4  tanh                      3           0
      output    dense 3 x 3 identity      3          12
      4 inputs, 82 parameters, softmax output"
    `);
  });

  test("picks the initialisation by the nonlinearity that follows, unless told otherwise", () => {
    const inits = (value: unknown): unknown[] =>
      buildNetwork(model(value), { inputs: 2, task: "regression", outputs: 1 })
        .parameters.tensors.filter(({ kind }) => kind === "weight")
        .map(({ init }) => init);
    expect(
      inits({ layers: [{ dense: { units: 2 } }, { dropout: 0.5 }, { activation: "relu" }] }),
    ).toEqual(["heUniform", "glorotUniform"]);
    expect(
      inits({ layers: [{ dense: { units: 2 } }, { dense: { units: 2, activation: "relu" } }] }),
    ).toEqual(["glorotUniform", "heUniform", "glorotUniform"]);
    expect(
      inits({ layers: [{ dense: { units: 2, init: "zeros" } }], init: "lecunNormal" }),
    ).toEqual(["zeros", "lecunNormal"]);
  });

  test.each([
    [{ task: "regression", outputs: 2 }, "auto", "linear", 2],
    [{ task: "classification", outputs: 3 }, "auto", "softmax", 3],
    [{ task: "classification", outputs: 2 }, "sigmoid", "sigmoid", 1],
    [{ task: "regression", outputs: 2 }, "sigmoid", "sigmoid", 2],
    [{ task: "classification", outputs: 3 }, "linear", "linear", 3],
  ] as const)("%o with output %s has a %s head with %d logits", (io, output, head, targets) => {
    const network = buildNetwork(model({ layers: [], output }), { inputs: 2, ...io });
    expect([network.head, network.targets, network.outputs]).toEqual([head, targets, io.outputs]);
  });

  test("refuses heads and losses that do not fit, naming the path", () => {
    const build = (output: string, task: "regression" | "classification", outputs: number) => () =>
      buildNetwork(model({ layers: [], output }), { inputs: 2, task, outputs });
    expect(build("softmax", "regression", 1)).toThrow(
      'model.output must be linear or sigmoid for a regression, got "softmax".',
    );
    expect(build("sigmoid", "classification", 3)).toThrow(
      "model.output must be softmax for other than two classes",
    );
    expect(lossFor("auto", "softmax", 3)).toBe("softmaxCrossEntropy");
    expect(() => lossFor("binaryCrossEntropy", "softmax", 3)).toThrow(
      "train.loss must be auto or one that fits a softmax output",
    );
  });
});
