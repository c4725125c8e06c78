import { initialize, key, type Network } from "@manyfold/core";
import { times, transposed, type Matrix } from "../algebra.ts";
import { backpropagate, flatGradient, type SamplePass } from "../explain/backprop.ts";
import {
  curveOf,
  dense,
  drawn,
  lossAndGradient,
  networkOf,
  sampleOf,
  trained,
  weightsOf,
} from "../networks.ts";
import {
  above,
  alike,
  atMost,
  below,
  curve,
  distance,
  EPOCH,
  isTrue,
  LOSS,
  near,
  plot,
  type Row,
} from "../row.ts";
import { say } from "../text.ts";
import { agreement } from "../explain/agreement.ts";
import { complexStep } from "./complex.ts";

/** The 1-2-1 network of Hagan's worked example: logsig, then linear. */
const HAGAN = {
  weights: [-0.27, -0.41, -0.48, -0.13, 0.09, -0.17, 0.48],
  x: [1],
  target: 1 + Math.SQRT1_2,
};

function haganNetwork(): Network {
  return networkOf([dense(2, "sigmoid")], { inputs: 1, task: "regression", outputs: 1 });
}

/** Hagan's index is e², twice the product's half: all sensitivities double. */
function haganStep() {
  const network = haganNetwork();
  const pass = backpropagate(network, "squaredError", HAGAN.weights, HAGAN.x, [HAGAN.target]);
  const gradient = flatGradient(network, pass).map((g) => 2 * g);
  const after = HAGAN.weights.map((w, i) => w - 0.1 * gradient[i]!);
  return { network, pass, gradient, after };
}

/** A smooth deep network with drawn weights and biases, and some rows. */
function deep() {
  const network = networkOf([dense(4, "tanh"), dense(5, "sigmoid"), dense(3, "tanh")], {
    inputs: 3,
    task: "regression",
    outputs: 2,
  });
  const weights = drawn("B weights", network.parameters.size).map((w) => 0.7 * w);
  const [x, y] = [drawn("B x", 24), drawn("B y", 16)];
  return { network, weights, x, y };
}

function passAt(at: number): { network: Network; weights: Float64Array; pass: SamplePass } {
  const { network, weights, x, y } = deep();
  const [own, target] = [x.slice(3 * at, 3 * at + 3), y.slice(2 * at, 2 * at + 2)];
  return {
    network,
    weights,
    pass: backpropagate(network, "squaredError", weights, own, target),
  };
}

/** W^m as [units, inputs], and F' of its layer, from a pass. */
function layerMatrices(network: Network, weights: Float64Array, pass: SamplePass) {
  return network.layers.flatMap((layer, i) => {
    if (layer.kind !== "dense") return [];
    const { units, inputs, weight } = layer;
    const w = Array.from({ length: units }, (_, j) =>
      Array.from({ length: inputs }, (_unused, k) => weights[weight.offset + k * units + j]!),
    );
    const { output, activation } = pass.layers[i]!;
    const slopes: { [name: string]: (a: number) => number } = {
      tanh: (a) => 1 - a * a,
      sigmoid: (a) => a * (1 - a),
      identity: () => 1,
    };
    const slope = output.map((a) => slopes[activation]!(a));
    return [{ w, slope }];
  });
}

const diagonal = (values: readonly number[]): Matrix =>
  values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));

