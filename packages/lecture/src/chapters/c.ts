import {
  elementary,
  evaluateGraph,
  grad,
  jvp,
  lossFor,
  type Node,
  ops,
  topological,
  vjp,
} from "@manyfold/core";
import { TrainSpec } from "@manyfold/protocol";
import { dot } from "../algebra.ts";
import { agreement } from "../explain/agreement.ts";
import { drawGraph } from "../explain/draw.ts";
import { dotOf, jacobian, listGraph, modeCosts } from "../explain/graph.ts";
import { drawn, networkOf } from "../networks.ts";
import {
  above,
  alike,
  atMost,
  curve,
  distance,
  isTrue,
  line,
  near,
  plot,
  type Row,
} from "../row.ts";
import { say } from "../text.ts";

const { exp, sigmoid } = elementary;

/** A graph's value, and its gradient in some inputs. */
function slopes(
  output: Node,
  wrt: readonly Node[],
  given: { readonly [name: string]: ArrayLike<number> },
): { value: number; gradients: number[][] } {
  const outputs = Object.fromEntries(grad(output, wrt).map((node, i) => [`g${i}`, node]));
  const found: { readonly [name: string]: ArrayLike<number> } = evaluateGraph(
    { outputs: { ...outputs, value: output } },
    given,
  );
  return {
    value: found["value"]?.[0] ?? NaN,
    gradients: wrt.map((_, i) => Array.from(found[`g${i}`] ?? [])),
  };
}

/** Central differences of a graph's value in one of its inputs. */
function differences(
  output: Node,
  name: string,
  given: { readonly [name: string]: ArrayLike<number> },
  h = 1e-5,
): number[] {
  const at = (values: number[]): number =>
    evaluateGraph({ outputs: { output } }, { ...given, [name]: values }).output[0] ?? NaN;
  const own = Array.from(given[name] ?? []);
  return own.map((_, i) => {
    const moved = (by: number) => own.map((value, j) => (i === j ? value + by : value));
    return (at(moved(h)) - at(moved(-h))) / (2 * h);
  });
}

const scalar = (name: string): Node => ops.input(name, []);

/** J = cross-entropy + λ (Σ W₁² + Σ W₂²), the book's figure 6.11. */
function penalised(lambda: number) {
  const x = ops.input("x", [5, 3]);
  const y = ops.input("y", [5, 2]);
  const w1 = ops.input("W1", [3, 4]);
  const w2 = ops.input("W2", [4, 2]);
  const h = ops.relu(ops.matmul(x, w1));
  const logits = ops.matmul(h, w2);
  const likelihood = ops.negate(ops.sum(ops.multiply(y, ops.logSoftmax(logits))));
  const penalty = ops.scale(ops.add(ops.sum(ops.square(w1)), ops.sum(ops.square(w2))), lambda);
  return { j: ops.add(likelihood, penalty), likelihood, penalty, w1, w2 };
}

const PENALISED = {
  x: drawn("C12 x", 15),
  y: [1, 0, 0, 1, 1, 0, 0, 1, 0, 1],
  W1: drawn("C12 W1", 12),
  W2: drawn("C12 W2", 8),
};

/** Figure 6.8 by hand: how many nodes, and the edges by the names of their ends, sorted. */
const FIGURE = {
  a: { nodes: 3, edges: ["x>multiply", "y>multiply"] },
  b: {
    nodes: 6,
    edges: ["addBias>sigmoid", "b>addBias", "matmul>addBias", "v>matmul", "w>matmul"],
  },
  c: { nodes: 6, edges: ["B>addBias", "W>matmul", "X>matmul", "addBias>relu", "matmul>addBias"] },
  d: { nodes: 6, edges: ["square>sum", "sum>× 0.1", "v>matmul", "w>matmul", "w>square"] },
} as const;

