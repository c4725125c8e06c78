import { elementary, evaluateGraph, ops } from "@manyfold/core";
import { jacobian } from "../../explain/graph.ts";
import { dot, alike, atMost, distance, near, type Row, say } from "../../kit.ts";
import { slopes, scalar } from "./slopes.ts";

const { exp, sigmoid } = elementary;

export const JACOBIANS: readonly Row[] = [
  {
    id: "C5",
    title: say("A variable used twice: y = x e^{x²}", "使用两次的变量：y = x e^{x²}"),
    formula: "y′ = e^{x²} + 2x² e^{x²}",
    expected: say(
      "At x = 1: y = e, y′ = 3e, of which e by the first use and 2e by the second.",
      "x = 1 时 y = e，y′ = 3e，其中第一次使用贡献 e，第二次贡献 2e。",
    ),
    source: "6.50–6.55",
    run: () => {
      const x = scalar("x");
      const [one, two] = [scalar("first"), scalar("second")];
      const whole = slopes(ops.multiply(x, ops.exp(ops.square(x))), [x], { x: [1] });
      const parts = slopes(ops.multiply(one, ops.exp(ops.square(two))), [one, two], {
        first: [1],
        second: [1],
      });
      const [a = NaN, b = NaN] = parts.gradients.map((g) => g[0]!);
      return {
        checks: [
          near(say("y"), whole.value, 2.718281828, 5e-10),
          near(say("y′"), whole.gradients[0]![0]!, 8.154845485, 5e-10),
          near(say("by the first use", "第一次使用"), a, exp(1), 1e-15),
          near(say("by the second use", "第二次使用"), b, 2 * exp(1), 1e-15),
          near(say("their sum − y′", "二者之和 − y′"), a + b - whole.gradients[0]![0]!, 0, 1e-15),
        ],
      };
    },
  },
  {
    id: "C6",
    title: say("A Jacobian: f = (x₁ + x₂x₃, 2x₃)", "雅可比矩阵：f = (x₁ + x₂x₃, 2x₃)"),
    formula: "∂f/∂x = [[1, x₃, x₂], [0, 0, 2]]",
    expected: say("jacobian() returns it.", "jacobian() 返回该矩阵。"),
    source: "§4.3.1",
    run: () => {
      const x = ops.input("x", [3]);
      const [a, b, c] = [0, 1, 2].map((i) => ops.slice(x, 0, i, 1));
      const f = ops.concat([ops.add(a!, ops.multiply(b!, c!)), ops.scale(c!, 2)], 0);
      return {
        checks: [
          alike(
            say("∂f/∂x at (5, 7, 11)", "(5, 7, 11) 处的 ∂f/∂x"),
            jacobian(f, x, { x: [5, 7, 11] }).flat(),
            [1, 11, 7, 0, 0, 2],
            0,
          ),
        ],
      };
    },
  },
  {
    id: "C7",
    title: say("The slope of the cross-entropy", "交叉熵的导数"),
    formula: "∂C/∂yᵣ = −1/yᵣ, others 0",
    expected: say(
      "One component, the true class's; all others are exactly 0.",
      "只有真实类别一个分量，其余精确为 0。",
    ),
    source: "6.30",
    run: () => {
      const y = ops.input("y", [4]);
      const target = ops.input("t", [4]);
      const c = ops.negate(ops.sum(ops.multiply(target, ops.log(y))));
      const { gradients } = slopes(c, [y], { y: [0.1, 0.2, 0.4, 0.3], t: [0, 0, 1, 0] });
      return { checks: [alike(say("∂C/∂y, r = 3"), gradients[0]!, [0, 0, -2.5, 0], 0)] };
    },
  },
  {
    id: "C8",
    title: say("Diagonal Jacobians, and softmax's", "对角雅可比与 softmax 的雅可比"),
    formula: "diag(σ′);  diag(y) − yyᵀ",
    expected: say(
      "σ's is diagonal; softmax's has rows that sum to 0 and is symmetric; with C7 before it, it gives y − onehot.",
      "σ 的雅可比是对角的；softmax 的各行和为 0 且对称；与 C7 复合得到 y − onehot。",
    ),
    source: "6.29",
    run: () => {
      const x = ops.input("x", [4]);
      const at = [0.3, -1, 2, 0.5];
      const sigma = jacobian(ops.sigmoid(x), x, { x: at });
      const soft = jacobian(ops.softmax(x), x, { x: at });
      const { y } = evaluateGraph({ outputs: { y: ops.softmax(x) } }, { x: at });
      const closed = at.flatMap((_, i) =>
        at.map((_unused, j) => (i === j ? y[i]! : 0) - y[i]! * y[j]!),
      );
      const diagonal = at.flatMap((own, i) =>
        at.map((_, j) => (i === j ? sigmoid(own) * (1 - sigmoid(own)) : 0)),
      );
      const target = [0, 0, 1, 0];
      const c7 = target.map((t, i) => -t / y[i]!);
      const composed = at.map((_, j) =>
        dot(
          c7,
          soft.map((row) => row[j]!),
        ),
      );
      const sums = soft.map((row) => row.reduce((sum, value) => sum + value, 0));
      const other = soft[0]!.map((_, j) => soft.map((row) => row[j]!)).flat();
      return {
        checks: [
          atMost(say("|∂σ − diag(σ′)|"), distance(sigma.flat(), diagonal), 1e-15),
          atMost(say("|∂softmax − (diag(y) − yyᵀ)|"), distance(soft.flat(), closed), 1e-15),
          atMost(
            say("largest sum of a row", "行和的最大绝对值"),
            distance(sums, [0, 0, 0, 0]),
            1e-15,
          ),
          atMost(say("|J − Jᵀ|"), distance(soft.flat(), other), 1e-16),
          atMost(
            say("|C7 through it − (y − onehot)|", "|与 C7 复合 − (y − onehot)|"),
            distance(
              composed,
              target.map((t, i) => y[i]! - t),
            ),
            1e-15,
          ),
        ],
      };
    },
  },
  {
    id: "C9",
    title: say("The Jacobian in a matrix, flattened", "对矩阵求雅可比（拉平）"),
    formula: "z = Wa:  ∂z/∂a = W;  ∂zᵢ/∂Wᵢₖ = aₖ, 0 in other rows",
    expected: say(
      "∂z/∂a is W; ∂z/∂W, W flattened, is an m × mn block matrix with a in its blocks.",
      "∂z/∂a 即 W；将 W 拉平后 ∂z/∂W 为 m × mn 的分块矩阵，块中为 a。",
    ),
    source: "6.47",
    run: () => {
      const [m, n] = [2, 3];
      const w = ops.input("W", [m, n]);
      const a = ops.input("a", [n, 1]);
      const z = ops.matmul(w, a);
      const given = { W: [1, 2, 3, 4, 5, 6], a: [7, 8, 9] };
      return {
        checks: [
          alike(say("∂z/∂a"), jacobian(z, a, given).flat(), given.W, 0),
          alike(
            say("∂z/∂W"),
            jacobian(z, w, given).flat(),
            [7, 8, 9, 0, 0, 0, 0, 0, 0, 7, 8, 9],
            0,
          ),
        ],
      };
    },
  },
];
