import { elementary, evaluateGraph, jvp, ops } from "@manyfold/core";
import { dotOf, jacobian, listGraph, modeCosts } from "../../explain/graph.ts";
import {
  drawn,
  above,
  alike,
  atMost,
  distance,
  isTrue,
  line,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { slopes, differences, scalar } from "./slopes.ts";

const { exp } = elementary;

export const GRAPHS: readonly Row[] = [
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
];
