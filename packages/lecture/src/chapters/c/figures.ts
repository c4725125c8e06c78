import {
  elementary,
  evaluateGraph,
  grad,
  jvp,
  type Node,
  ops,
  topological,
  vjp,
} from "@manyfold/core";
import { drawGraph } from "../../explain/draw.ts";
import { dotOf, listGraph } from "../../explain/graph.ts";
import { dot, drawn, alike, atMost, distance, isTrue, near, type Row, say } from "../../kit.ts";
import { slopes, differences, scalar } from "./slopes.ts";

const { sigmoid } = elementary;

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

export const FIGURES: readonly Row[] = [
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
