import { compileLoss, elementary, JS_KERNELS } from "@manyfold/core";
import {
  dot,
  mean,
  ridge,
  dense,
  drawn,
  lossAndGradient,
  networkOf,
  outputsOf,
  predicted,
  sampleOf,
  take,
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
import { VALUE, linearRows } from "./linear-rows.ts";

export const NOISE: readonly Row[] = [
  {
    id: "E5",
    title: say("Noise on inputs is a penalty", "输入噪声是一种惩罚"),
    formula: "E J(x + ε) ≈ J + σ² E‖∇ₓŷ‖²;  linear: ridge with α = nσ²",
    expected: say(
      "A linear net under input noise finds the ridge solution with α = nσ², not the least squares.",
      "线性网络在输入噪声下得到 α = nσ² 的岭解，而非最小二乘解。",
    ),
    source: "§7.5",
    run: () => {
      const [n, sigma] = [32, 0.7];
      const { x, y } = linearRows(n, 3, "E5");
      // Centred, so that the bias has nothing to do.
      const centre = x[0]!.map((_, j) => mean(x.map((row) => row[j]!)));
      const rows = x.map((row) => row.map((v, j) => v - centre[j]!));
      const targets = y.map((v) => v - mean(y));
      const wanted = ridge(rows, targets, n * sigma * sigma);
      const plain = ridge(rows, targets);
      // All corners of a cube have exactly the covariance σ² I: no sampling error.
      const corners = Array.from({ length: 8 }, (_, c) =>
        [0, 1, 2].map((j) => ((c >> j) & 1 ? sigma : -sigma)),
      );
      const exact = ridge(
        rows.flatMap((row) => corners.map((e) => row.map((v, j) => v + e[j]!))),
        targets.flatMap((t) => corners.map(() => t)),
      );
      const network = networkOf([], { ...VALUE, inputs: 3 });
      const spec = {
        epochs: 3000,
        batch: "all",
        optimizer: { sgd: { lr: 0.05 } },
        schedule: "linear",
        noise: { inputs: sigma },
      } as const;
      const found = weightsOf(trained(network, spec, sampleOf(rows, targets), 1)).slice(0, 3);
      return {
        checks: [
          atMost(
            say("exact noise against ridge", "精确噪声与岭回归"),
            distance(exact, wanted),
            1e-12,
          ),
          atMost(
            say("trained under noise against ridge", "噪声训练与岭回归"),
            distance(found, wanted) / distance(plain, wanted),
            0.15,
          ),
          above(
            say("least squares against ridge", "最小二乘与岭回归"),
            distance(plain, wanted),
            0.1,
          ),
        ],
      };
    },
  },
  {
    id: "E6",
    title: say("Noise on weights", "权重噪声"),
    formula: "E J(w + ε) ≈ J + ½ η E‖∇_W ŷ‖²",
    expected: say(
      "Where the residuals are 0, the mean loss under noise divided by the expansion tends to 1 as η tends to 0.",
      "残差为 0 处，噪声下平均损失与展开式之比随 η → 0 趋于 1。",
    ),
    source: "7.30–7.32",
    run: () => {
      const network = networkOf([dense(6, "tanh")], { inputs: 2, task: "regression", outputs: 1 });
      const weights = drawn("E6 w", network.parameters.size);
      const x = drawn("E6 x", 40);
      const y = outputsOf(network, weights, x).at(-1)!;
      const squared = Array.from({ length: 20 }, (_, i) => {
        const { gradient } = lossAndGradient(network, weights, x.slice(2 * i, 2 * i + 2), [
          y[i]! - 1,
        ]);
        return dot(gradient, gradient);
      });
      const etas = [0.1, 0.01, 0.001, 0.0001];
      const program = compileLoss(network, { loss: "squaredError", kernels: JS_KERNELS.float64 });
      const draws = Array.from({ length: 1000 }, (_, s) => drawn("E6 e", weights.length, s));
      const ratios = etas.map((eta) => {
        const losses = draws.map((e) =>
          program.evaluate(
            weights.map((w, i) => w + Math.sqrt(eta) * e[i]!),
            x,
            y,
            20,
          ),
        );
        return mean(losses) / (0.5 * eta * mean(squared));
      });
      return {
        checks: [
          near(say("ratio at η = 1e-4", "η = 1e-4 时的比值"), ratios[3]!, 1, 0.1),
          below(
            say("|ratio − 1| at η = 1e-4 / at 0.1", "η = 1e-4 与 0.1 时 |比值 − 1| 之比"),
            Math.abs(ratios[3]! - 1) / Math.abs(ratios[0]! - 1),
            1,
          ),
        ],
        plots: [
          plot(
            say("Mean loss under noise / expansion", "噪声下平均损失 / 展开式"),
            [say("η"), say("ratio", "比值")],
            [
              line(
                say("measured", "测得"),
                etas.map((eta, i) => [eta, ratios[i]!]),
              ),
            ],
            "x",
          ),
        ],
      };
    },
  },
  {
    id: "E7",
    title: say("Noise on outputs: label smoothing", "输出噪声：标签平滑"),
    formula: "1 − ε for the class, ε/(K − 1) for the others",
    expected: say(
      "On separable data the logits stay bounded; with 10 % flipped labels the calibration error falls.",
      "可分数据上 logits 有界；10% 标签翻转时校准误差下降。",
    ),
    source: "§7.5.1",
    run: () => {
      const line = Array.from({ length: 60 }, (_, i) => (i < 30 ? -1 - i / 30 : 1 + (i - 30) / 30));
      const apart = sampleOf(
        line.map((x) => [x]),
        line.map((x) => (x > 0 ? 1 : 0)),
      );
      const network = networkOf([dense(8, "tanh")], {
        inputs: 1,
        task: "classification",
        outputs: 2,
      });
      const spec = { epochs: 1500, batch: 60, optimizer: { adam: { lr: 0.03 } } } as const;
      const gap = (noise: object) => {
        const p = predicted(
          network,
          weightsOf(trained(network, { ...spec, ...noise }, apart, 1)),
          apart,
        );
        return Math.max(...line.map((_, i) => Math.abs(elementary.log(p[2 * i + 1]! / p[2 * i]!))));
      };
      const [plain, smooth] = [gap({}), gap({ noise: { labels: 0.1 } })];
      const n = 400;
      const xs = drawn("E7 x", 2 * n);
      const clean = Array.from({ length: n }, (_, i) => (xs[2 * i]! + xs[2 * i + 1]! > 0 ? 1 : 0));
      const flips = uniform("E7 flip", n);
      const labels = clean.map((c, i) => (flips[i]! < 0.1 ? 1 - c : c));
      const rows = Array.from({ length: n }, (_, i) => [xs[2 * i]!, xs[2 * i + 1]!]);
      const noisy = sampleOf(rows, labels);
      const wide = networkOf([dense(64, "relu")], {
        inputs: 2,
        task: "classification",
        outputs: 2,
      });
      const [fit, test] = [take(noisy, 0, 120), take(noisy, 120, n)];
      const ece = (noise: object) =>
        calibrationError(
          predicted(
            wide,
            weightsOf(
              trained(
                wide,
                { epochs: 400, batch: 30, optimizer: { adam: { lr: 0.01 } }, ...noise },
                fit,
                2,
              ),
            ),
            test,
          ),
          test.y,
        );
      const [hard, soft] = [ece({}), ece({ noise: { labels: 0.1 } })];
      return {
        checks: [
          near(
            say(
              "largest logit gap with ε = 0.1, of log 9",
              "ε = 0.1 时最大 logit 差（理论 log 9）",
            ),
            smooth,
            elementary.log(9),
            0.2,
          ),
          above(say("without", "无平滑"), plain, 2 * elementary.log(9)),
          below(
            say("calibration error, smoothed / not", "校准误差，平滑 / 不平滑"),
            soft / hard,
            1,
          ),
        ],
      };
    },
  },
];

/** Mean gap of confidence and accuracy over ten bins of confidence, two classes. */
function calibrationError(p: Float32Array, y: Float32Array): number {
  const bins = Array.from({ length: 10 }, () => ({ confidence: 0, right: 0 }));
  y.forEach((label, i) => {
    const best = p[2 * i + 1]! > p[2 * i]! ? 1 : 0;
    const confidence = p[2 * i + best]!;
    const bin = bins[Math.min(9, Math.floor(confidence * 10))]!;
    bin.confidence += confidence;
    if (best === label) bin.right += 1;
  });
  return (
    bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / y.length
  );
}
