import { backpropagate, flatGradient } from "../../explain/backprop.ts";
import { complexStep } from "../complex.ts";
import {
  curveOf,
  dense,
  lossAndGradient,
  networkOf,
  sampleOf,
  trained,
  weightsOf,
  alike,
  atMost,
  below,
  curve,
  distance,
  EPOCH,
  LOSS,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { HAGAN, haganNetwork, deep, passAt } from "./hagan.ts";

export const LAYERS: readonly Row[] = [
  {
    id: "B1",
    title: say("Layered networks of any depth", "任意深度的分层网络"),
    formula: "a⁰ = p;  aᵐ⁺¹ = fᵐ⁺¹(Wᵐ⁺¹aᵐ + bᵐ⁺¹);  a = aᴹ",
    expected: say(
      "Weights have the shapes Sᵐ × Sᵐ⁻¹ at any depth, and a hand-written forward pass gives what the network predicts.",
      "任意深度的权重形状均为 Sᵐ × Sᵐ⁻¹，手写的前向计算与网络预测一致。",
    ),
    source: "6.40, 6.41, Alg 6.3",
    run: () => {
      const widths = [3, 4, 5, 3, 2];
      const { network, weights, x, y } = deep();
      const shapes = network.layers.flatMap((layer) =>
        layer.kind === "dense" ? [layer.units, layer.inputs] : [],
      );
      const pass = backpropagate(network, "squaredError", weights, x.slice(0, 3), y.slice(0, 2));
      const { loss } = lossAndGradient(network, weights, x.slice(0, 3), y.slice(0, 2));
      const very = networkOf(
        Array.from({ length: 60 }, () => dense(7, "tanh")),
        { inputs: 3, task: "regression", outputs: 1 },
      );
      return {
        checks: [
          alike(
            say("Sᵐ × Sᵐ⁻¹"),
            shapes,
            widths.slice(1).flatMap((s, i) => [s, widths[i]!]),
            0,
          ),
          near(
            say("|F by hand − F by graph|", "|手算 F − 图算 F|"),
            Math.abs(pass.loss - loss),
            0,
            1e-14,
          ),
          near(
            say("layers of a network of 60 + 1", "60 + 1 层网络的层数"),
            very.layers.length,
            61,
            0,
          ),
        ],
      };
    },
  },
  {
    id: "B2",
    title: say("The training loop", "训练循环"),
    formula: "W(k+1) = W(k) − α ∂F̂/∂W",
    expected: say(
      "From small random weights the loss falls; the same seed gives the same weights to the bit, by other kernels too.",
      "从小的随机权重出发损失下降；相同种子给出逐位相同的权重，换用其他内核也一样。",
    ),
    source: "§6.5",
    run: () => {
      const network = networkOf([dense(8, "tanh")], { inputs: 1, task: "regression", outputs: 1 });
      const xs = Array.from({ length: 64 }, (_, i) => i / 16 - 2);
      const sample = sampleOf(
        xs.map((x) => [x]),
        xs.map((x) => Math.sin(2 * x)),
      );
      const spec = { epochs: 60, batch: 8, optimizer: { sgd: { lr: 0.1 } } };
      const first = trained(network, spec, sample, 3);
      const again = trained(network, spec, sample, 3);
      const other = trained(network, spec, sample, 3, undefined, "js");
      const { train } = curveOf(first);
      return {
        checks: [
          below(
            say("loss, last epoch against first", "末轮损失与首轮比"),
            train.at(-1)! / train[0]!,
            0.3,
          ),
          near(
            say("weights of a second training, largest difference", "再次训练的权重最大差"),
            distance(weightsOf(first), weightsOf(again)),
            0,
            0,
          ),
          near(
            say(
              "weights by JavaScript instead of WebAssembly",
              "JavaScript 代替 WebAssembly 的权重",
            ),
            distance(weightsOf(first), weightsOf(other)),
            0,
            0,
          ),
        ],
        plots: [
          plot(say("Loss per epoch", "每轮损失"), [EPOCH, LOSS], [curve(say("F"), train, 1)]),
        ],
      };
    },
  },
  {
    id: "B3",
    title: say("One step by hand: Hagan's 1-2-1 network", "手算一步：Hagan 的 1-2-1 网络"),
    formula: "s² = −2 ḟ²(t − a);  s¹ = ḟ¹ W²ᵀ s²;  ΔW = −α s aᵀ",
    expected: say(
      "Outputs, error, sensitivities and new weights are the book's to 9 digits, and the graph's derivatives agree to 1e-12.",
      "输出、误差、敏感度与新权重与书中 9 位数字一致，图的导数一致到 1e-12。",
    ),
    source: "Hagan, Demuth, Beale, ch. 11",
    run: () => {
      const { network, pass, gradient, after } = haganStep();
      const [hidden, output] = pass.layers;
      const double = (values: readonly number[]) => values.map((s) => 2 * s);
      const graph = lossAndGradient(network, HAGAN.weights, HAGAN.x, [HAGAN.target]);
      const digits = 5.01e-10;
      return {
        checks: [
          alike(say("a¹"), hidden!.output, [0.320821301, 0.368187582], digits),
          alike(say("a²"), output!.output, [0.446282028], digits),
          near(say("e"), HAGAN.target - output!.output[0]!, 1.260824753, digits),
          alike(say("s²"), double(output!.sensitivity), [-2.521649506], 2 * digits),
          alike(say("s¹"), double(hidden!.sensitivity), [-0.049450932, 0.09972199], digits),
          alike(
            say("new W¹, b¹, W², b²", "新的 W¹, b¹, W², b²"),
            after,
            [
              -0.265054907, -0.419972199, -0.475054907, -0.139972199, 0.170899887, -0.077155996,
              0.732164951,
            ],
            digits,
          ),
          atMost(
            say("|by hand − by graph|", "|手算 − 图算|"),
            distance(
              gradient,
              graph.gradient.map((g) => 2 * g),
            ),
            1e-12,
          ),
        ],
      };
    },
  },
  {
    id: "B4",
    title: say("The mean of single-sample gradients", "单样本梯度的均值"),
    formula: "F = E[eᵀe] ≈ e(k)ᵀe(k)",
    expected: say(
      "The mean of the gradients of single samples is the gradient of the whole batch, to 1e-12.",
      "各单样本梯度的均值等于整批梯度，精度 1e-12。",
    ),
    source: "8.9",
    run: () => {
      const { network, weights, x, y } = deep();
      const whole = lossAndGradient(network, weights, x, y);
      const mean = new Float64Array(network.parameters.size);
      for (let at = 0; at < 8; at++) {
        const { pass } = passAt(at);
        flatGradient(network, pass).forEach((g, i) => (mean[i]! += g / 8));
      }
      return {
        checks: [
          atMost(
            say("|mean of 8 − batch of 8|", "|8 个的均值 − 8 个一批|"),
            distance(mean, whole.gradient),
            1e-12,
          ),
        ],
      };
    },
  },
  {
    id: "B5",
    title: say("Sensitivity, gradient and bias", "敏感度、梯度与偏置"),
    formula: "s ≡ ∂F̂/∂n;  ∂F̂/∂W = s aᵀ;  ∂F̂/∂b = s",
    expected: say(
      "Central differences agree to 1e-7, a complex step to 1e-14.",
      "中心差分一致到 1e-7，复数步一致到 1e-14。",
    ),
    source: "11.5–11.9",
    run: () => {
      const { network, weights, pass } = passAt(0);
      const { x, y } = deep();
      const [own, target] = [x.slice(0, 3), y.slice(0, 2)];
      const gradient = flatGradient(network, pass);
      const lossAt = (at: Float64Array) =>
        backpropagate(network, "squaredError", at, own, target).loss;
      const central = gradient.map((_, i) => {
        const [up, down] = [weights.slice(), weights.slice()];
        up[i]! += 1e-5;
        down[i]! -= 1e-5;
        return (lossAt(up) - lossAt(down)) / 2e-5;
      });
      const complex = gradient.map((_, i) => complexStep(network, weights, own, target, i));
      return {
        checks: [
          atMost(
            say("|s aᵀ − central difference|", "|s aᵀ − 中心差分|"),
            distance(gradient, central),
            1e-7,
          ),
          atMost(
            say("|s aᵀ − complex step|", "|s aᵀ − 复数步|"),
            distance(gradient, complex),
            1e-14,
          ),
        ],
      };
    },
  },
];

/** Hagan's index is e², twice the product's half: all sensitivities double. */
function haganStep() {
  const network = haganNetwork();
  const pass = backpropagate(network, "squaredError", HAGAN.weights, HAGAN.x, [HAGAN.target]);
  const gradient = flatGradient(network, pass).map((g) => 2 * g);
  const after = HAGAN.weights.map((w, i) => w - 0.1 * gradient[i]!);
  return { network, pass, gradient, after };
}
