import { ops } from "@manyfold/core";
import {
  mean,
  ridge,
  times,
  variance,
  descend,
  variable,
  dense,
  drawn,
  networkOf,
  sampleOf,
  squaredError,
  trained,
  uniform,
  weightsOf,
  above,
  alike,
  atLeast,
  atMost,
  below,
  curve,
  isTrue,
  near,
  plot,
  type Row,
  STEP,
  say,
} from "../../kit.ts";
import { CORNERS, TRUTH, withOne, perceptron } from "./corners.ts";

export const LINEAR: readonly Row[] = [
  {
    id: "A1",
    title: say("Linear models, fixed features, learned features", "线性模型、固定特征与学得的特征"),
    formula: "y = φ(x; θ)ᵀ w",
    expected: say(
      "On one data set a linear model fails, radial features need many centres, and an MLP does better with fewer parameters, by a loss that is no longer convex.",
      "在同一数据集上，线性模型失败，径向特征需要许多中心，而 MLP 以更少的参数做得更好，代价是损失不再是凸的。",
    ),
    source: "§6, §5.7.2",
    run: () => {
      const n = 200;
      const angle = (x: readonly number[]) => Math.sign(x[0]! * x[1]!) * 0.5 + 0.5 * x[0]!;
      const rows = Array.from({ length: 2 * n }, (_, i) => {
        const [a, b] = [uniform("A1 a", 2 * n)[i]!, uniform("A1 b", 2 * n)[i]!];
        return [2 * a - 1, 2 * b - 1];
      });
      const [fit, test] = [rows.slice(0, n), rows.slice(n)];
      const errorOf = (f: (x: readonly number[]) => number) =>
        mean(test.map((x) => (f(x) - angle(x)) ** 2));
      const w = ridge(withOne(fit), fit.map(angle));
      const linear = errorOf((x) => w[0]! * x[0]! + w[1]! * x[1]! + w[2]!);
      const centres = fit.slice(0, 25);
      const phi = (x: readonly number[]) =>
        centres.map((c) => Math.exp(-((x[0]! - c[0]!) ** 2 + (x[1]! - c[1]!) ** 2) * 4));
      const v = ridge(fit.map(phi), fit.map(angle), 1e-6);
      const radial = errorOf((x) => phi(x).reduce((sum, one, i) => sum + one * v[i]!, 0));
      const network = networkOf([dense(12, "tanh")], {
        inputs: 2,
        task: "regression",
        outputs: 1,
      });
      const spec = {
        epochs: 300,
        batch: 20,
        optimizer: { adam: { lr: 0.03 } },
        schedule: "cosine",
      } as const;
      const weights = weightsOf(trained(network, spec, sampleOf(fit, fit.map(angle)), 1));
      const learned = squaredError(network, weights, sampleOf(test, test.map(angle)));
      return {
        checks: [
          above(
            say(
              "share of the variance left, linear (3 parameters)",
              "剩余方差比例，线性（3 个参数）",
            ),
            linear / variance(test.map(angle)),
            0.3,
          ),
          below(
            say(
              "squared error, 25 radial features (75 numbers)",
              "均方误差，25 个径向特征（75 个数）",
            ),
            radial,
            linear,
          ),
          below(
            say(
              `squared error, learned features (${network.parameters.size} parameters)`,
              `均方误差，学得的特征（${network.parameters.size} 个参数）`,
            ),
            learned,
            radial,
          ),
          below(say("parameters of the MLP", "MLP 的参数个数"), network.parameters.size, 75),
        ],
      };
    },
  },
  {
    id: "A2",
    title: say("The perceptron converges if the classes are separable", "可分时感知机收敛"),
    formula: "w ← w + (t − y) x,  mistakes ≤ (R/γ)²",
    expected: say(
      "On separable rows the mistakes stay within (R/γ)²; on XOR the error is never 0 and a weight state comes back, which proves that it never will be.",
      "可分数据上错误次数不超过 (R/γ)²；在 XOR 上误差永不为零，且权重状态会重复出现，这证明它永远不会收敛。",
    ),
    source: "§6",
    run: () => {
      const unit = [0.6, 0.8];
      const points = Array.from({ length: 300 }, (_, i) => [
        drawn("A2 a", 300)[i]!,
        drawn("A2 b", 300)[i]!,
      ]).filter((x) => Math.abs(x[0]! * unit[0]! + x[1]! * unit[1]!) > 0.2);
      const sides = points.map((x) => (x[0]! * unit[0]! + x[1]! * unit[1]! > 0 ? 1 : 0));
      const margin = Math.min(...points.map((x) => Math.abs(x[0]! * unit[0]! + x[1]! * unit[1]!)));
      const radius = Math.max(...points.map((x) => Math.hypot(x[0]!, x[1]!)));
      const good = perceptron(points, sides, 1000);
      const bad = perceptron(withOne(CORNERS), TRUTH, 100);
      return {
        checks: [
          atMost(
            say("mistakes on separable rows", "可分数据上的错误次数"),
            good.mistakes,
            (radius / margin) ** 2,
          ),
          near(
            say("mistakes in its last epoch", "最后一轮的错误次数"),
            good.errors.at(-1) ?? NaN,
            0,
            0,
          ),
          atLeast(
            say("fewest mistakes of an epoch on XOR", "XOR 上单轮最少错误"),
            Math.min(...bad.errors),
            1,
          ),
          isTrue(say("a weight state of XOR came back", "XOR 的权重状态重复出现"), bad.repeated),
        ],
        plots: [
          plot(
            say("Mistakes per epoch", "每轮错误次数"),
            [say("epoch", "轮次"), say("mistakes", "错误次数")],
            [
              curve(say("separable", "可分"), good.errors, 1),
              curve(say("XOR", "XOR"), bad.errors.slice(0, 30), 1),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "A3",
    title: say("XOR by a linear model: one half everywhere", "线性模型解 XOR：处处二分之一"),
    formula: "J = ¼ Σ (f* − f)²,  f = xᵀw + b",
    expected: say(
      "The normal equations give w = 0, b = ½, all outputs ½, J = ¼, exactly.",
      "正规方程给出 w = 0、b = ½，全部输出为 ½，J = ¼，精确成立。",
    ),
    source: "6.1, 6.2, 7.16",
    run: () => {
      const w = ridge(withOne(CORNERS), TRUTH);
      const outputs = times(
        withOne(CORNERS),
        w.map((one) => [one]),
      ).flat();
      const loss = outputs.reduce((sum, f, i) => sum + (f - TRUTH[i]!) ** 2, 0) / 4;
      return {
        checks: [
          alike(say("w, b"), w, [0, 0, 0.5], 0),
          alike(say("outputs", "输出"), outputs, [0.5, 0.5, 0.5, 0.5], 0),
          near(say("J"), loss, 0.25, 0),
        ],
      };
    },
  },
  {
    id: "A4",
    title: say("LMS finds the same solution, or diverges", "LMS 到达同一解，或发散"),
    formula: "w ← w + 2α e x",
    expected: say(
      "With a decaying rate it reaches A3 within 1e-6; beyond 2/λmax it diverges.",
      "步长递减时以 1e-6 的精度到达 A3；超过 2/λmax 时发散。",
    ),
    source: "§6.1",
    run: () => {
      const theta = variable("theta", [3], [0.7, -0.4, 0.1]);
      const given = { x: withOne(CORNERS).flat(), y: TRUTH };
      const follow = (lr: number, steps: number, decays: boolean) =>
        descend({
          loss: xorLoss(theta),
          variables: [theta],
          given,
          optimizer: { sgd: { lr } },
          steps,
          ...(decays ? { factor: (step: number) => 1 / (1 + step / 4000) } : {}),
        });
      // Sample by sample, as Widrow and Hoff have it, with a rate that falls.
      const w = [0.7, -0.4, 0.1];
      const rows = withOne(CORNERS);
      const settled = [0, 0, 0];
      const steps = 8_000_000;
      for (let k = 0; k < steps; k++) {
        // There and back again, so that no row is always the last.
        const at = k % 8 < 4 ? k % 8 : 7 - (k % 8);
        const row = rows[at]!;
        const e = TRUTH[at]! - row[0]! * w[0]! - row[1]! * w[1]! - w[2]!;
        const alpha = 10 / (40 + k);
        for (let j = 0; j < 3; j++) w[j]! += 2 * alpha * e * row[j]!;
        if (k >= steps - 8) w.forEach((one, j) => (settled[j]! += one / 8));
      }
      const batch = follow(0.5, 400, false);
      // The Hessian ½ X'X has (1, 1, s) with 2s² - s - 4 = 0 as its first eigenvector.
      const largest = (3 + (1 + Math.sqrt(33)) / 2) / 2;
      const stable = follow((2 / largest) * 0.95, 400, false);
      const unstable = follow((2 / largest) * 1.05, 400, false);
      return {
        checks: [
          alike(
            say(
              "w, b sample by sample, α falling, mean of the last 8",
              "逐样本、α 递减，最后 8 步平均的 w, b",
            ),
            settled,
            [0, 0, 0.5],
            1e-6,
          ),
          alike(say("w, b on all rows", "全批量的 w, b"), batch.values, [0, 0, 0.5], 1e-6),
          below(
            say("J at 0.95 of the bound", "界的 0.95 倍处的 J"),
            stable.losses.at(-1) ?? NaN,
            0.2501,
          ),
          above(
            say("J at 1.05 of the bound", "界的 1.05 倍处的 J"),
            unstable.losses.at(-1) ?? NaN,
            1e3,
          ),
        ],
        plots: [
          plot(
            say("J on both sides of the bound 2/λmax", "界 2/λmax 两侧的 J"),
            [STEP, say("J")],
            [
              curve(say("0.95 of it", "0.95 倍"), stable.losses.slice(0, 120)),
              curve(say("1.05 of it", "1.05 倍"), unstable.losses.slice(0, 120)),
            ],
            "y",
          ),
        ],
      };
    },
  },
];

/** XOR's quadratic loss, ¼ Σ (f - f*)², of weights and a bias. */
function xorLoss(node: ReturnType<typeof variable>) {
  const x = ops.input("x", [4, 3]);
  const f = ops.matmul(x, ops.reshape(node.node, [3, 1]));
  return ops.scale(ops.sum(ops.square(ops.subtract(f, ops.input("y", [4, 1])))), 0.25);
}
