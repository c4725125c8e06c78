import { evaluateGraph, ops } from "@manyfold/core";
import {
  dense,
  networkOf,
  predicted,
  trained,
  weightsOf,
  XOR,
  above,
  alike,
  atLeast,
  below,
  dots,
  line,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { CORNERS, TRUTH, withOne, perceptron } from "./corners.ts";

export const XOR_ROWS: readonly Row[] = [
  {
    id: "A5",
    title: say("XOR by the lecture's ReLU network", "讲义中的 ReLU 网络解 XOR"),
    formula: "f = wᵀ max{0, Wᵀx + c} + b",
    expected: say("Every matrix equals the lecture's, exactly.", "每个中间矩阵与讲义完全相同。"),
    source: "6.3–6.11",
    run: () => {
      const { product, net, h, output } = hiddenSpace();
      return {
        checks: [
          alike(say("XW"), product, [0, 0, 1, 1, 1, 1, 2, 2], 0),
          alike(say("XW + c"), net, [0, -1, 1, 0, 1, 0, 2, 1], 0),
          alike(say("max{0, XW + c}"), h, [0, 0, 1, 0, 1, 0, 2, 1], 0),
          alike(say("output", "输出"), output, TRUTH, 0),
        ],
      };
    },
  },
  {
    id: "A6",
    title: say("In the hidden space the classes are separable", "隐藏空间中类别线性可分"),
    formula: "h = max{0, Wᵀx + c} ∈ {(0,0), (1,0), (2,1)}",
    expected: say(
      "The perceptron's rule on h reaches 0 mistakes, which it never does on x.",
      "感知机规则在 h 上达到 0 错误，而在 x 上永远不行。",
    ),
    source: "Fig 6.1",
    run: () => {
      const { h } = hiddenSpace();
      const points = CORNERS.map((_, i) => [h[2 * i]!, h[2 * i + 1]!]);
      const onH = perceptron(withOne(points), TRUTH, 1000);
      const onX = perceptron(withOne(CORNERS), TRUTH, 1000);
      const panel = (title: ReturnType<typeof say>, at: readonly (readonly number[])[]) =>
        plot(
          title,
          [say("1"), say("2")],
          [0, 1].map((kind) =>
            dots(
              say(`target ${kind}`, `目标 ${kind}`),
              at.flatMap((p, i) => (TRUTH[i] === kind ? [[p[0]!, p[1]!] as const] : [])),
            ),
          ),
        );
      const [a = 0, b = 0, c = 0] = onH.weights;
      const border = line(
        say("border", "分界线"),
        [-0.2, 2.2].map((x) => [x, -(c + a * x) / b] as const),
      );
      const hidden = panel(say("Hidden space h", "隐藏空间 h"), points);
      return {
        checks: [
          near(say("mistakes on h", "h 上的错误"), onH.errors.at(-1) ?? NaN, 0, 0),
          atLeast(say("mistakes on x", "x 上的错误"), Math.min(...onX.errors), 1),
        ],
        plots: [
          panel(say("Input space x", "输入空间 x"), CORNERS),
          { ...hidden, series: [...hidden.series, border] },
        ],
      };
    },
  },
  {
    id: "A7",
    title: say("XOR learned from random starts", "从随机初值学习 XOR"),
    formula: "2–H–1, ReLU, H = 2, 4, 8",
    expected: say(
      "Of 100 starts with 2 hidden units some fail (dead units, local minima); more units fail less.",
      "2 个隐藏单元的 100 个初值中必有失败（死单元、局部极小）；单元越多失败越少。",
    ),
    source: "§6.1",
    run: () => {
      const successes = [2, 4, 8].map((units) => {
        const network = networkOf([dense(units, "relu")], {
          inputs: 2,
          task: "regression",
          outputs: 1,
        });
        const spec = { epochs: 400, batch: "all", optimizer: { adam: { lr: 0.05 } } } as const;
        let right = 0;
        for (let seed = 0; seed < 100; seed++) {
          const p = predicted(network, weightsOf(trained(network, spec, XOR, seed)), XOR);
          if (p.every((value, i) => Math.abs(value - TRUTH[i]!) < 0.1)) right += 1;
        }
        return right;
      });
      const [two = NaN, four = NaN, eight = NaN] = successes;
      return {
        checks: [
          below(say("successes of 100, 2 units", "100 次中的成功，2 单元"), two, 100),
          above(say("at all", "至少有成功"), two, 0),
          above(say("4 units", "4 单元"), four, two),
          atLeast(say("8 units", "8 单元"), eight, four),
        ],
        plots: [
          plot(
            say("Successes of 100 starts", "100 个初值中的成功次数"),
            [say("hidden units", "隐藏单元"), say("successes", "成功")],
            [
              dots(say("measured", "测得"), [
                [2, two],
                [4, four],
                [8, eight],
              ]),
            ],
          ),
        ],
      };
    },
  },
];

/** The hidden space of the lecture's network, from the product's own ops. */
function hiddenSpace() {
  const x = ops.input("x", [4, 2]);
  const product = ops.matmul(x, ops.input("W", [2, 2]));
  const net = ops.addBias(product, ops.input("c", [2]));
  const h = ops.relu(net);
  const output = ops.addBias(ops.matmul(h, ops.input("w", [2, 1])), ops.input("b", [1]));
  return evaluateGraph(
    { outputs: { product, net, h, output } },
    { x: CORNERS.flat(), W: [1, 1, 1, 1], c: [0, -1], w: [1, -2], b: [0] },
  );
}
