import { elementary } from "@manyfold/core";
import {
  mean,
  variance,
  curveOf,
  dense,
  drawn,
  gradientsByLayer,
  lossAndGradient,
  networkOf,
  outputsOf,
  sampleOf,
  squaredError,
  trained,
  uniform,
  weightsOf,
  above,
  atMost,
  below,
  curve,
  distance,
  dots,
  EPOCH,
  line,
  LOSS,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { VALUE } from "./logits.ts";

const { sigmoid, tanh } = elementary;

export const UNITS: readonly Row[] = [
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
