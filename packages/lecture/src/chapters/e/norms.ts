import { ops } from "@manyfold/core";
import {
  dot,
  ridge,
  descend,
  variable,
  networkOf,
  sampleOf,
  trained,
  weightsOf,
  alike,
  atMost,
  below,
  distance,
  line,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { VALUE, linearRows, squares } from "./linear-rows.ts";

export const NORMS: readonly Row[] = [
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
];

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
