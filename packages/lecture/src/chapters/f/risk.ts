import {
  dot,
  mean,
  dense,
  drawn,
  errorRate,
  logLoss,
  lossAndGradient,
  networkOf,
  type Sample,
  sampleOf,
  shuffled,
  squaredError,
  trained,
  uniform,
  weightsOf,
  above,
  atMost,
  below,
  distance,
  line,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { VALUE, sine } from "./sine.ts";

const PLANE = { inputs: 2, task: "classification", outputs: 2 } as const;

export const RISK: readonly Row[] = [
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
];

/** Two clouds that touch. */
function clouds(n: number, seed: number, far = 1.5): Sample {
  const z = drawn("clouds", 2 * n, seed);
  return sampleOf(
    Array.from({ length: n }, (_, i) => [z[2 * i]! + (i % 2 ? far : -far), z[2 * i + 1]!]),
    Array.from({ length: n }, (_, i) => i % 2),
  );
}