export const CHAPTER_B: readonly Row[] = [
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
  {
    id: "B6",
    title: say("The Jacobians that carry sensitivities back", "把敏感度传回的雅可比矩阵"),
    formula: "∂nᵐ⁺¹/∂nᵐ = Wᵐ⁺¹Ḟᵐ;  sᵐ = Ḟᵐ Wᵐ⁺¹ᵀ sᵐ⁺¹",
    expected: say(
      "Products of explicit Jacobians, from the output to each layer, are the sensitivities of BP.",
      "由输出到各层的显式雅可比矩阵之积等于 BP 的敏感度。",
    ),
    source: "6.46",
    run: () => {
      const { network, weights, pass } = passAt(1);
      const layers = layerMatrices(network, weights, pass);
      let chain: Matrix = [pass.layers.at(-1)!.sensitivity];
      const gaps: number[] = [];
      for (let m = layers.length - 2; m >= 0; m--) {
        chain = times(chain, times(layers[m + 1]!.w, diagonal(layers[m]!.slope)));
        gaps.push(distance(chain[0]!, pass.layers[m]!.sensitivity));
      }
      return {
        checks: [
          atMost(
            say("largest difference over 3 layers", "三层中的最大差"),
            Math.max(...gaps),
            1e-14,
          ),
        ],
      };
    },
  },
  {
    id: "B7",
    title: say("Where sensitivities start, in two conventions", "敏感度的起点：两种约定"),
    formula: "sᴹ = −2 Ḟᴹ(t − a)",
    expected: say(
      "With F = eᵀe it is exactly twice that of the half square, which the product minimises.",
      "取 F = eᵀe 时恰为半平方误差的两倍；产品最小化的是后者。",
    ),
    source: "Alg 6.4",
    run: () => {
      const { network, weights, pass } = passAt(2);
      const { slope } = layerMatrices(network, weights, pass).at(-1)!;
      const { y } = deep();
      const last = pass.layers.at(-1)!;
      const hagan = last.output.map((a, i) => -2 * slope[i]! * (y[4 + i]! - a));
      return {
        checks: [
          alike(
            say("sᴹ of eᵀe", "eᵀe 的 sᴹ"),
            hagan,
            last.sensitivity.map((s) => 2 * s),
            1e-15,
          ),
          isTrue(
            say("it is minus twice Ḟ(t − a) of the other", "等于另一约定 Ḟ(t − a) 的 −2 倍"),
            hagan.every((s, i) => s / last.sensitivity[i]! === 2),
          ),
        ],
      };
    },
  },
  {
    id: "B8",
    title: say("BP1 to BP4", "BP1 至 BP4"),
    formula: "δᴸ = ∇ₐC ⊙ σ′(zᴸ);  δˡ = (Wˡ⁺¹ᵀδˡ⁺¹) ⊙ σ′(zˡ);  ∂C/∂b = δ;  ∂C/∂wⱼₖ = aₖδⱼ",
    expected: say(
      "The four quantities that explain prints obey their equations and equal the Jacobians of B6.",
      "explain 打印的四个量满足各自的方程，并与 B6 的雅可比一致。",
    ),
    source: "Nielsen ch. 2; Alg 6.4",
    run: () => {
      const { network, weights, pass } = passAt(3);
      const layers = layerMatrices(network, weights, pass);
      const last = pass.layers.length - 1;
      const bp1 = pass.start.map((g, j) => g * layers[last]!.slope[j]!);
      const bp2 = pass.layers.slice(0, -1).map((own, m) => {
        const back = times(
          transposed(layers[m + 1]!.w),
          pass.layers[m + 1]!.sensitivity.map((s) => [s]),
        );
        return distance(
          own.sensitivity,
          back.map(([s = NaN], j) => s * layers[m]!.slope[j]!),
        );
      });
      const graph = lossAndGradient(network, weights, deep().x.slice(9, 12), deep().y.slice(6, 8));
      const bp4 = pass.layers.map((own) =>
        distance(
          own.weight.flat(),
          own.input.flatMap((a) => own.sensitivity.map((s) => a * s)),
        ),
      );
      return {
        checks: [
          atMost(say("BP1"), distance(bp1, pass.layers[last]!.sensitivity), 1e-15),
          atMost(say("BP2"), Math.max(...bp2), 1e-14),
          atMost(
            say("BP3"),
            Math.max(...pass.layers.map((own) => distance(own.bias, own.sensitivity))),
            0,
          ),
          atMost(say("BP4"), Math.max(...bp4), 0),
          atMost(
            say("all of them against the graph", "全部与计算图比较"),
            distance(flatGradient(network, pass), graph.gradient),
            1e-12,
          ),
          atMost(
            say("explain's own check, float64", "explain 自带的检验，float64"),
            agreement(network, "squaredError", weights, deep().x, deep().y).difference,
            1e-12,
          ),
        ],
      };
    },
  },
  {
    id: "B9",
    title: say("Forward, backward and update apart", "前向、反向与更新分开进行"),
    formula: "F: a = f(x; W)   B: g = ∂F/∂W   U: W ← W − αg",
    expected: say(
      "Each phase alone changes only its own: forward no gradient, backward no weight; the three in a row are the training's step.",
      "每个阶段只改变自身结果：前向不产生梯度，反向不改权重；三者相接即训练的一步。",
    ),
    source: "§6.5",
    run: () => {
      const network = haganNetwork();
      const start = new Float32Array(network.parameters.size);
      initialize(network, key(5), start);
      const sample = sampleOf([[1]], [HAGAN.target]);
      const spec = { epochs: 1, batch: 1, optimizer: { sgd: { lr: 0.1 } } };
      const step = weightsOf(trained(network, spec, sample, 5));
      const before = start.slice();
      const pass = backpropagate(network, "squaredError", start, sample.x, sample.y);
      const gradient = flatGradient(network, pass);
      const unchanged = distance(before, start);
      const after = start.map((w, i) => w - 0.1 * gradient[i]!);
      const next = backpropagate(network, "squaredError", after, sample.x, sample.y);
      return {
        checks: [
          near(
            say("weights changed by forward and backward", "前向与反向引起的权重变化"),
            unchanged,
            0,
            0,
          ),
          above(
            say("gradient of the backward phase", "反向阶段的梯度"),
            Math.max(...gradient.map(Math.abs)),
            0,
          ),
          atMost(
            say("|three phases − a step of the training|", "|三阶段 − 训练的一步|"),
            distance(after, step),
            1e-7,
          ),
          below(say("loss after it / before", "更新后损失 / 之前"), next.loss / pass.loss, 1),
        ],
      };
    },
  },
];
