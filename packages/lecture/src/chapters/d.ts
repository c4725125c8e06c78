import { elementary, evaluateGraph, jvp, ops } from "@manyfold/core";
import { mean, variance } from "../algebra.ts";
import {
  curveOf,
  dense,
  drawn,
  gradientsByLayer,
  lossAndGradient,
  networkOf,
  outputsOf,
  predicted,
  sampleOf,
  squaredError,
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
  dots,
  EPOCH,
  line,
  LOSS,
  near,
  plot,
  type Row,
} from "../row.ts";
import { say } from "../text.ts";

const { sigmoid, tanh, log } = elementary;
const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;

/** A network without hidden layers, of one weight and one bias, gives z = x: loss and dJ/dz. */
function atLogit(output: string, z: number, y: number): { loss: number; slope: number } {
  const network = networkOf([], { ...VALUE }, { output });
  const { loss, gradient } = lossAndGradient(network, [1, 0], [z], [y]);
  return { loss, slope: gradient[1]! };
}

export const CHAPTER_D: readonly Row[] = [
  {
    id: "D1",
    title: say(
      "Maximum likelihood: the least loss is the data's entropy",
      "最大似然：最小损失等于数据的熵",
    ),
    formula: "J = −E log p(y|x)",
    expected: say(
      "The loss of the true model is the entropy of y given x, up to sampling; a wrong model's is higher by the divergence.",
      "真实模型的损失等于 y 在给定 x 下的熵（抽样误差内）；错误模型高出散度之值。",
    ),
    source: "6.12",
    run: () => {
      const n = 20_000;
      const x = drawn("D1 x", n);
      const u = uniform("D1 y", n);
      const p = x.map((own) => sigmoid(2 * own - 0.5));
      const y = p.map((own, i) => (u[i]! < own ? 1 : 0));
      const entropy = p.map((q) => -q * log(q) - (1 - q) * log(1 - q));
      const network = networkOf(
        [],
        { inputs: 1, task: "classification", outputs: 2 },
        { output: "sigmoid" },
      );
      const at = (weights: number[]) => lossAndGradient(network, weights, x, y).loss;
      const spread = p.map((q) => q * (1 - q) * log(q / (1 - q)) ** 2);
      const error = Math.sqrt(mean(spread) / n);
      const divergence = mean(
        p.map((q, i) => {
          const other = sigmoid(x[i]!);
          return q * log(q / other) + (1 - q) * log((1 - q) / (1 - other));
        }),
      );
      return {
        checks: [
          near(
            say("loss of the true model", "真实模型的损失"),
            at([2, -0.5]),
            mean(entropy),
            3 * error,
          ),
          near(
            say("excess of a wrong model", "错误模型的超出量"),
            at([1, 0]) - at([2, -0.5]),
            divergence,
            3 * error,
          ),
          atMost(
            say("largest slope at the true model", "真实模型处的最大梯度"),
            Math.max(...lossAndGradient(network, [2, -0.5], x, y).gradient.map(Math.abs)),
            0.02,
          ),
        ],
      };
    },
  },
  {
    id: "D2",
    title: say(
      "Squared error finds the mean, absolute error the median",
      "平方误差学均值，绝对误差学中位数",
    ),
    formula: "J = ½E‖y − f‖² + const;  argmin E|y − f| = median",
    expected: say(
      "On y = x + exponential noise the MSE network finds x + 1, the MAE network x + log 2.",
      "对 y = x + 指数噪声，MSE 网络得到 x + 1，MAE 网络得到 x + log 2。",
    ),
    source: "6.13–6.16",
    run: () => {
      const n = 4000;
      const xs = uniform("D2 x", n);
      const noise = uniform("D2 e", n).map((u) => -log(1 - u));
      const sample = sampleOf(
        Array.from(xs, (x) => [x]),
        xs.map((x, i) => x + noise[i]!),
      );
      const network = networkOf([dense(8, "tanh")], VALUE);
      const grid = Array.from({ length: 17 }, (_, i) => 0.1 + 0.05 * i);
      const at = sampleOf(
        grid.map((x) => [x]),
        grid,
      );
      const found = (["squaredError", "absoluteError"] as const).map((loss) => {
        const spec = {
          epochs: 40,
          batch: 100,
          loss,
          optimizer: { adam: { lr: 0.02 } },
          schedule: "cosine",
        } as const;
        return predicted(network, weightsOf(trained(network, spec, sample, 1)), at);
      });
      const [squares, absolute] = found as [Float32Array, Float32Array];
      const above = (p: Float32Array) => mean(p.map((value, i) => value - grid[i]!));
      return {
        checks: [
          near(say("MSE network − x", "MSE 网络 − x"), above(squares), 1, 0.06),
          near(say("MAE network − x", "MAE 网络 − x"), above(absolute), log(2), 0.06),
        ],
        plots: [
          plot(
            say("What each loss finds", "各损失所学"),
            [say("x"), say("f(x)")],
            [
              line(
                say("MSE"),
                grid.map((x, i) => [x, squares[i]!]),
              ),
              line(
                say("MAE"),
                grid.map((x, i) => [x, absolute[i]!]),
              ),
              line(
                say("mean x + 1", "均值 x + 1"),
                grid.map((x) => [x, x + 1]),
              ),
              line(
                say("median x + log 2", "中位数 x + log 2"),
                grid.map((x) => [x, x + log(2)]),
              ),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "D3",
    title: say("Linear outputs never saturate", "线性输出不饱和"),
    formula: "ŷ = Wᵀh + b,  N(y; ŷ, I)",
    expected: say(
      "At |z| = 1000 the slope is z − y; a sigmoid under squared error has none left.",
      "|z| = 1000 处斜率为 z − y；而平方误差下的 sigmoid 已无斜率。",
    ),
    source: "6.17",
    run: () => ({
      checks: [
        near(
          say("linear, z = 1000, y = 1", "线性，z = 1000，y = 1"),
          atLogit("linear", 1000, 1).slope,
          999,
          0,
        ),
        near(
          say("linear, z = −1000, y = 1", "线性，z = −1000，y = 1"),
          atLogit("linear", -1000, 1).slope,
          -1001,
          0,
        ),
        near(
          say(
            "sigmoid and squared error, z = −1000, y = 1",
            "sigmoid 加平方误差，z = −1000，y = 1",
          ),
          saturated(),
          0,
          1e-300,
        ),
      ],
    }),
  },
  {
    id: "D4",
    title: say("Sigmoid outputs by softplus", "以 softplus 表示的 sigmoid 输出"),
    formula: "J = ζ((1 − 2y) z),  ∂J/∂z = σ(z) − y",
    expected: say(
      "At z = ±800 loss and slope are finite and exact.",
      "z = ±800 处损失与斜率有限且精确。",
    ),
    source: "6.18–6.26",
    run: () => {
      const at = [
        [800, 1],
        [800, 0],
        [-800, 1],
        [-800, 0],
      ].map(([z, y]) => atLogit("sigmoid", z!, y!));
      const between = [-2, -0.5, 0, 1.5].map(
        (z) => atLogit("sigmoid", z, 1).slope - (sigmoid(z) - 1),
      );
      return {
        checks: [
          alike(
            say("J at z = 800, 800, −800, −800 for y = 1, 0, 1, 0"),
            at.map(({ loss }) => loss),
            [0, 800, 800, 0],
            0,
          ),
          alike(
            say("∂J/∂z"),
            at.map(({ slope }) => slope),
            [0, 1, -1, 0],
            1e-300,
          ),
          atMost(say("|∂J/∂z − (σ(z) − y)|"), distance(between, [0, 0, 0, 0]), 1e-15),
        ],
      };
    },
  },
  {
    id: "D5",
    title: say("Softmax in stable form", "softmax 的稳定形式"),
    formula: "softmax(z) = softmax(z + c)",
    expected: say(
      "Adding 10⁴ changes nothing to 1e-12; [1000, 0] gives no NaN.",
      "加 10⁴ 后不变（1e-12）；[1000, 0] 不产生 NaN。",
    ),
    source: "6.28–6.33",
    run: () => {
      const z = ops.input("z", [3]);
      const at = (values: number[]) =>
        evaluateGraph({ outputs: { y: ops.softmax(z) } }, { z: values }).y;
      const shifted = distance(at([1, 2, 3]), at([10_001, 10_002, 10_003]));
      const pair = ops.input("z", [2]);
      const steep = evaluateGraph(
        { outputs: { y: ops.softmax(pair), l: ops.logSoftmax(pair) } },
        { z: [1000, 0] },
      );
      return {
        checks: [
          atMost(say("|softmax(z) − softmax(z + 10⁴)|"), shifted, 1e-12),
          alike(say("softmax(1000, 0)"), steep.y, [1, 0], 0),
          alike(say("log softmax(1000, 0)"), steep.l, [0, -1000], 0),
        ],
      };
    },
  },
  {
    id: "D6",
    title: say("Variances and mixtures as outputs", "以方差与混合分布为输出"),
    formula: "L = ½[log 2πσ² + (y − μ)²/σ²];  p(y|x) = Σ wᵢ N(μᵢ, σᵢ²)",
    expected: say(
      "On y = x³ + N(0, 3²) the Gaussian head recovers the deviation 3; on y = ±1 a mixture of two finds both branches, which one Gaussian cannot.",
      "对 y = x³ + N(0, 3²)，高斯输出恢复标准差 3；对 y = ±1，两分量混合找到两个分支，单高斯做不到。",
    ),
    source: "6.34, 6.35",
    run: () => {
      const n = 600;
      const xs = uniform("D6 x", n).map((u) => 8 * u - 4);
      const noise = drawn("D6 e", n);
      const unit = 30;
      const sample = sampleOf(
        Array.from(xs, (x) => [x / 4]),
        xs.map((x, i) => (x ** 3 + 3 * noise[i]!) / unit),
      );
      const network = networkOf([dense(40, "tanh")], VALUE, { output: "gaussian" });
      const spec = {
        epochs: 250,
        batch: 50,
        optimizer: { adam: { lr: 0.01 } },
        schedule: "cosine",
      } as const;
      const p = predicted(network, weightsOf(trained(network, spec, sample, 2)), sample);
      const deviation = Math.sqrt(mean(Array.from({ length: n }, (_, i) => p[2 * i + 1]!))) * unit;
      const branches = sampleOf(
        Array.from({ length: 400 }, (_, i) => [(i % 20) / 10 - 1]),
        Array.from(
          { length: 400 },
          (_, i) => (uniform("D6 side", 400)[i]! < 0.5 ? -1 : 1) + 0.1 * drawn("D6 b", 400)[i]!,
        ),
      );
      const two = networkOf([dense(8, "tanh")], VALUE, { output: { mixture: { components: 2 } } });
      const q = predicted(
        two,
        weightsOf(trained(two, { ...spec, epochs: 60 }, branches, 2)),
        branches,
      );
      const columns = q.length / branches.rows;
      const centre = (at: number) =>
        mean(Array.from({ length: branches.rows }, (_, i) => q[i * columns + at]!));
      const means = [centre(4), centre(5)].sort((a, b) => a - b);
      return {
        checks: [
          near(say("deviation found, of 3", "恢复的标准差（真值 3）"), deviation, 3, 0.45),
          alike(say("means of the two components", "两分量的均值"), means, [-1, 1], 0.1),
          near(say("mean of the mixture", "混合的均值"), centre(0), 0, 0.2),
        ],
      };
    },
  },
  {
    id: "D7",
    title: say("ReLU: slope 1 where active", "ReLU：激活处斜率为 1"),
    formula: "g(z) = max{0, z}",
    expected: say(
      "Through 20 layers the gradient keeps its size with ReLU and vanishes with σ; dead units are counted.",
      "穿过 20 层后 ReLU 的梯度保持量级，σ 的梯度消失；死单元被计数。",
    ),
    source: "6.36",
    run: () => {
      const [relu, sigma] = ["relu", "sigmoid"].map((activation) => {
        const layers = Array.from({ length: 20 }, () => dense(32, activation));
        return gradientsByLayer(
          networkOf(layers, { inputs: 8, task: "regression", outputs: 1 }),
          3,
        );
      }) as [number[], number[]];
      const network = networkOf([dense(16, "relu")], VALUE);
      const sample = sampleOf(
        Array.from({ length: 32 }, (_, i) => [i / 16 - 1]),
        Array.from({ length: 32 }, (_, i) => i / 16),
      );
      const wild = {
        epochs: 3,
        batch: 32,
        optimizer: { sgd: { lr: 40 } },
        probes: { rows: 32 },
      } as const;
      const outcome = trained(network, wild, sample, 4);
      const dead =
        outcome.status === "done" ? outcome.curve.at(-1)?.probes?.layers[0]?.dead : undefined;
      return {
        checks: [
          above(
            say("ReLU: gradient of layer 1 / of layer 20", "ReLU：第 1 层 / 第 20 层的梯度"),
            relu[0]! / relu[19]!,
            0.1,
          ),
          below(
            say("σ: gradient of layer 1 / of layer 20", "σ：第 1 层 / 第 20 层的梯度"),
            sigma[0]! / sigma[19]!,
            1e-6,
          ),
          above(
            say("share of dead units after steps of rate 40", "步长 40 之后的死单元比例"),
            dead ?? NaN,
            0.4,
          ),
        ],
        plots: [
          plot(
            say("Gradient norm by layer", "各层梯度范数"),
            [say("layer", "层"), say("‖g‖")],
            [curve(say("ReLU"), relu, 1), curve(say("σ"), sigma, 1)],
            "y",
          ),
        ],
      };
    },
  },
  {
    id: "D8",
    title: say("tanh is a sigmoid, stretched", "tanh 是拉伸的 sigmoid"),
    formula: "tanh(z) = 2σ(2z) − 1",
    expected: say(
      "The identity holds to 1e-15; larger weights saturate more units.",
      "恒等式精确到 1e-15；权重越大饱和单元越多。",
    ),
    source: "6.38, 6.39",
    run: () => {
      const zs = Array.from({ length: 801 }, (_, i) => i / 20 - 20);
      const gap = distance(
        zs.map(tanh),
        zs.map((z) => 2 * sigmoid(2 * z) - 1),
      );
      const network = networkOf([dense(64, "tanh")], {
        inputs: 16,
        task: "regression",
        outputs: 1,
      });
      const x = drawn("D8 x", 16 * 64);
      const shares = [0.1, 0.3, 1, 3].map((size) => {
        const weights = drawn("D8 w", network.parameters.size).map((w) => size * w);
        const h = outputsOf(network, weights, x)[0]!;
        return mean(h.map((own) => (Math.abs(own) > 0.98 ? 1 : 0)));
      });
      return {
        checks: [
          atMost(say("|tanh(z) − (2σ(2z) − 1)|"), gap, 1e-15),
          below(say("saturated at deviation 0.1", "标准差 0.1 时饱和比例"), shares[0]!, 0.01),
          above(say("saturated at deviation 3", "标准差 3 时饱和比例"), shares[3]!, 0.7),
        ],
        plots: [
          plot(
            say("Share of saturated units", "饱和单元比例"),
            [say("deviation of weights", "权重标准差"), say("share", "比例")],
            [
              line(
                say("|h| > 0.98"),
                [0.1, 0.3, 1, 3].map((size, i) => [size, shares[i]!]),
              ),
            ],
            "x",
          ),
        ],
      };
    },
  },
  {
    id: "D9",
    title: say("The other hidden units", "其他隐藏单元"),
    formula: "leaky/P/E/S/GE-LU, SiLU, softplus, hard tanh, |z|, maxout, RBF",
    expected: say(
      "Each passes the gradient check, in its weights and in its own learned numbers.",
      "每种单元都通过梯度检验，包括权重与其自身学习的参数。",
    ),
    source: "6.37, §6.3.3",
    run: () => {
      const activations = [
        "identity",
        "sigmoid",
        "tanh",
        "relu",
        "selu",
        "gelu",
        "silu",
        "softplus",
        "hardTanh",
        "abs",
        "rbf",
        { leakyRelu: {} },
        { prelu: {} },
        { elu: {} },
        { maxout: { pieces: 3 } },
      ];
      return {
        checks: activations.map((activation) => {
          const network = networkOf([{ dense: { units: 3, activation } }], {
            inputs: 2,
            task: "regression",
            outputs: 1,
          });
          const weights = drawn("D9 w", network.parameters.size);
          const [x, y] = [drawn("D9 x", 8), drawn("D9 y", 4)];
          const { gradient } = lossAndGradient(network, weights, x, y);
          const differences = gradient.map((_, i) => {
            const moved = (by: number) => {
              const at = weights.slice();
              at[i]! += by;
              return lossAndGradient(network, at, x, y).loss;
            };
            return (moved(1e-6) - moved(-1e-6)) / 2e-6;
          });
          const name = typeof activation === "string" ? activation : Object.keys(activation)[0]!;
          return atMost(say(name), distance(gradient, differences), 1e-8);
        }),
      };
    },
  },
  {
    id: "D10",
    title: say("Structure is found by experiment", "结构由实验决定"),
    formula: "width, depth → held-out error",
    expected: say(
      "A table of trials over width and depth names the best; the error falls with each doubling of the width up to 16 (universal approximation), with learning curves.",
      "宽度与深度的试验表给出最优者；宽度每翻一倍（至 16）误差都下降（通用逼近），并附学习曲线。",
    ),
    source: "§6.4, 6.42, 6.43, 11.2, 11.3",
    run: () => {
      // Four waves: a unit or two for each rise and fall.
      const truth = (x: number) => Math.sin(12 * x);
      const xs = Array.from({ length: 200 }, (_, i) => i / 100 - 1);
      const sample = sampleOf(
        xs.map((x) => [x]),
        xs.map(truth),
      );
      const between = xs.map((x) => x + 0.005);
      const held = sampleOf(
        between.map((x) => [x]),
        between.map(truth),
      );
      // The winner of ten on some rows has to win on others, too.
      const other = Array.from(uniform("D10", 300), (u) => 2 * u - 1);
      const fresh = sampleOf(
        other.map((x) => [x]),
        other.map(truth),
      );
      const trials = [1, 2].flatMap((depth) =>
        [2, 4, 8, 16, 32].map((width) => {
          const network = networkOf(
            Array.from({ length: depth }, () => dense(width, "tanh")),
            VALUE,
          );
          const spec = { epochs: 300, batch: "all", optimizer: "lbfgs" } as const;
          const runs = [1, 2, 3].map((seed) => {
            const outcome = trained(network, spec, sample, seed, held);
            const [error, again] = [held, fresh].map((rows) =>
              squaredError(network, weightsOf(outcome), rows),
            );
            return { depth, width, error: error!, again: again!, curve: curveOf(outcome).held };
          });
          return runs.reduce((a, b) => (b.error < a.error ? b : a));
        }),
      );
      const one = trials.filter(({ depth }) => depth === 1);
      const best = trials.reduce((a, b) => (b.error < a.error ? b : a));
      return {
        checks: [
          ...one
            .slice(1, 4)
            .map(({ width, error }, i) =>
              below(
                say(
                  `error of width ${width} / of ${one[i]!.width}`,
                  `宽 ${width} / 宽 ${one[i]!.width} 的误差`,
                ),
                error / one[i]!.error,
                0.9,
              ),
            ),
          below(
            say("error of width 32 / of 2", "宽 32 / 宽 2 的误差"),
            one[4]!.error / one[0]!.error,
            0.05,
          ),
          below(
            say(
              `best of ${trials.length} trials (depth ${best.depth}, width ${best.width}): share of the variance left on new rows`,
              `${trials.length} 次试验最优（深 ${best.depth}、宽 ${best.width}）：新数据上的剩余方差比例`,
            ),
            best.again / variance(fresh.y),
            0.02,
          ),
          below(
            say("its error on new rows / the trials' median", "其新数据误差 / 各试验的中位数"),
            best.again / trials.map(({ again }) => again).sort((a, b) => a - b)[5]!,
            1,
          ),
        ],
        plots: [
          plot(
            say("Error over width", "误差随宽度"),
            [say("width", "宽度"), say("squared error", "平方误差")],
            [1, 2].map((depth) =>
              dots(
                say(`depth ${depth}`, `深度 ${depth}`),
                trials.filter((t) => t.depth === depth).map((t) => [t.width, t.error]),
              ),
            ),
            "both",
          ),
          plot(
            say("Learning curves, depth 1", "学习曲线，深度 1"),
            [EPOCH, LOSS],
            one.map(({ width, curve: own }) => curve(say(`${width}`), own, 1)),
            "y",
          ),
        ],
      };
    },
  },
];

/** The slope of ½(σ(z) − 1)² at z = -1000. */
function saturated(): number {
  const z = ops.input("z", []);
  const loss = ops.scale(ops.square(ops.shift(ops.sigmoid(z), -1)), 0.5);
  const [slope] = jvp([loss], [z], [ops.constant(1, [])]);
  return evaluateGraph({ outputs: { slope } }, { z: [-1000] }).slope[0]!;
}
