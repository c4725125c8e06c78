import { clippingOf, minimise, type SmoothObjective } from "@manyfold/core";
import { dot, mean, norm, times, variance, type Matrix } from "../algebra.ts";
import { follow } from "../descend.ts";
import {
  dense,
  drawn,
  errorRate,
  gradientsByLayer,
  logLoss,
  lossAndGradient,
  networkOf,
  outputsOf,
  type Sample,
  sampleOf,
  shuffled,
  squaredError,
  started,
  take,
  trained,
  uniform,
  weightsOf,
} from "../networks.ts";
import {
  above,
  alike,
  atMost,
  below,
  curve,
  distance,
  isTrue,
  line,
  near,
  plot,
  type Row,
  STEP,
} from "../row.ts";
import { say } from "../text.ts";

const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;
/** Of starts that shrink, keep and stretch. */
const GAINS = [0.7, 1, 1.5];
const PLANE = { inputs: 2, task: "classification", outputs: 2 } as const;

/** A noisy sine. */
function sine(n: number, seed: number): Sample {
  const xs = uniform("sine x", n, seed).map((u) => 2 * u - 1);
  const e = drawn("sine e", n, seed);
  return sampleOf(
    Array.from(xs, (x) => [x]),
    xs.map((x, i) => Math.sin(3 * x) + 0.3 * e[i]!),
  );
}

/** Two clouds that touch. */
function clouds(n: number, seed: number, far = 1.5): Sample {
  const z = drawn("clouds", 2 * n, seed);
  return sampleOf(
    Array.from({ length: n }, (_, i) => [z[2 * i]! + (i % 2 ? far : -far), z[2 * i + 1]!]),
    Array.from({ length: n }, (_, i) => i % 2),
  );
}

/** x²/2 - y²/2 + y⁴/4: a saddle at 0, minima at y = ±1. */
const SADDLE: SmoothObjective = {
  size: 2,
  evaluate: ([x = 0, y = 0], gradient) => {
    gradient.set([x, y ** 3 - y]);
    return x ** 2 / 2 - y ** 2 / 2 + y ** 4 / 4;
  },
  curvature: ([, y = 0], v) => Float64Array.of(v[0]!, (3 * y ** 2 - 1) * v[1]!),
};

