import { startSchedule } from "@manyfold/core";
import {
  mean,
  norm,
  follow,
  drawn,
  alike,
  atMost,
  below,
  curve,
  distance,
  near,
  plot,
  type Row,
  STEP,
  say,
} from "../../kit.ts";

const ravine = ([x = 0, y = 0]: Float64Array) => [x, 50 * y];

export const DESCENT: readonly Row[] = [
  {
    id: "F11",
    title: say("Stochastic gradient descent", "随机梯度下降"),
    formula: "θ ← θ − εₖĝ;  Σεₖ = ∞, Σεₖ² < ∞",
    expected: say(
      "On a quadratic with noise it converges only if ε decays.",
      "带噪声的二次函数上，仅当 ε 递减时收敛。",
    ),
    source: "Alg 8.1, 8.12, 8.13",
    run: () => {
      const steps = 8000;
      const tail = (decays: boolean) =>
        mean(
          Array.from({ length: 8 }, (_, s) => {
            const e = drawn("F11", steps, s);
            const path = follow(
              { sgd: { lr: 0.5 } },
              [3],
              ([w = 0], k) => [w + e[k]!],
              steps,
              (k) => (decays ? 1 / (1 + k / 2) : 1),
            );
            return mean(path.slice(-200).map(([w]) => w! * w!));
          }),
        );
      const [constant, falling] = [tail(false), tail(true)];
      return {
        checks: [
          near(
            say("mean square at constant ε, against ε/(2 − ε)", "ε 恒定时的均方与 ε/(2 − ε)"),
            constant,
            0.5 / 1.5,
            0.06,
          ),
          below(say("mean square at ε ∝ 1/k", "ε ∝ 1/k 时的均方"), falling, 2e-3),
        ],
      };
    },
  },
  {
    id: "F12",
    title: say("Linear decay to τ", "线性衰减到 τ"),
    formula: "εₖ = (1 − k/τ)ε₀ + (k/τ)ε_τ, then constant",
    expected: say("Exact at 0, τ/2, τ and beyond.", "在 0、τ/2、τ 与其后精确。"),
    source: "8.14",
    run: () => {
      const { factor } = startSchedule(
        { linear: { to: 0.01, over: 0.5 } },
        { epoch: 10, total: 200 },
      );
      return {
        checks: [
          alike(
            say("ε/ε₀ at 0, 50, 100, 101, 200 with τ = 100"),
            [0, 50, 100, 101, 200].map(factor),
            [1, 0.505, 0.01, 0.01, 0.01],
            1e-16,
          ),
        ],
        plots: [
          plot(
            say("ε/ε₀"),
            [STEP, say("ε/ε₀")],
            [
              curve(
                say("linear"),
                Array.from({ length: 200 }, (_, k) => factor(k)),
              ),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "F13",
    title: say("Momentum", "动量"),
    formula: "v ← αv − εg;  θ ← θ + v;  terminal speed ε‖g‖/(1 − α)",
    expected: say(
      "Under a constant gradient the speed tends to the limit; in a ravine it takes fewer steps than SGD.",
      "恒定梯度下速度趋于极限；在峡谷中步数少于 SGD。",
    ),
    source: "Alg 8.2, 8.15–8.17",
    run: () => {
      const path = follow({ momentum: { lr: 0.01, momentum: 0.9 } }, [0], () => [2], 200);
      const speeds = path.slice(1).map(([w], i) => Math.abs(w! - path[i]![0]!));
      const plain = arrival(follow({ sgd: { lr: 0.035 } }, [1, 1], ravine, 600));
      const heavy = arrival(
        follow({ momentum: { lr: 0.035, momentum: 0.7 } }, [1, 1], ravine, 600),
      );
      return {
        checks: [
          near(say("speed after 200 steps", "200 步后的速度"), speeds.at(-1)!, 0.2, 1e-9),
          below(
            say("steps in the ravine, momentum / SGD", "峡谷中的步数，动量 / SGD"),
            heavy / plain,
            0.6,
          ),
        ],
        plots: [
          plot(
            say("Speed under a constant gradient", "恒定梯度下的速度"),
            [STEP, say("|v|")],
            [curve(say("|v|"), speeds, 1)],
          ),
        ],
      };
    },
  },
  {
    id: "F13'",
    title: say("Nesterov's momentum", "Nesterov 动量"),
    formula: "v ← αv − ε∇J(θ + αv);  θ ← θ + v",
    expected: say(
      "It differs from momentum by where the gradient is taken alone: stored at θ + αv, its path is that of the formula.",
      "与动量法的区别仅在梯度取点：以 θ + αv 存储时路径与公式一致。",
    ),
    source: "Alg 8.3, 8.21, 8.22",
    run: () => {
      const [lr, momentum] = [0.02, 0.8];
      const path = follow({ nesterov: { lr, momentum } }, [1, 1], ravine, 30);
      const byHand = (ahead: boolean) => {
        let [theta, v] = [
          [1, 1],
          [0, 0],
        ];
        return Array.from({ length: 31 }, () => {
          const shown = ahead ? theta.map((w, i) => w + momentum * v[i]!) : theta;
          const g = ravine(Float64Array.from(shown));
          v = v.map((own, i) => momentum * own - lr * g[i]!);
          theta = theta.map((w, i) => w + v[i]!);
          return shown;
        });
      };
      const plain = follow({ momentum: { lr, momentum } }, [1, 1], ravine, 30);
      return {
        checks: [
          atMost(
            say("|product − formula|", "|产品 − 公式|"),
            Math.max(...path.map((w, i) => distance(w, byHand(true)[i]!))),
            1e-12,
          ),
          atMost(
            say("the same without look-ahead is momentum", "去掉前瞻即为动量法"),
            Math.max(...plain.map((w, i) => distance(w, byHand(false)[i]!))),
            1e-12,
          ),
        ],
      };
    },
  },
];

/** Steps until both coordinates of a path in the ravine are small. */
function arrival(path: readonly Float64Array[]): number {
  const at = path.findIndex((_, i) => path.slice(i).every((w) => norm(w) < 1e-3));
  return at < 0 ? Infinity : at;
}