/** Read back from the text that Graphviz draws; the outputs' names are no nodes of the graph. */
function arrowsOfDot(text: string): { nodes: number; edges: string[] } {
  const names = new Map(
    [...text.matchAll(/ (n\d+) \[shape=\w+, label="(.*) \[.*\]"\]/g)].map(([, id, name]) => [
      id,
      name,
    ]),
  );
  const edges = [...text.matchAll(/ (n\d+) -> (n\d+);/g)];
  return {
    nodes: names.size,
    edges: edges.map(([, from, to]) => `${names.get(from)}>${names.get(to)}`),
  };
}

/** Read back from the SVG: an edge is between the boxes at whose sides it begins and ends. */
function arrowsOfPicture(svg: string): { nodes: number; edges: string[] } {
  const box =
    /<title>(.*?)<\/title>\s*<rect\s+x="([\d.]+)"\s+y="([\d.]+)"\s+width="(\d+)"\s+height="(\d+)"/g;
  const boxes = [...svg.matchAll(box)].map(([, name, ...numbers]) => {
    const [x = NaN, y = NaN, width = NaN, height = NaN] = numbers.map(Number);
    return { name, left: x, right: x + width, middle: y + height / 2 };
  });
  const edges = [...svg.matchAll(/d="M([\d.]+) ([\d.]+) C[^"]* ([\d.]+) ([\d.]+)" class="edge"/g)];
  return {
    nodes: boxes.length,
    edges: edges.map((edge) => {
      const [x1, y1, x2, y2] = edge.slice(1).map(Number);
      const from = boxes.find(({ right, middle }) => right === x1 && middle === y1);
      // The arrow's head takes the last few units.
      const to = boxes.find(({ left, middle }) => middle === y2 && left > x2! && left - x2! < 8);
      return `${from?.name}>${to?.name}`;
    }),
  };
}

/** Every activation, as a configuration names it. */
const ACTIVATIONS = [
  "identity",
  "sigmoid",
  "tanh",
  "relu",
  { leakyRelu: { slope: 0.1 } },
  "prelu",
  { elu: { alpha: 0.7 } },
  "selu",
  "gelu",
  "silu",
  "softplus",
  "hardTanh",
  "abs",
  { maxout: { pieces: 3 } },
  "rbf",
];

/** Every output with the losses that it has. */
const ENDS = [
  { output: "linear", loss: "squaredError", task: "regression", outputs: 2 },
  { output: "sigmoid", loss: "squaredError", task: "regression", outputs: 2 },
  { output: "sigmoid", loss: "binaryCrossEntropy", task: "classification", outputs: 2 },
  { output: "softmax", loss: "softmaxCrossEntropy", task: "classification", outputs: 3 },
  { output: "softmax", loss: "squaredError", task: "classification", outputs: 3 },
  { output: "linear", loss: "absoluteError", task: "regression", outputs: 2 },
  { output: "linear", loss: { huber: { delta: 0.7 } }, task: "regression", outputs: 2 },
  { output: "gaussian", loss: { gaussianNll: { beta: 0.5 } }, task: "regression", outputs: 2 },
  { output: { mixture: { components: 3 } }, loss: "auto", task: "regression", outputs: 2 },
  {
    output: "gaussian",
    loss: { perTarget: [{ weight: 2 }, { loss: { gaussianNll: { beta: 0 } } }] },
    task: "regression",
    outputs: 2,
  },
] as const;

export const CHAPTER_C: readonly Row[] = [
  {
    id: "C1",
    title: say("A graph is nodes and edges", "图由节点与边组成"),
    formula: "y = f(g(h(x)))",
    expected: say(
      "The trace lists every variable after those it is computed from, and DOT and JSON say the same.",
      "记录按拓扑序列出每个变量，DOT 与 JSON 内容一致。",
    ),
    source: "§6.5.1, 6.48",
    run: () => {
      const x = ops.input("x", [2]);
      const listed = listGraph({ y: ops.exp(ops.tanh(ops.square(x))) });
      const dot = dotOf(listed);
      const again = JSON.parse(JSON.stringify(listed)) as typeof listed;
      return {
        checks: [
          isTrue(
            say("ops in order: input, square, tanh, exp", "操作顺序：input, square, tanh, exp"),
            listed.nodes.map(({ op }) => op).join() === "input,square,tanh,exp",
          ),
          isTrue(
            say("each after its inputs", "每个都在其输入之后"),
            listed.nodes.every(({ id, inputs }) => inputs.every((from) => from < id)),
          ),
          near(say("edges in DOT", "DOT 中的边数"), dot.match(/n\d -> n\d/g)?.length ?? 0, 3, 0),
          isTrue(say("JSON read back is the same list", "JSON 读回后相同"), dotOf(again) === dot),
        ],
      };
    },
  },
  {
    id: "C2",
    title: say("The chain rule, in a line and in branches", "链式法则：串联与分支"),
    formula: "∂z/∂xᵢ = Σⱼ ∂z/∂yⱼ ∂yⱼ/∂xᵢ;  ∇ₓz = (∂y/∂x)ᵀ∇ᵧz",
    expected: say(
      "Scalars, vectors and tensors: the graph's gradients are the closed forms and the Jacobian's product.",
      "标量、向量与张量：图的梯度与闭式解及雅可比乘积一致。",
    ),
    source: "6.44–6.47",
    run: () => {
      const x = scalar("x");
      const serial = slopes(ops.exp(ops.square(x)), [x], { x: [0.7] });
      const branching = slopes(ops.multiply(ops.exp(x), ops.tanh(x)), [x], { x: [0.7] });
      const t = elementary.tanh(0.7);
      const v = ops.input("v", [3]);
      const w = ops.input("w", [3, 3]);
      const y = ops.tanh(ops.reshape(ops.matmul(w, ops.reshape(v, [3, 1])), [3]));
      const z = ops.sum(ops.square(y));
      const given = { v: drawn("C2 v", 3), w: drawn("C2 w", 9) };
      const rows = jacobian(y, v, given);
      const { y: at } = evaluateGraph({ outputs: { y } }, given);
      const product = [0, 1, 2].map((i) =>
        rows.reduce((sum, row, j) => sum + row[i]! * 2 * at[j]!, 0),
      );
      const vector = slopes(z, [v, w], given);
      return {
        checks: [
          near(say("(e^{x²})′"), serial.gradients[0]![0]!, 1.4 * exp(0.49), 1e-14),
          near(
            say("(eˣ tanh x)′, two branches", "(eˣ tanh x)′，两条分支"),
            branching.gradients[0]![0]!,
            exp(0.7) * (t + 1 - t * t),
            1e-14,
          ),
          alike(say("∇ᵥz = (∂y/∂v)ᵀ∇ᵧz"), vector.gradients[0]!, product, 1e-14),
          atMost(
            say("tensor W against differences", "张量 W 与差分比较"),
            distance(vector.gradients[1]!, differences(z, "w", given)),
            1e-8,
          ),
        ],
      };
    },
  },
  {
    id: "C3",
    title: say("Two paths: e = (a + b)(b + 1)", "两条路径：e = (a + b)(b + 1)"),
    formula: "∂e/∂b = ∂e/∂c · ∂c/∂b + ∂e/∂d · ∂d/∂b",
    expected: say(
      "At a = 2, b = 1: e = 6, ∂e/∂a = 2, ∂e/∂b = 5.",
      "a = 2, b = 1 时：e = 6，∂e/∂a = 2，∂e/∂b = 5。",
    ),
    source: "6.49",
    run: () => {
      const [a, b] = [scalar("a"), scalar("b")];
      const [c, d] = [ops.add(a, b), ops.shift(b, 1)];
      const e = ops.multiply(c, d);
      const { value, gradients } = slopes(e, [a, b, c, d], { a: [2], b: [1] });
      const [inA, inB, inC, inD] = gradients.map((g) => g[0]!);
      return {
        checks: [
          near(say("e"), value, 6, 0),
          near(say("∂e/∂a"), inA!, 2, 0),
          near(say("∂e/∂b"), inB!, 5, 0),
          near(
            say("its two paths, ∂e/∂c + ∂e/∂d", "两条路径之和 ∂e/∂c + ∂e/∂d"),
            inC! + inD!,
            5,
            0,
          ),
        ],
      };
    },
  },
  {
    id: "C4",
    title: say("Forward against reverse mode", "前向模式与反向模式"),
    formula: "J v (JVP)   vᵀJ (VJP)",
    expected: say(
      "Both give one gradient; for n inputs forward mode takes n passes and reverse mode one.",
      "两者给出同一梯度；n 个输入时前向模式需 n 遍，反向模式只需一遍。",
    ),
    source: "§6.5.6–6.5.9",
    run: () => {
      const costs = [4, 16, 64, 256].map((n) => {
        const x = ops.input("x", [1, n]);
        const w = ops.input("w", [n, 3]);
        const y = ops.sum(ops.square(ops.tanh(ops.matmul(x, w))));
        return { n, y, x, ...modeCosts(y, [x]) };
      });
      const { y, x } = costs[0]!;
      const given = { x: drawn("C4 x", 4), w: drawn("C4 w", 12) };
      const tangent = ops.input("tangent", [1, 4]);
      const [along] = jvp([y], [x], [tangent]);
      const forward = [0, 1, 2, 3].map((i) => {
        const unit = [0, 1, 2, 3].map((j) => (i === j ? 1 : 0));
        return evaluateGraph({ outputs: { along } }, { ...given, tangent: unit }).along[0]!;
      });
      const reverse = slopes(y, [x], given).gradients[0]!;
      return {
        checks: [
          atMost(say("|forward − reverse|", "|前向 − 反向|"), distance(forward, reverse), 1e-14),
          alike(
            say("forward passes", "前向遍数"),
            costs.map((c) => c.forwardPasses),
            [4, 16, 64, 256],
            0,
          ),
          alike(
            say("reverse passes", "反向遍数"),
            costs.map((c) => c.reversePasses),
            [1, 1, 1, 1],
            0,
          ),
          atMost(
            say("steps in reverse, n = 256 against n = 4", "反向步数，n = 256 与 n = 4 之比"),
            costs[3]!.reverseSteps / costs[0]!.reverseSteps,
            1,
          ),
          above(
            say("forward steps / reverse steps at n = 256", "n = 256 时前向步数 / 反向步数"),
            costs[3]!.forwardSteps / costs[3]!.reverseSteps,
            50,
          ),
        ],
        plots: [
          plot(
            say("Steps for the whole gradient", "求全部梯度的步数"),
            [say("inputs n", "输入数 n"), say("steps", "步数")],
            [
              line(
                say("forward", "前向"),
                costs.map(({ n, forwardSteps }) => [n, forwardSteps]),
              ),
              line(
                say("reverse", "反向"),
                costs.map(({ n, reverseSteps }) => [n, reverseSteps]),
              ),
            ],
            "both",
          ),
        ],
      };
    },
  },
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
  {
    id: "C10",
    title: say("BP and graph autodiff agree", "BP 与计算图自动微分一致"),
    formula: "max |∂F/∂θ (BP) − ∂F/∂θ (graph)| ≤ 1e-12",
    expected: say(
      "On 120 random networks over depths, widths, all 15 activations, all outputs and losses the largest difference stays within 1e-12.",
      "在 120 个随机网络（深度、宽度、全部 15 种激活、各种输出与损失）上最大差不超过 1e-12。",
    ),
    source: "§6.5.6",
    run: () => {
      const gaps = Array.from({ length: 120 }, (_, i) => {
        const { output, loss, task, outputs } = ENDS[i % ENDS.length]!;
        const layers = Array.from({ length: 1 + (i % 3) }, (_unused, depth) => ({
          dense: {
            units: 2 + ((i + depth) % 5),
            activation: ACTIVATIONS[(i + 4 * depth) % ACTIVATIONS.length],
          },
        }));
        const network = networkOf(layers, { inputs: 3, task, outputs }, { output });
        const weights = drawn("C10 weights", network.parameters.size, i).map((w) => w / 2);
        const x = drawn("C10 x", 12, i);
        const values = drawn("C10 y", 40, i);
        const y = Float64Array.from({ length: 4 * network.targets }, (_unused, at) =>
          task === "regression" ? values[at]! : at % network.targets === i % 2 ? 1 : 0,
        );
        const spec = TrainSpec.parse({ loss });
        const name = lossFor(spec.loss, network.head, network.ownTargets);
        return agreement(network, name, weights, x, y).difference;
      });
      return {
        checks: [
          atMost(
            say("largest difference of 120 networks", "120 个网络中的最大差"),
            Math.max(...gaps),
            1e-12,
          ),
        ],
        plots: [
          plot(
            say("Largest difference, network by network", "逐网络的最大差"),
            [say("network", "网络"), say("max |Δ|")],
            [curve(say("difference", "差"), gaps)],
          ),
        ],
      };
    },
  },
  {
    id: "C11",
    title: say("Four example graphs", "四个示例图"),
    formula: "z = xy;  ŷ = σ(xᵀw + b);  H = max{0, XW + b};  ŷ = xᵀw with λΣw²",
    expected: say(
      "Each is drawn with the nodes and edges of the figure and has the value of its formula; in the last, w is used twice.",
      "各图按教材的节点与边画出，且取值符合公式；最后一个中 w 被使用两次。",
    ),
    source: "Fig 6.8",
    run: () => {
      const [x, y] = [scalar("x"), scalar("y")];
      const v = ops.input("v", [1, 2]);
      const w = ops.input("w", [2, 1]);
      const b = ops.input("b", [1]);
      const xs = ops.input("X", [2, 2]);
      const ws = ops.input("W", [2, 2]);
      const bs = ops.input("B", [2]);
      const graphs = {
        a: { z: ops.multiply(x, y) },
        b: { output: ops.sigmoid(ops.addBias(ops.matmul(v, w), b)) },
        c: { h: ops.relu(ops.addBias(ops.matmul(xs, ws), bs)) },
        d: { output: ops.matmul(v, w), decay: ops.scale(ops.sum(ops.square(w)), 0.1) },
      };
      const listed = Object.values(graphs).map((outputs) => listGraph(outputs));
      const uses = listed[3]!.nodes.filter(({ inputs }) => {
        const id = listed[3]!.nodes.find(({ label }) => label === "w")?.id ?? -1;
        return inputs.includes(id);
      });
      const values = { v: [1, 2], w: [0.5, -0.25] };
      return {
        checks: [
          alike(say("(a)"), evaluateGraph({ outputs: graphs.a }, { x: [3], y: [4] }).z, [12], 0),
          alike(
            say("(b)"),
            evaluateGraph({ outputs: graphs.b }, { ...values, b: [1] }).output,
            [sigmoid(1)],
            1e-16,
          ),
          alike(
            say("(c)"),
            evaluateGraph({ outputs: graphs.c }, { X: [1, 2, 3, 4], W: [1, 0, 0, -1], B: [0, 3] })
              .h,
            [1, 1, 3, 0],
            0,
          ),
          alike(
            say("(d) λΣw²"),
            evaluateGraph({ outputs: graphs.d }, values).decay,
            [0.03125],
            1e-16,
          ),
          near(say("(d) uses of w", "(d) w 的使用次数"), uses.length, 2, 0),
          ...Object.entries(FIGURE).flatMap(([name, { nodes, edges }], i) => {
            const dot = arrowsOfDot(dotOf(listed[i]!));
            const picture = arrowsOfPicture(drawGraph(listed[i]!, name).markup);
            return [
              alike(
                say(
                  `(${name}) nodes and edges in DOT and in the picture`,
                  `(${name}) DOT 与图中的节点数和边数`,
                ),
                [dot.nodes, dot.edges.length, picture.nodes, picture.edges.length],
                [nodes, edges.length, nodes, edges.length],
                0,
              ),
              isTrue(
                say(`(${name}) each edge is that of the figure`, `(${name}) 每条边与教材图一致`),
                [dot, picture].every((one) => one.edges.sort().join() === edges.join()),
              ),
            ];
          }),
        ],
      };
    },
  },
  {
    id: "C12",
    title: say("A two-layer MLP with its penalty", "带惩罚项的两层 MLP"),
    formula: "J = J_MLE + λ(Σ W₁² + Σ W₂²)",
    expected: say(
      "The gradient with the penalty passes the check by differences; the graph uses W₁ and W₂ twice each, as the figure does.",
      "含惩罚的梯度通过差分检验；如图所示，W₁ 与 W₂ 各被使用两次。",
    ),
    source: "6.56, Fig 6.11",
    run: () => {
      const { j, likelihood, penalty, w1, w2 } = penalised(0.05);
      const { gradients } = slopes(j, [w1, w2], PENALISED);
      const parts = evaluateGraph({ outputs: { j, likelihood, penalty } }, PENALISED);
      const uses = (of: Node) =>
        topological([j]).filter(({ inputs }) => inputs.includes(of)).length;
      return {
        checks: [
          atMost(
            say("∂J/∂W₁ against differences", "∂J/∂W₁ 与差分"),
            distance(gradients[0]!, differences(j, "W1", PENALISED)),
            1e-7,
          ),
          atMost(
            say("∂J/∂W₂ against differences", "∂J/∂W₂ 与差分"),
            distance(gradients[1]!, differences(j, "W2", PENALISED)),
            1e-7,
          ),
          near(
            say("J − J_MLE − penalty", "J − J_MLE − 惩罚"),
            parts.j[0]! - parts.likelihood[0]! - parts.penalty[0]!,
            0,
            1e-14,
          ),
          alike(say("uses of W₁, W₂", "W₁, W₂ 的使用次数"), [uses(w1), uses(w2)], [2, 2], 0),
        ],
      };
    },
  },
  {
    id: "C13",
    title: say("Products with the Hessian", "海森矩阵与向量之积"),
    formula: "Hv = ∇[(∇f)ᵀv]",
    expected: say(
      "Hv agrees with differences of gradients, and uᵀHv = vᵀHu.",
      "Hv 与梯度差分一致，且 uᵀHv = vᵀHu。",
    ),
    source: "6.59",
    run: () => {
      const w = ops.input("w", [6]);
      const f = ops.sum(ops.tanh(ops.multiply(ops.square(w), ops.sigmoid(w))));
      const at = drawn("C13 w", 6);
      const [u, v] = [drawn("C13 u", 6), drawn("C13 v", 6)];
      const direction = ops.input("d", [6]);
      const [g] = grad(f, [w]);
      const [forward] = jvp([g], [w], [direction]);
      const [reverse] = vjp([g], [direction], [w]);
      const along = (d: Float64Array) =>
        evaluateGraph({ outputs: { forward, reverse } }, { w: at, d });
      const gradientAt = (values: Float64Array) =>
        evaluateGraph({ outputs: { g } }, { w: values }).g;
      const h = 1e-5;
      const up = gradientAt(at.map((value, i) => value + h * v[i]!));
      const down = gradientAt(at.map((value, i) => value - h * v[i]!));
      const [hv, hu] = [along(v), along(u)];
      return {
        checks: [
          atMost(
            say("Hv against differences of gradients", "Hv 与梯度差分"),
            distance(
              hv.forward,
              up.map((one, i) => (one - down[i]!) / (2 * h)),
            ),
            1e-8,
          ),
          atMost(
            say("∇[(∇f)ᵀv] against forward over reverse", "∇[(∇f)ᵀv] 与前向套反向"),
            distance(hv.forward, hv.reverse),
            1e-14,
          ),
          near(say("uᵀHv − vᵀHu"), dot(u, hv.forward) - dot(v, hu.forward), 0, 1e-14),
        ],
      };
    },
  },
];