export const LANDSCAPES: readonly Row[] = [
  {
    id: "F1",
    title: say("True risk and empirical risk", "真实风险与经验风险"),
    formula: "J* = E_pdata L;  J = 1/m Σ L",
    expected: say(
      "The gap between test and training loss shrinks as m grows.",
      "测试与训练损失之差随 m 增大而缩小。",
    ),
    source: "8.1–8.3",
    run: () => {
      const test = sine(2000, 99);
      const network = networkOf([dense(20, "tanh")], VALUE);
      const sizes = [12, 50, 200, 800];
      const gaps = sizes.map((m) =>
        mean(
          [1, 2, 3].map((seed) => {
            const fit = sine(m, seed);
            const weights = weightsOf(
              trained(
                network,
                {
                  epochs: Math.ceil(12_000 / m),
                  batch: 12,
                  optimizer: { adam: { lr: 0.02 } },
                  schedule: "cosine",
                },
                fit,
                seed,
              ),
            );
            return squaredError(network, weights, test) - squaredError(network, weights, fit);
          }),
        ),
      );
      return {
        checks: [1, 2, 3].map((i) =>
          below(
            say(
              `gap at m = ${sizes[i]!} / at ${sizes[i - 1]!}`,
              `m = ${sizes[i]!} / ${sizes[i - 1]!} 的差距`,
            ),
            gaps[i]! / gaps[i - 1]!,
            1,
          ),
        ),
        plots: [
          plot(
            say("Gap over m", "差距随 m"),
            [say("m"), say("J* − J")],
            [
              line(
                say("gap", "差距"),
                sizes.map((m, i) => [m, gaps[i]!]),
              ),
            ],
            "x",
          ),
        ],
      };
    },
  },
  {
    id: "F2",
    title: say("A surrogate goes on where the error is 0", "代理损失在误差为零后继续改进"),
    formula: "log loss for the 0–1 loss",
    expected: say(
      "The 0–1 training error is 0 while the log loss still falls and the test loss with it; the gradient at the stop is logged and not 0.",
      "0–1 训练误差为零后对数损失及测试损失仍下降；停止处的梯度被记录且不为零。",
    ),
    source: "§8.1.2",
    run: () => {
      const [fit, test] = [clouds(40, 3, 2.6), clouds(1000, 4, 2.6)];
      const network = networkOf([dense(8, "tanh")], PLANE);
      const at = (epochs: number) => {
        const outcome = trained(
          network,
          { epochs, batch: 10, optimizer: { sgd: { lr: 0.05 } }, probes: { every: 1, rows: 40 } },
          fit,
          1,
        );
        const weights = weightsOf(outcome);
        const gradient = outcome.status === "done" ? outcome.curve.at(-1)!.probes!.gradient : NaN;
        return {
          wrong: errorRate(network, weights, fit),
          train: logLoss(network, weights, fit),
          test: logLoss(network, weights, test),
          gradient,
        };
      };
      const [early, late] = [at(8), at(60)];
      return {
        checks: [
          near(
            say("0–1 training error after 8 epochs", "8 轮后的 0–1 训练误差"),
            early.wrong,
            0,
            0,
          ),
          below(
            say("log loss, epoch 60 / 8", "对数损失，第 60 / 8 轮"),
            late.train / early.train,
            0.9,
          ),
          below(
            say("test log loss, epoch 60 / 8", "测试对数损失，第 60 / 8 轮"),
            late.test / early.test,
            1,
          ),
          above(say("gradient norm where it stopped", "停止处的梯度范数"), late.gradient, 1e-4),
        ],
      };
    },
  },
  {
    id: "F3",
    title: say("Minibatch estimates", "小批量估计"),
    formula: "ĝ = 1/m ∇ΣL,  SE ∝ 1/√m",
    expected: say(
      "The standard error falls as m^(−1/2); over an epoch the estimates average to the whole gradient; shuffles are seeded.",
      "标准误差按 m^(−1/2) 下降；一轮之内估计的平均等于全梯度；打乱由种子决定。",
    ),
    source: "8.4–8.9",
    run: () => {
      const n = 512;
      const network = networkOf([dense(4, "tanh")], VALUE);
      const w = drawn("F3 w", network.parameters.size);
      const fit = sine(n, 5);
      const each = Array.from(
        { length: n },
        (_, i) =>
          lossAndGradient(network, w, fit.x.slice(i, i + 1), fit.y.slice(i, i + 1)).gradient,
      );
      const whole = lossAndGradient(network, w, fit.x, fit.y).gradient;
      const batchMean = (rows: Uint32Array) =>
        w.map((_, j) => mean(Array.from(rows, (row) => each[row]![j]!)));
      const sizes = [4, 16, 64];
      const errors = sizes.map((m) =>
        Math.sqrt(
          mean(
            Array.from({ length: 300 }, (_, s) => {
              const rows = uniform("F3 rows", m, s).map((u) => Math.floor(u * n));
              return dot(
                batchMean(Uint32Array.from(rows)).map((g, j) => g - whole[j]!),
                batchMean(Uint32Array.from(rows)).map((g, j) => g - whole[j]!),
              );
            }),
          ),
        ),
      );
      const slope = Math.log(errors[2]! / errors[0]!) / Math.log(16);
      const order = shuffled("F3 order", n, 1);
      const epoch = Array.from({ length: n / 32 }, (_, i) =>
        batchMean(order.slice(32 * i, 32 * i + 32)),
      );
      return {
        checks: [
          near(say("exponent of m", "m 的指数"), slope, -0.5, 0.04),
          atMost(
            say("|mean over an epoch − whole gradient|", "|一轮平均 − 全梯度|"),
            distance(
              w.map((_, j) => mean(epoch.map((g) => g[j]!))),
              whole,
            ),
            1e-12,
          ),
          near(
            say("the same shuffle again, differences", "同种子再次打乱的差异"),
            distance(order, shuffled("F3 order", n, 1)),
            0,
            0,
          ),
        ],
        plots: [
          plot(
            say("Standard error over m", "标准误差随 m"),
            [say("m"), say("SE")],
            [
              line(
                say("measured", "测得"),
                sizes.map((m, i) => [m, errors[i]!]),
              ),
            ],
            "both",
          ),
        ],
      };
    },
  },
  {
    id: "F4",
    title: say("Ill-conditioning", "病态"),
    formula: "½ε²gᵀHg − εgᵀg;  ε* = gᵀg / gᵀHg",
    expected: say(
      "When the curvature's term exceeds the slope's, the step raises the loss; the probes log both; ε* is the best step.",
      "当曲率项超过斜率项时该步使损失上升；探针记录两者；ε* 为最佳步长。",
    ),
    source: "8.10, 4.9, 4.10",
    run: () => {
      const h = [1, 10];
      const f = (w: readonly number[]) => 0.5 * w.reduce((sum, v, i) => sum + h[i]! * v * v, 0);
      const w = [1, 1];
      const g = w.map((v, i) => h[i]! * v);
      const [gg, ghg] = [
        dot(g, g),
        dot(
          g,
          g.map((v, i) => v * h[i]!),
        ),
      ];
      const step = (rate: number) => f(w.map((v, i) => v - rate * g[i]!)) - f(w);
      const rates = Array.from({ length: 60 }, (_, i) => 0.005 * (i + 1));
      const agree = rates.every((e) => 0.5 * e * e * ghg > e * gg === step(e) > 0);
      const star = gg / ghg;
      const network = networkOf([dense(6, "tanh")], VALUE);
      const outcome = trained(
        network,
        { epochs: 3, batch: "all", optimizer: { sgd: { lr: 30 } }, probes: { rows: 64 } },
        sine(64, 1),
        1,
      );
      const points = outcome.status === "done" ? outcome.curve : [];
      const rising = points.filter(
        ({ probes }) => probes && probes.curvature > probes.slope,
      ).length;
      return {
        checks: [
          isTrue(
            say(
              "60 rates: the loss rises exactly where curvature wins",
              "60 个步长：损失上升当且仅当曲率项占优",
            ),
            agree,
          ),
          near(say("change at ε*", "ε* 处的变化"), step(star), (-0.5 * gg * gg) / ghg, 1e-12),
          isTrue(
            say("no other rate is better", "没有更好的步长"),
            rates.every((e) => step(e) >= step(star) - 1e-12),
          ),
          above(
            say(
              "points of a wild training where the probes say so",
              "狂野训练中探针如此报告的点数",
            ),
            rising,
            0,
          ),
        ],
        plots: [
          plot(
            say("Change of the loss over ε", "损失变化随 ε"),
            [say("ε"), say("ΔJ")],
            [
              line(
                say("ΔJ"),
                rates.map((e) => [e, step(e)]),
              ),
              line(
                say("½ε²gᵀHg − εgᵀg"),
                rates.map((e) => [e, 0.5 * e * e * ghg - e * gg]),
              ),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "F5",
    title: say("Symmetries and minima", "对称性与极小值"),
    formula: "permutations of units, scalings α, 1/α",
    expected: say(
      "Permuted or rescaled units give the same function; aligning two nets by permutation lowers their distance and the barrier between them.",
      "置换或缩放单元得到同一函数；按置换对齐两个网络降低其距离与其间的势垒。",
    ),
    source: "§8.2.2",
    run: () => {
      const [units, network] = [12, networkOf([dense(12, "relu")], VALUE)];
      const fit = sine(200, 2);
      const spec = {
        epochs: 120,
        batch: 20,
        optimizer: { adam: { lr: 0.02 } },
        schedule: "cosine",
      } as const;
      const [a, b] = [1, 2].map((seed) =>
        Float64Array.from(weightsOf(trained(network, spec, fit, seed))),
      ) as [Float64Array, Float64Array];
      const unit = (w: Float64Array, j: number) => [w[j]!, w[units + j]!, w[2 * units + j]!];
      const permuted = (w: Float64Array, order: readonly number[]) => {
        const out = w.slice();
        order.forEach((from, to) =>
          [0, 1, 2].forEach((part) => (out[part * units + to] = w[part * units + from]!)),
        );
        return out;
      };
      // Greedy pairs, closest first.
      const open = new Set(Array.from({ length: units }, (_, j) => j));
      const order = Array.from({ length: units }, (_, j) => {
        const found = [...open].reduce((best, k) =>
          norm(unit(a, j).map((v, i) => v - unit(b, k)[i]!)) <
          norm(unit(a, j).map((v, i) => v - unit(b, best)[i]!))
            ? k
            : best,
        );
        open.delete(found);
        return found;
      });
      const aligned = permuted(b, order);
      const lossAt = (w: Float64Array) => lossAndGradient(network, w, fit.x, fit.y).loss;
      const path = (to: Float64Array) =>
        Array.from({ length: 21 }, (_, i) => lossAt(a.map((v, j) => v + (i / 20) * (to[j]! - v))));
      const [raw, close] = [path(b), path(aligned)];
      const scaled = b.map((v, i) => (i < 2 * units ? 2 * v : i < 3 * units ? v / 2 : v));
      const barrier = (losses: number[]) => Math.max(...losses) - Math.max(losses[0]!, losses[20]!);
      return {
        checks: [
          atMost(
            say("loss changed by the permutation", "置换引起的损失变化"),
            Math.abs(lossAt(aligned) - lossAt(b)),
            1e-12,
          ),
          atMost(
            say("by scaling in by 2 and out by ½", "输入权重乘 2、输出权重乘 ½ 引起的变化"),
            Math.abs(lossAt(scaled) - lossAt(b)),
            1e-12,
          ),
          below(
            say("distance, aligned / not", "距离，对齐 / 未对齐"),
            norm(a.map((v, i) => v - aligned[i]!)) / norm(a.map((v, i) => v - b[i]!)),
            1,
          ),
          below(
            say("barrier, aligned / not", "势垒，对齐 / 未对齐"),
            barrier(close) / barrier(raw),
            1,
          ),
        ],
        plots: [
          plot(
            say("Loss on the line between two trained nets", "两个已训练网络连线上的损失"),
            [say("share", "比例"), say("J")],
            [
              line(
                say("as they are", "原样"),
                raw.map((v, i) => [i / 20, v]),
              ),
              line(
                say("aligned", "对齐"),
                close.map((v, i) => [i / 20, v]),
              ),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "F6",
    title: say("Saddles and plateaus", "鞍点与平台"),
    formula: "f = ½x² − ½y² + ¼y⁴",
    expected: say(
      "Plain Newton converges to the saddle, damped Newton leaves; gradient descent stays on the ridge and leaves with noise.",
      "纯牛顿法收敛到鞍点，阻尼牛顿法离开；梯度下降停在脊上，加噪声后离开。",
    ),
    source: "§8.2.3",
    run: () => {
      const start = Float64Array.of(1, 0.4);
      const plain = minimise({ newton: { damping: 0, tolerance: 1e-12 } }, SADDLE, start, 50).at(
        -1,
      )!;
      const damped = minimise(
        { newton: { damping: 0.001, tolerance: 1e-9 } },
        SADDLE,
        start,
        50,
      ).at(-1)!;
      const slope = (w: Float64Array) => {
        const g = new Float64Array(2);
        SADDLE.evaluate(w, g);
        return g;
      };
      const still = follow({ sgd: { lr: 0.1 } }, [1, 0], slope, 300).at(-1)!;
      const e = drawn("F6 noise", 600);
      const shaken = follow(
        { sgd: { lr: 0.1 } },
        [1, 0],
        (w, step) => slope(w).map((g, i) => g + 0.01 * e[2 * step + i]!),
        300,
      );
      return {
        checks: [
          alike(say("plain Newton ends at", "纯牛顿法终点"), plain.theta, [0, 0], 1e-9),
          alike(
            say("damped Newton ends at |x|, |y|", "阻尼牛顿法终点 |x|, |y|"),
            damped.theta.map(Math.abs),
            [0, 1],
            1e-6,
          ),
          near(say("descent from the ridge: y", "从脊上下降：y"), still[1]!, 0, 0),
          near(say("with noise: |y|", "加噪声：|y|"), Math.abs(shaken.at(-1)![1]!), 1, 0.1),
        ],
        plots: [
          plot(
            say("Leaving the ridge with noise", "噪声下离开脊"),
            [STEP, say("|y|")],
            [
              curve(
                say("|y|"),
                shaken.map((w) => Math.abs(w[1]!)),
              ),
            ],
          ),
        ],
      };
    },
  },
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

/** Spread of what leaves each layer, for F14. */
export function spreads(
  layers: readonly unknown[],
  inputs: number,
  seed: number,
  weights: ArrayLike<number>,
): number[] {
  const network = networkOf(layers, { inputs, task: "regression", outputs: 1 });
  return outputsOf(network, weights, drawn("spread x", inputs * 64, seed))
    .slice(0, -1)
    .map((h) => variance(h));
}
