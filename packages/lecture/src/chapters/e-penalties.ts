import { compileLoss, elementary, imageMoves, JS_KERNELS, key, ops } from "@manyfold/core";
import { dot, mean, ridge } from "../algebra.ts";
import { descend, variable } from "../descend.ts";
import {
  dense,
  digitsOf,
  drawn,
  errorRate,
  lossAndGradient,
  networkOf,
  outputsOf,
  predicted,
  type Sample,
  sampleOf,
  shuffled,
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
  distance,
  line,
  type Materials,
  near,
  plot,
  type Row,
} from "../row.ts";
import { say } from "../text.ts";

const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;

/** Rows, targets and a linear problem: correlated columns, so that eigenvalues differ. */
function linearRows(n: number, width: number, name: string): { x: number[][]; y: number[] } {
  const z = drawn(`${name} x`, n * width);
  const noise = drawn(`${name} e`, n);
  const x = Array.from({ length: n }, (_, i) =>
    Array.from({ length: width }, (_unused, j) => z[i * width + j]! + 0.6 * z[i * width]!),
  );
  const y = x.map((row, i) => row.reduce((sum, v, j) => sum + v * (j - 1), 0) + 0.5 * noise[i]!);
  return { x, y };
}

/** ½ Σ (x w - y)² of a flat variable w. */
function squares(n: number, width: number, w: ReturnType<typeof variable>) {
  const product = ops.matmul(ops.input("x", [n, width]), ops.reshape(w.node, [width, 1]));
  return ops.scale(ops.sum(ops.square(ops.subtract(product, ops.input("y", [n, 1])))), 0.5);
}

/** Rows ± √(n h) e_i, whose mean ½ squared error is ½ Σ h (w - w*)², and leaves the bias alone. */
function diagonalRows(h: readonly number[], best: readonly number[]) {
  const n = h.length;
  const rows = h.flatMap((own, i) => {
    const size = Math.sqrt(n * own);
    return [1, -1].map((sign) => ({
      x: h.map((_, j) => (i === j ? sign * size : 0)),
      y: sign * size * best[i]!,
    }));
  });
  return sampleOf(
    rows.map(({ x }) => x),
    rows.map(({ y }) => y),
  );
}

const DIGIT_NETWORK = networkOf([dense(64, "relu")], {
  inputs: 64,
  task: "classification",
  outputs: 10,
});
const DIGIT_SPEC = {
  epochs: 100,
  batch: 50,
  optimizer: { adam: { lr: 0.005 } },
  schedule: "cosine",
} as const;
const STILL = { height: 8, width: 8, shift: 0, rotate: 0, elastic: 0, flip: false };

/**
 * Test errors with and without bent images, on splits of the digits into 1000 rows to train on and
 * the rest. How far they are bent is chosen on 300 rows that no split contains.
 *
 * @param base of the splits and of the trainings
 */
export function bentDigits(
  digits: Materials["digits"],
  base: number,
): {
  readonly chosen: number;
  readonly splits: readonly { readonly plain: number; readonly bent: number }[];
} {
  const all = digitsOf(digits);
  const rowsOf = (rows: readonly number[]): Sample => ({
    x: Float32Array.from(rows.flatMap((row) => [...all.x.subarray(64 * row, 64 * row + 64)])),
    y: Float32Array.from(rows, (row) => all.y[row]!),
    rows: rows.length,
  });
  const order = Array.from(shuffled("E4", all.rows, base));
  const [held, rest] = [rowsOf(order.slice(0, 300)), order.slice(300)];
  const errorOf = (fit: readonly number[], rows: Sample, elastic: number, seed: number): number => {
    const augment = elastic > 0 && { augment: { image: { height: 8, width: 8, elastic } } };
    const spec = { ...DIGIT_SPEC, ...augment };
    return errorRate(
      DIGIT_NETWORK,
      weightsOf(trained(DIGIT_NETWORK, spec, rowsOf(fit), seed)),
      rows,
    );
  };
  const chosen = [0.3, 0.6]
    .map((elastic) => ({ elastic, error: errorOf(rest.slice(0, 1000), held, elastic, base) }))
    .reduce((best, one) => (one.error < best.error ? one : best)).elastic;
  const splits = [1, 2, 3, 4].map((split) => {
    const seed = base + split;
    const own = Array.from(shuffled("E4 split", rest.length, seed), (at) => rest[at]!);
    const [fit, test] = [own.slice(0, 1000), rowsOf(own.slice(1000))];
    return { plain: errorOf(fit, test, 0, seed), bent: errorOf(fit, test, chosen, seed) };
  });
  return { chosen, splits };
}

