import { elementary, evaluateGraph, ops } from "@manyfold/core";
import {
  mean,
  dense,
  drawn,
  networkOf,
  predicted,
  sampleOf,
  trained,
  uniform,
  weightsOf,
  alike,
  atMost,
  distance,
  near,
  type Row,
  say,
} from "../../kit.ts";
import { VALUE, atLogit } from "./logits.ts";

const { sigmoid } = elementary;

export const OUTPUTS: readonly Row[] = [
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
];
