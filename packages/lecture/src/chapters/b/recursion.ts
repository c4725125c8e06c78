import { initialize, key, type Network } from "@manyfold/core";
import { backpropagate, flatGradient, type SamplePass } from "../../explain/backprop.ts";
import { agreement } from "../../explain/agreement.ts";
import {
  times,
  transposed,
  type Matrix,
  lossAndGradient,
  sampleOf,
  trained,
  weightsOf,
  above,
  alike,
  atMost,
  below,
  distance,
  isTrue,
  near,
  type Row,
  say,
} from "../../kit.ts";
import { HAGAN, haganNetwork, deep, passAt } from "./hagan.ts";

const diagonal = (values: readonly number[]): Matrix =>
  values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));

export const RECURSION: readonly Row[] = [
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