export const PENALTIES: readonly Row[] = [
  {
    id: "E1",
    title: say("Norm penalties", "范数惩罚"),
    formula: "J̃ = J + αΩ(w)",
    expected: say(
      "Biases are exempt; α = 0 gives the same bits as no penalty.",
      "偏置不受惩罚；α = 0 与无惩罚逐位相同。",
    ),
    source: "7.1",
    run: () => {
      const network = networkOf([], VALUE);
      const xs = Array.from({ length: 64 }, (_, i) => i / 32 - 1 + 1 / 64);
      const sample = sampleOf(
        xs.map((x) => [x]),
        xs.map((x) => 3 + 2 * x),
      );
      const run = (regularizers: { l2: number }[]) =>
        weightsOf(
          trained(
            network,
            { epochs: 100, batch: 64, optimizer: { sgd: { lr: 0.1 } }, regularizers },
            sample,
            1,
          ),
        );
      const [none, zero, much] = [run([]), run([{ l2: 0 }]), run([{ l2: 9 }])];
      return {
        checks: [
          near(say("α = 0 against none", "α = 0 与无惩罚之差"), distance(none, zero), 0, 0),
          near(say("weight at α = 9", "α = 9 时的权重"), much[0]!, 2 / 3 / (1 / 3 + 9), 1e-3),
          near(say("bias at α = 9", "α = 9 时的偏置"), much[1]!, 3, 1e-3),
        ],
      };
    },
  },
  {
    id: "E2",
    title: say("L2 is ridge regression", "L2 即岭回归"),
    formula: "w ← w − ε(αw + ∇J);  w̃ = Q(Λ + αI)⁻¹ΛQᵀw*",
    expected: say(
      "The linear case reaches (XᵀX + αI)⁻¹Xᵀy to 1e-8; along each axis of a diagonal Hessian w* shrinks by λ/(λ + α).",
      "线性情形到达 (XᵀX + αI)⁻¹Xᵀy，精度 1e-8；对角海森的各轴上 w* 收缩 λ/(λ + α)。",
    ),
    source: "7.5, 7.13, 7.17",
    run: () => {
      const [n, width, alpha] = [40, 4, 5];
      const { x, y } = linearRows(n, width, "E2");
      const w = variable("w", [width], [0, 0, 0, 0]);
      const closed = ridge(x, y, alpha);
      const found = descend({
        loss: ops.add(squares(n, width, w), ops.scale(ops.sum(ops.square(w.node)), alpha / 2)),
        variables: [w],
        given: { x: x.flat(), y },
        optimizer: { sgd: { lr: 0.004 } },
        steps: 2000,
      });
      const h = [4, 1, 0.25];
      const best = [1, 1, 1];
      const network = networkOf([], { ...VALUE, inputs: 3 });
      const spec = {
        epochs: 60,
        batch: "all" as const,
        optimizer: { lbfgs: { tolerance: 1e-7 } },
        regularizers: [{ l2: 0.5 }],
      };
      const own = weightsOf(trained(network, spec, diagonalRows(h, best), 1)).slice(0, 3);
      const plain = ridge(x, y);
      const alphas = [0, 1, 3, 10, 30, 100, 300];
      return {
        checks: [
          atMost(
            say("|descent − closed form|", "|下降 − 闭式解|"),
            distance(found.values, closed),
            1e-8,
          ),
          alike(
            say("λ/(λ + α), trained by L-BFGS with l2", "λ/(λ + α)，以 L-BFGS 与 l2 训练"),
            own,
            h.map((l) => l / (l + 0.5)),
            2e-5,
          ),
          below(say("‖w̃‖ / ‖w*‖"), Math.sqrt(dot(closed, closed) / dot(plain, plain)), 1),
        ],
        plots: [
          plot(
            say("Weights over α", "权重随 α 的变化"),
            [say("α"), say("w")],
            [0, 1, 2, 3].map((j) =>
              line(
                say(`w${j + 1}`),
                alphas.map((a) => [a, ridge(x, y, a)[j]!]),
              ),
            ),
          ),
        ],
      };
    },
  },
  {
    id: "E3",
    title: say("L1 gives zeros", "L1 产生零"),
    formula: "wᵢ = sign(wᵢ*) max{|wᵢ*| − α/Hᵢᵢ, 0}",
    expected: say(
      "On a diagonal Hessian training reaches the soft threshold; the proximal step gives exact zeros, the subgradient none.",
      "对角海森上训练到达软阈值；近端步给出精确的零，次梯度则不能。",
    ),
    source: "7.20, 7.23",
    run: () => {
      const h = [1, 0.5, 2, 1];
      const best = [1, 0.3, -0.1, -0.6];
      const alpha = 0.3;
      const wanted = best.map((w, i) => Math.sign(w) * Math.max(0, Math.abs(w) - alpha / h[i]!));
      const network = networkOf([], { ...VALUE, inputs: 4 });
      const run = (regularizer: { proximalL1: number } | { l1: number }) =>
        weightsOf(
          trained(
            network,
            {
              epochs: 400,
              batch: "all",
              optimizer: { sgd: { lr: 0.11 } },
              regularizers: [regularizer],
            },
            diagonalRows(h, best),
            1,
          ),
        ).slice(0, 4);
      const [proximal, sub] = [run({ proximalL1: alpha }), run({ l1: alpha })];
      const zeros = (w: Float32Array) => w.filter((one) => one === 0).length;
      return {
        checks: [
          alike(
            say("proximal step", "近端步"),
            proximal,
            wanted.map((w) => w + 0),
            1e-5,
          ),
          near(say("its exact zeros", "其精确的零个数"), zeros(proximal), 2, 0),
          near(say("zeros by the subgradient", "次梯度得到的零个数"), zeros(sub), 0, 0),
          atMost(
            say("|subgradient − soft threshold|", "|次梯度 − 软阈值|"),
            distance(sub, wanted),
            0.1,
          ),
        ],
      };
    },
  },
  {
    id: "E4",
    title: say("Data augmentation", "数据增强"),
    formula: "(x, y) → (T(x), y)",
    expected: say(
      "At 1000 digits, bending each image by a smooth field, as far as is best on validation rows, lowers the test error over splits; a net trained on shifted digits errs less where a digit is shifted; a move of 0 changes nothing.",
      "1000 个数字样本下，以平滑场弯曲图像（幅度由验证集选出）在多次划分上降低测试误差；以平移训练的网络在数字平移后出错更少；零移动不改变任何像素。",
    ),
    source: "§7.4",
    run: ({ digits }) => {
      const { chosen, splits } = bentDigits(digits, 0);
      const gains = splits.map(({ plain, bent }) => plain - bent);
      const spread = Math.sqrt(
        gains.reduce((sum, gain) => sum + (gain - mean(gains)) ** 2, 0) / (gains.length - 1),
      );
      const all = digitsOf(digits);
      const [fit, test] = [take(all, 0, 1000), take(all, 1000, all.rows)];
      const moved = (shift: number): Sample => {
        const own = { ...test, x: test.x.slice() };
        imageMoves(DIGIT_NETWORK, { ...STILL, shift }, key(4))(own.x, own.y, own.rows, 0);
        return own;
      };
      const [still, shifted] = [moved(0), moved(1)];
      const errorShifted = (augment: object) =>
        errorRate(
          DIGIT_NETWORK,
          weightsOf(trained(DIGIT_NETWORK, { ...DIGIT_SPEC, ...augment }, fit, 1)),
          shifted,
        );
      return {
        checks: [
          below(
            say(
              `test error over ${splits.length} splits, bent by ${chosen} pixels / not`,
              `${splits.length} 次划分的测试误差：弯曲 ${chosen} 像素 / 不弯曲`,
            ),
            mean(splits.map(({ bent }) => bent)) / mean(splits.map(({ plain }) => plain)),
            1,
          ),
          above(
            say("the fall in standard errors of its mean, paired", "配对下降量 / 其均值的标准误"),
            mean(gains) / (spread / Math.sqrt(gains.length)),
            2,
          ),
          below(
            say(
              "on shifted digits, shifted while training / not",
              "平移后的数字：训练时平移 / 不平移",
            ),
            errorShifted({ augment: { image: { height: 8, width: 8, shift: 0.5 } } }) /
              errorShifted({}),
            0.8,
          ),
          near(
            say("pixels changed by a move of 0", "零移动改变的像素"),
            distance(still.x, test.x),
            0,
            0,
          ),
        ],
      };
    },
  },
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
