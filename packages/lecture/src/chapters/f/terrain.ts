import { minimise, type SmoothObjective } from "@manyfold/core";
import {
  dot,
  norm,
  follow,
  dense,
  drawn,
  lossAndGradient,
  networkOf,
  trained,
  weightsOf,
  above,
  alike,
  atMost,
  below,
  curve,
  isTrue,
  line,
  near,
  plot,
  type Row,
  STEP,
  say,
} from "../../kit.ts";
import { VALUE, sine } from "./sine.ts";

/** x²/2 - y²/2 + y⁴/4: a saddle at 0, minima at y = ±1. */
const SADDLE: SmoothObjective = {
  size: 2,
  evaluate: ([x = 0, y = 0], gradient) => {
    gradient.set([x, y ** 3 - y]);
    return x ** 2 / 2 - y ** 2 / 2 + y ** 4 / 4;
  },
  curvature: ([, y = 0], v) => Float64Array.of(v[0]!, (3 * y ** 2 - 1) * v[1]!),
};

export const TERRAIN: readonly Row[] = [
  {
    id: "F4",
    title: say("Ill-conditioning", "病态"),
    formula: "½ε²gᵀHg − εgᵀg;  ε* = gᵀg / gᵀHg",
    expected: say(
      "When the curvature's term exceeds the slope's, the step raises the loss; the probes log both; ε* is the best step.",
      "当曲率项超过斜率项时该步使损失上升；探针记录两者；ε* 为最佳步长。",
    ),
    source: "8.10, 4.9, 4.10",
    run: () => {
      const h = [1, 10];
      const f = (w: readonly number[]) => 0.5 * w.reduce((sum, v, i) => sum + h[i]! * v * v, 0);
      const w = [1, 1];
      const g = w.map((v, i) => h[i]! * v);
      const [gg, ghg] = [
        dot(g, g),
        dot(
          g,
          g.map((v, i) => v * h[i]!),
        ),
      ];
      const step = (rate: number) => f(w.map((v, i) => v - rate * g[i]!)) - f(w);
      const rates = Array.from({ length: 60 }, (_, i) => 0.005 * (i + 1));
      const agree = rates.every((e) => 0.5 * e * e * ghg > e * gg === step(e) > 0);
      const star = gg / ghg;
      const network = networkOf([dense(6, "tanh")], VALUE);
      const outcome = trained(
        network,
        { epochs: 3, batch: "all", optimizer: { sgd: { lr: 30 } }, probes: { rows: 64 } },
        sine(64, 1),
        1,
      );
      const points = outcome.status === "done" ? outcome.curve : [];
      const rising = points.filter(
        ({ probes }) => probes && probes.curvature > probes.slope,
      ).length;
      return {
        checks: [
          isTrue(
            say(
              "60 rates: the loss rises exactly where curvature wins",
              "60 个步长：损失上升当且仅当曲率项占优",
            ),
            agree,
          ),
          near(say("change at ε*", "ε* 处的变化"), step(star), (-0.5 * gg * gg) / ghg, 1e-12),
          isTrue(
            say("no other rate is better", "没有更好的步长"),
            rates.every((e) => step(e) >= step(star) - 1e-12),
          ),
          above(
            say(
              "points of a wild training where the probes say so",
              "狂野训练中探针如此报告的点数",
            ),
            rising,
            0,
          ),
        ],
        plots: [
          plot(
            say("Change of the loss over ε", "损失变化随 ε"),
            [say("ε"), say("ΔJ")],
            [
              line(
                say("ΔJ"),
                rates.map((e) => [e, step(e)]),
              ),
              line(
                say("½ε²gᵀHg − εgᵀg"),
                rates.map((e) => [e, 0.5 * e * e * ghg - e * gg]),
              ),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "F5",
    title: say("Symmetries and minima", "对称性与极小值"),
    formula: "permutations of units, scalings α, 1/α",
    expected: say(
      "Permuted or rescaled units give the same function; aligning two nets by permutation lowers their distance and the barrier between them.",
      "置换或缩放单元得到同一函数；按置换对齐两个网络降低其距离与其间的势垒。",
    ),
    source: "§8.2.2",
    run: () => {
      const [units, network] = [12, networkOf([dense(12, "relu")], VALUE)];
      const fit = sine(200, 2);
      const spec = {
        epochs: 120,
        batch: 20,
        optimizer: { adam: { lr: 0.02 } },
        schedule: "cosine",
      } as const;
      const [a, b] = [1, 2].map((seed) =>
        Float64Array.from(weightsOf(trained(network, spec, fit, seed))),
      ) as [Float64Array, Float64Array];
      const unit = (w: Float64Array, j: number) => [w[j]!, w[units + j]!, w[2 * units + j]!];
      const permuted = (w: Float64Array, order: readonly number[]) => {
        const out = w.slice();
        order.forEach((from, to) =>
          [0, 1, 2].forEach((part) => (out[part * units + to] = w[part * units + from]!)),
        );
        return out;
      };
      // Greedy pairs, closest first.
      const open = new Set(Array.from({ length: units }, (_, j) => j));
      const order = Array.from({ length: units }, (_, j) => {
        const found = [...open].reduce((best, k) =>
          norm(unit(a, j).map((v, i) => v - unit(b, k)[i]!)) <
          norm(unit(a, j).map((v, i) => v - unit(b, best)[i]!))
            ? k
            : best,
        );
        open.delete(found);
        return found;
      });
      const aligned = permuted(b, order);
      const lossAt = (w: Float64Array) => lossAndGradient(network, w, fit.x, fit.y).loss;
      const path = (to: Float64Array) =>
        Array.from({ length: 21 }, (_, i) => lossAt(a.map((v, j) => v + (i / 20) * (to[j]! - v))));
      const [raw, close] = [path(b), path(aligned)];
      const scaled = b.map((v, i) => (i < 2 * units ? 2 * v : i < 3 * units ? v / 2 : v));
      const barrier = (losses: number[]) => Math.max(...losses) - Math.max(losses[0]!, losses[20]!);
      return {
        checks: [
          atMost(
            say("loss changed by the permutation", "置换引起的损失变化"),
            Math.abs(lossAt(aligned) - lossAt(b)),
            1e-12,
          ),
          atMost(
            say("by scaling in by 2 and out by ½", "输入权重乘 2、输出权重乘 ½ 引起的变化"),
            Math.abs(lossAt(scaled) - lossAt(b)),
            1e-12,
          ),
          below(
            say("distance, aligned / not", "距离，对齐 / 未对齐"),
            norm(a.map((v, i) => v - aligned[i]!)) / norm(a.map((v, i) => v - b[i]!)),
            1,
          ),
          below(
            say("barrier, aligned / not", "势垒，对齐 / 未对齐"),
            barrier(close) / barrier(raw),
            1,
          ),
        ],
        plots: [
          plot(
            say("Loss on the line between two trained nets", "两个已训练网络连线上的损失"),
            [say("share", "比例"), say("J")],
            [
              line(
                say("as they are", "原样"),
                raw.map((v, i) => [i / 20, v]),
              ),
              line(
                say("aligned", "对齐"),
                close.map((v, i) => [i / 20, v]),
              ),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "F6",
    title: say("Saddles and plateaus", "鞍点与平台"),
    formula: "f = ½x² − ½y² + ¼y⁴",
    expected: say(
      "Plain Newton converges to the saddle, damped Newton leaves; gradient descent stays on the ridge and leaves with noise.",
      "纯牛顿法收敛到鞍点，阻尼牛顿法离开；梯度下降停在脊上，加噪声后离开。",
    ),
    source: "§8.2.3",
    run: () => {
      const start = Float64Array.of(1, 0.4);
      const plain = minimise({ newton: { damping: 0, tolerance: 1e-12 } }, SADDLE, start, 50).at(
        -1,
      )!;
      const damped = minimise(
        { newton: { damping: 0.001, tolerance: 1e-9 } },
        SADDLE,
        start,
        50,
      ).at(-1)!;
      const slope = (w: Float64Array) => {
        const g = new Float64Array(2);
        SADDLE.evaluate(w, g);
        return g;
      };
      const still = follow({ sgd: { lr: 0.1 } }, [1, 0], slope, 300).at(-1)!;
      const e = drawn("F6 noise", 600);
      const shaken = follow(
        { sgd: { lr: 0.1 } },
        [1, 0],
        (w, step) => slope(w).map((g, i) => g + 0.01 * e[2 * step + i]!),
        300,
      );
      return {
        checks: [
          alike(say("plain Newton ends at", "纯牛顿法终点"), plain.theta, [0, 0], 1e-9),
          alike(
            say("damped Newton ends at |x|, |y|", "阻尼牛顿法终点 |x|, |y|"),
            damped.theta.map(Math.abs),
            [0, 1],
            1e-6,
          ),
          near(say("descent from the ridge: y", "从脊上下降：y"), still[1]!, 0, 0),
          near(say("with noise: |y|", "加噪声：|y|"), Math.abs(shaken.at(-1)![1]!), 1, 0.1),
        ],
        plots: [
          plot(
            say("Leaving the ridge with noise", "噪声下离开脊"),
            [STEP, say("|y|")],
            [
              curve(
                say("|y|"),
                shaken.map((w) => Math.abs(w[1]!)),
              ),
            ],
          ),
        ],
      };
    },
  },
];
