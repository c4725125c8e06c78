import { clippingOf } from "@manyfold/core";
import {
  dot,
  mean,
  norm,
  times,
  variance,
  type Matrix,
  follow,
  dense,
  drawn,
  gradientsByLayer,
  lossAndGradient,
  networkOf,
  outputsOf,
  started,
  take,
  trained,
  uniform,
  weightsOf,
  above,
  below,
  curve,
  isTrue,
  line,
  near,
  plot,
  type Row,
  STEP,
  say,
} from "../../kit.ts";
import { VALUE, sine } from "./sine.ts";

/** Of starts that shrink, keep and stretch. */
const GAINS = [0.7, 1, 1.5];

export const GRADIENTS: readonly Row[] = [
  {
    id: "F7",
    title: say("Cliffs and clipping", "悬崖与裁剪"),
    formula: "g ← g · v/‖g‖ if ‖g‖ > v",
    expected: say(
      "On ½(w¹⁰ − 1)² from w = 1.8 descent diverges; with the gradient clipped it arrives at 1.",
      "从 w = 1.8 出发在 ½(w¹⁰ − 1)² 上，下降发散；梯度裁剪后到达 1。",
    ),
    source: "§8.2.4, 10.48, 10.49",
    run: () => {
      const slope = ([w = 0]: Float64Array) => [10 * w ** 9 * (w ** 10 - 1)];
      const clip = clippingOf({ norm: 1 });
      const clipped = (w: Float64Array) => {
        const g = Float32Array.from(slope(w));
        clip(g);
        return g;
      };
      const wild = follow({ sgd: { lr: 0.005 } }, [1.8], slope, 20);
      const tame = follow({ sgd: { lr: 0.005 } }, [1.8], clipped, 400);
      const last = wild.at(-1)![0]!;
      return {
        checks: [
          isTrue(
            say("unclipped: not finite or beyond 1e6", "未裁剪：非有限或超过 1e6"),
            !(Math.abs(last) < 1e6),
          ),
          near(say("clipped: w", "裁剪：w"), tame.at(-1)![0]!, 1, 0.01),
        ],
        plots: [
          plot(
            say("w with clipping", "裁剪时的 w"),
            [STEP, say("w")],
            [
              curve(
                say("w"),
                tame.map(([w]) => w!),
              ),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "F8",
    title: say("Long products", "长程依赖"),
    formula: "Wᵗ = V diag(λ)ᵗ V⁻¹",
    expected: say(
      "1.1⁵⁰ = 117.39, 0.9⁵⁰ = 0.00515; gradients grow or vanish with depth by the gain of the start.",
      "1.1⁵⁰ = 117.39，0.9⁵⁰ = 0.00515；梯度随深度按初始增益爆炸或消失。",
    ),
    source: "8.11, §10.7",
    run: () => {
      const v: Matrix = [
        [1, 1],
        [1, -2],
      ];
      const inverse: Matrix = [
        [2 / 3, 1 / 3],
        [1 / 3, -1 / 3],
      ];
      const w = times(
        times(v, [
          [1.1, 0],
          [0, 0.9],
        ]),
        inverse,
      );
      let power: Matrix = [
        [1, 0],
        [0, 1],
      ];
      for (let t = 0; t < 50; t++) power = times(power, w);
      const [[high = NaN] = [], [, low = NaN] = []] = times(times(inverse, power), v);
      const x = drawn("F8 x", 32);
      const networks = GAINS.map((gain) =>
        networkOf(
          Array.from({ length: 20 }, () =>
            dense(32, "identity", { init: { orthogonal: { gain } } }),
          ),
          { inputs: 32, task: "regression", outputs: 1 },
        ),
      );
      const ratios = networks.map((network) => gradientsByLayer(network, 2));
      const signals = networks.map((network) => {
        const layers = outputsOf(network, started(network, 2), x);
        return norm(layers.findLast(({ length }) => length === 32) ?? []) / norm(x);
      });
      return {
        checks: [
          near(say("1.1⁵⁰ through the matrix", "经矩阵得 1.1⁵⁰"), high, 117.39, 0.005),
          near(say("0.9⁵⁰ through the matrix", "经矩阵得 0.9⁵⁰"), low, 0.00515, 5e-6),
          ...GAINS.map((gain, i) =>
            near(
              say(
                `gain ${gain}: signal of layer 20 / of the input, against ${gain}²⁰`,
                `增益 ${gain}：第 20 层信号 / 输入，与 ${gain}²⁰ 之比`,
              ),
              signals[i]! / gain ** 20,
              1,
              1e-6,
            ),
          ),
          near(
            say("gain 1: gradient of layer 2 / of layer 19", "增益 1：第 2 / 19 层梯度"),
            ratios[1]![1]! / ratios[1]![18]!,
            1,
            0.2,
          ),
          above(
            say("gain 1.5 / gain 1: gradient of layer 10", "增益 1.5 / 1：第 10 层梯度"),
            ratios[2]![9]! / ratios[1]![9]!,
            1000,
          ),
          below(
            say("gain 0.7 / gain 1: gradient of layer 10", "增益 0.7 / 1：第 10 层梯度"),
            ratios[0]![9]! / ratios[1]![9]!,
            0.01,
          ),
        ],
        plots: [
          plot(
            say("Gradient norm by layer", "各层梯度范数"),
            [say("layer", "层"), say("‖g‖")],
            GAINS.map((gain, i) => curve(say(`gain ${gain}`, `增益 ${gain}`), ratios[i]!, 1)),
            "y",
          ),
        ],
      };
    },
  },
  {
    id: "F9",
    title: say("Inexact gradients", "不精确的梯度"),
    formula: "ĝ = g + n,  tr Σ / |G|²",
    expected: say(
      "On a quadratic the loss that remains grows with the variance of the noise; the noise scale that the probes report is that of the rows' gradients.",
      "二次函数上残余损失随噪声方差增长；探针报告的噪声尺度与逐样本梯度一致。",
    ),
    source: "§8.2.6",
    run: () => {
      const levels = [0.1, 0.2, 0.4, 0.8];
      const rest = levels.map((sigma) => {
        const e = drawn(`F9 ${sigma}`, 30_000);
        const path = follow(
          { sgd: { lr: 0.1 } },
          [1],
          ([w = 0], step) => [w + sigma * e[step]!],
          30_000,
        ).slice(400);
        return mean(path.map(([w]) => w! * w! * 0.5));
      });
      const network = networkOf([dense(8, "tanh")], VALUE);
      const sample = sine(256, 3);
      const outcome = trained(
        network,
        { epochs: 1, batch: 16, optimizer: { sgd: { lr: 0.02 } }, probes: { rows: 256 } },
        sample,
        1,
      );
      // The same from each row's gradient alone: no batches, another estimator.
      const each = Array.from({ length: sample.rows }, (_, row) => {
        const one = take(sample, row, row + 1);
        return lossAndGradient(network, weightsOf(outcome), one.x, one.y).gradient;
      });
      const spread = Array.from({ length: network.parameters.size }, (_, i) =>
        variance(each.map((g) => g[i]!)),
      ).reduce((sum, own) => sum + own, 0);
      const whole = Array.from({ length: network.parameters.size }, (_, i) =>
        mean(each.map((g) => g[i]!)),
      );
      const byRow = spread / (dot(whole, whole) - spread / sample.rows);
      const seen = outcome.status === "done" ? outcome.curve.at(-1)?.probes : undefined;
      return {
        checks: [
          ...levels.map((sigma, i) =>
            near(
              say(
                `loss left at σ = ${sigma}, against ½εσ²/(2 − ε)`,
                `σ = ${sigma} 时的残余损失与 ½εσ²/(2 − ε) 之比`,
              ),
              rest[i]! / ((0.5 * 0.1 * sigma * sigma) / 1.9),
              1,
              0.15,
            ),
          ),
          near(
            say("‖G‖ of the probe / of the rows' mean", "探针的 ‖G‖ / 各样本梯度均值之范数"),
            (seen?.gradient ?? NaN) / norm(whole),
            1,
            1e-4,
          ),
          near(
            say(
              "gradient-noise scale, the probe's / from each row's gradient",
              "梯度噪声尺度，探针 / 由各样本梯度",
            ),
            (seen?.noiseScale ?? NaN) / byRow,
            1,
            0.5,
          ),
        ],
        plots: [
          plot(
            say("Loss that remains over σ", "残余损失随 σ"),
            [say("σ"), say("J")],
            [
              line(
                say("measured", "测得"),
                levels.map((sigma, i) => [sigma, rest[i]!]),
              ),
            ],
            "both",
          ),
        ],
      };
    },
  },
  {
    id: "F10",
    title: say("Starts on the wrong side", "起点在错误的一侧"),
    formula: "f(x) = e^{−x²} − 3e^{−2(x−4)²}",
    expected: say(
      "From the left of the hill descent never reaches the basin; restarts from random points do.",
      "从山丘左侧出发永远到不了盆地；随机重启可以。",
    ),
    source: "§8.2.7, Fig 8.4",
    run: () => {
      const slope = ([x = 0]: Float64Array) => [
        -2 * x * Math.exp(-x * x) + 12 * (x - 4) * Math.exp(-2 * (x - 4) ** 2),
      ];
      const end = (from: number) => follow({ sgd: { lr: 0.05 } }, [from], slope, 3000).at(-1)![0]!;
      const wrong = end(-0.5);
      const ends = Array.from(uniform("F10", 20), (u) => end(12 * u - 4));
      const arrived = ends.filter((x) => Math.abs(x - 4) < 0.01).length;
      return {
        checks: [
          below(say("from −0.5 it ends at", "从 −0.5 出发的终点"), wrong, -1),
          above(say("of 20 restarts arrive at 4", "20 次重启中到达 4 的次数"), arrived, 0),
          below(say("and not all do", "但并非全部"), arrived, 20),
        ],
      };
    },
  },
];
