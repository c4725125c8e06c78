import { elementary } from "@manyfold/core";
import {
  mean,
  dense,
  drawn,
  lossAndGradient,
  networkOf,
  predicted,
  sampleOf,
  trained,
  uniform,
  weightsOf,
  atMost,
  line,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { VALUE, atLogit, saturated } from "./logits.ts";

const { sigmoid, log } = elementary;

export const LIKELIHOOD: readonly Row[] = [
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
];
