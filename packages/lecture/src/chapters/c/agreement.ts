import { lossFor } from "@manyfold/core";
import { TrainSpec } from "@manyfold/protocol";
import { agreement } from "../../explain/agreement.ts";
import { drawn, networkOf, atMost, curve, plot, type Row, say } from "../../kit.ts";

/** Every activation, as a configuration names it. */
const ACTIVATIONS = [
  "identity",
  "sigmoid",
  "tanh",
  "relu",
  { leakyRelu: { slope: 0.1 } },
  "prelu",
  { elu: { alpha: 0.7 } },
  "selu",
  "gelu",
  "silu",
  "softplus",
  "hardTanh",
  "abs",
  { maxout: { pieces: 3 } },
  "rbf",
];

/** Every output with the losses that it has. */
const ENDS = [
  { output: "linear", loss: "squaredError", task: "regression", outputs: 2 },
  { output: "sigmoid", loss: "squaredError", task: "regression", outputs: 2 },
  { output: "sigmoid", loss: "binaryCrossEntropy", task: "classification", outputs: 2 },
  { output: "softmax", loss: "softmaxCrossEntropy", task: "classification", outputs: 3 },
  { output: "softmax", loss: "squaredError", task: "classification", outputs: 3 },
  { output: "linear", loss: "absoluteError", task: "regression", outputs: 2 },
  { output: "linear", loss: { huber: { delta: 0.7 } }, task: "regression", outputs: 2 },
  { output: "gaussian", loss: { gaussianNll: { beta: 0.5 } }, task: "regression", outputs: 2 },
  { output: { mixture: { components: 3 } }, loss: "auto", task: "regression", outputs: 2 },
  {
    output: "gaussian",
    loss: { perTarget: [{ weight: 2 }, { loss: { gaussianNll: { beta: 0 } } }] },
    task: "regression",
    outputs: 2,
  },
] as const;

export const AGREEMENT: readonly Row[] = [
  {
    id: "C10",
    title: say("BP and graph autodiff agree", "BP 与计算图自动微分一致"),
    formula: "max |∂F/∂θ (BP) − ∂F/∂θ (graph)| ≤ 1e-12",
    expected: say(
      "On 120 random networks over depths, widths, all 15 activations, all outputs and losses the largest difference stays within 1e-12.",
      "在 120 个随机网络（深度、宽度、全部 15 种激活、各种输出与损失）上最大差不超过 1e-12。",
    ),
    source: "§6.5.6",
    run: () => {
      const gaps = Array.from({ length: 120 }, (_, i) => {
        const { output, loss, task, outputs } = ENDS[i % ENDS.length]!;
        const layers = Array.from({ length: 1 + (i % 3) }, (_unused, depth) => ({
          dense: {
            units: 2 + ((i + depth) % 5),
            activation: ACTIVATIONS[(i + 4 * depth) % ACTIVATIONS.length],
          },
        }));
        const network = networkOf(layers, { inputs: 3, task, outputs }, { output });
        const weights = drawn("C10 weights", network.parameters.size, i).map((w) => w / 2);
        const x = drawn("C10 x", 12, i);
        const values = drawn("C10 y", 40, i);
        const y = Float64Array.from({ length: 4 * network.targets }, (_unused, at) =>
          task === "regression" ? values[at]! : at % network.targets === i % 2 ? 1 : 0,
        );
        const spec = TrainSpec.parse({ loss });
        const name = lossFor(spec.loss, network.head, network.ownTargets);
        return agreement(network, name, weights, x, y).difference;
      });
      return {
        checks: [
          atMost(
            say("largest difference of 120 networks", "120 个网络中的最大差"),
            Math.max(...gaps),
            1e-12,
          ),
        ],
        plots: [
          plot(
            say("Largest difference, network by network", "逐网络的最大差"),
            [say("network", "网络"), say("max |Δ|")],
            [curve(say("difference", "差"), gaps)],
          ),
        ],
      };
    },
  },
];
