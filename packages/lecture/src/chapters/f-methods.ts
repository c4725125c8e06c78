import { minimise, type SmoothObjective, startSchedule } from "@manyfold/core";
import { dot, mean, norm } from "../algebra.ts";
import { follow } from "../descend.ts";
import {
  curveOf,
  dense,
  digitsOf,
  drawn,
  networkOf,
  started,
  take,
  trained,
  weightsOf,
} from "../networks.ts";
import {
  above,
  alike,
  atLeast,
  atMost,
  below,
  curve,
  distance,
  EPOCH,
  isTrue,
  line,
  LOSS,
  near,
  plot,
  type Row,
  STEP,
} from "../row.ts";
import { say } from "../text.ts";
import { spreads } from "./f-landscapes.ts";

const DIGITS = { inputs: 64, task: "classification", outputs: 10 } as const;

/** ½ Σ h (w - 1)², and its Hessian. */
function quadratic(h: readonly number[]): SmoothObjective {
  return {
    size: h.length,
    evaluate: (w, gradient) => {
      h.forEach((own, i) => (gradient[i] = own * (w[i]! - 1)));
      return 0.5 * h.reduce((sum, own, i) => sum + own * (w[i]! - 1) ** 2, 0);
    },
    curvature: (_, v) => v.map((own, i) => own * h[i]!),
  };
}

const GRADIENTS = Array.from({ length: 12 }, (_, t) => Array.from(drawn("gradients", 3, t)));
const ravine = ([x = 0, y = 0]: Float64Array) => [x, 50 * y];

/** Steps until both coordinates of a path in the ravine are small. */
function arrival(path: readonly Float64Array[]): number {
  const at = path.findIndex((_, i) => path.slice(i).every((w) => norm(w) < 1e-3));
  return at < 0 ? Infinity : at;
}

export const METHODS: readonly Row[] = [
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
  {
    id: "F14",
    title: say("Starting weights", "初始化"),
    formula: "U(±√(6/(m + n)))",
    expected: say(
      "From a constant start hidden units stay identical; from the usual one they do not, and the spread of activations lasts over 20 layers.",
      "常数初始化使隐藏单元始终相同；常规初始化则否，且激活的方差在 20 层间大致保持。",
    ),
    source: "8.23",
    run: ({ digits }) => {
      const fit = take(digitsOf(digits), 0, 100);
      const apart = (init: unknown) => {
        const network = networkOf(
          [dense(6, "tanh", { init })],
          DIGITS,
          init === "auto" ? {} : { init },
        );
        const w = weightsOf(
          trained(network, { epochs: 5, batch: 20, optimizer: { sgd: { lr: 0.1 } } }, fit, 1),
        );
        return Math.max(
          ...Array.from({ length: 64 }, (_, i) => Math.abs(w[6 * i]! - w[6 * i + 1]!)),
        );
      };
      const deep = (init: unknown) => {
        const layers = Array.from({ length: 20 }, () => dense(128, "relu", { init }));
        const network = networkOf(layers, { inputs: 128, task: "regression", outputs: 1 });
        return spreads(layers, 128, 1, started(network, 1));
      };
      const [good, small] = [deep("auto"), deep({ normal: { deviation: 0.01 } })];
      return {
        checks: [
          near(
            say("units apart after training from a constant", "常数初值训练后单元之差"),
            apart({ constant: { value: 0.1 } }),
            0,
            0,
          ),
          above(say("from Glorot's", "Glorot 初值"), apart("auto"), 0.01),
          above(
            say("variance of layer 20 / of layer 1, He", "第 20 / 1 层方差，He"),
            good[19]! / good[0]!,
            0.1,
          ),
          below(say("the same", "同上"), good[19]! / good[0]!, 10),
          below(say("from N(0, 0.01²)", "N(0, 0.01²) 初值"), small[19]! / small[0]!, 1e-12),
        ],
        plots: [
          plot(
            say("Variance of activations by layer", "各层激活方差"),
            [say("layer", "层"), say("variance", "方差")],
            [curve(say("He"), good, 1), curve(say("N(0, 0.01²)"), small, 1)],
            "y",
          ),
        ],
      };
    },
  },
  {
    id: "F15",
    title: say("Unsupervised pre-training", "无监督预训练"),
    formula: "greedy autoencoders, layer by layer",
    expected: say(
      "From layers that were trained to reconstruct digits, one by one, fewer epochs reach the target loss than from a random start; in one layer of ReLU it does not help, which is shown too.",
      "由逐层重构数字预训练的层出发，到达目标损失所需轮数少于随机初值；单层 ReLU 则无益处，同样列出。",
    ),
    source: "§8.4, §15.1",
    run: ({ digits }) => {
      const few = take(digitsOf(digits), 0, 1000);
      const spec = { epochs: 60, batch: 50, optimizer: { adam: { lr: 0.003 } } } as const;
      const pretrain = { epochs: 40, batch: 25, optimizer: { adam: { lr: 0.01 } } } as const;
      /** Curves without and with; both start from the same draw. */
      const runs = (widths: readonly number[], activation: string) => {
        const network = networkOf(
          widths.map((units) => dense(units, activation)),
          DIGITS,
        );
        const [cold, warm] = [
          trained(network, spec, few, 1),
          trained(network, { ...spec, pretrain }, few, 1),
        ];
        const learned = warm.status === "done" ? (warm.curve[0]?.pretraining ?? []) : [];
        return { cold: curveOf(cold).train, warm: curveOf(warm).train, learned };
      };
      const first = (losses: number[], target: number) =>
        losses.findIndex((loss) => loss < target) + 1 || Infinity;
      const [deep, shallow] = [runs([40, 30, 20], "sigmoid"), runs([40], "relu")];
      const ratio = ({ cold, warm }: typeof deep, target: number) =>
        first(warm, target) / first(cold, target);
      return {
        checks: [
          near(say("layers trained to restore", "被训练去重构的层数"), deep.learned.length, 3, 0),
          ...deep.learned.map(({ losses }, i) =>
            below(
              say(
                `layer ${i + 1}: error of restoring, last epoch / first`,
                `第 ${i + 1} 层：末轮 / 首轮的重构误差`,
              ),
              losses.at(-1)! / losses[0]!,
              0.8,
            ),
          ),
          atMost(
            say("epochs to loss 0.5 from a random start", "随机初值到达损失 0.5 的轮数"),
            first(deep.cold, 0.5),
            60,
          ),
          below(
            say("epochs to loss 0.5, pre-trained / random", "到达损失 0.5 的轮数，预训练 / 随机"),
            ratio(deep, 0.5),
            1,
          ),
          atLeast(
            say(
              "one layer of ReLU, where it does not help: the same",
              "单层 ReLU，预训练无益处：同一比值",
            ),
            ratio(shallow, 0.2),
            1,
          ),
        ],
        plots: [
          plot(
            say("Training loss on 1000 labels", "1000 个标签上的训练损失"),
            [EPOCH, LOSS],
            [
              curve(say("random", "随机"), deep.cold, 1),
              curve(say("pre-trained", "预训练"), deep.warm, 1),
            ],
          ),
        ],
      };
    },
  },
  {
    id: "F16",
    title: say("AdaGrad", "AdaGrad"),
    formula: "r += g²;  Δ = −εg/(δ + √r)",
    expected: say(
      "The steps are those of the formula; the effective rate never rises.",
      "每步与公式一致；有效步长从不上升。",
    ),
    source: "Alg 8.4",
    run: () => {
      const [lr, epsilon] = [0.1, 1e-7];
      const path = follow({ adagrad: { lr, epsilon } }, [1, 2, 3], (_, t) => GRADIENTS[t]!, 12);
      const r = [0, 0, 0];
      const w = [1, 2, 3];
      const rates: number[] = [];
      for (const g of GRADIENTS) {
        g.forEach((own, i) => {
          r[i]! += own * own;
          w[i]! -= (lr * own) / (epsilon + Math.sqrt(r[i]!));
        });
        rates.push(lr / (epsilon + Math.sqrt(r[0]!)));
      }
      return {
        checks: [
          alike(say("after 12 steps", "12 步之后"), path.at(-1)!, w, 1e-14),
          isTrue(
            say("the effective rate falls at each step", "有效步长逐步下降"),
            rates.every((rate, i) => i === 0 || rate < rates[i - 1]!),
          ),
        ],
        plots: [
          plot(
            say("Effective rate", "有效步长"),
            [STEP, say("ε/(δ + √r)")],
            [curve(say("w₁"), rates, 1)],
          ),
        ],
      };
    },
  },
  {
    id: "F17",
    title: say("RMSProp and Adam", "RMSProp 与 Adam"),
    formula: "Δ = −ε ŝ/(√r̂ + δ),  ŝ = s/(1 − ρ₁ᵗ)",
    expected: say(
      "The steps are those of the formulas; Adam's first is ε in size, whatever the gradient.",
      "每步与公式一致；Adam 第一步大小为 ε，与梯度无关。",
    ),
    source: "Alg 8.5–8.7",
    run: () => {
      const rms = follow(
        { rmsprop: { lr: 0.01, decay: 0.9, epsilon: 1e-6 } },
        [1, 2, 3],
        (_, t) => GRADIENTS[t]!,
        12,
      );
      const adam = follow(
        { adam: { lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
        [1, 2, 3],
        (_, t) => GRADIENTS[t]!,
        12,
      );
      const [a, b] = [
        [1, 2, 3],
        [1, 2, 3],
      ];
      const [ra, s, r] = [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ];
      GRADIENTS.forEach((g, t) =>
        g.forEach((own, i) => {
          ra[i] = 0.9 * ra[i]! + 0.1 * own * own;
          a[i]! -= (0.01 * own) / Math.sqrt(1e-6 + ra[i]!);
          s[i] = 0.9 * s[i]! + 0.1 * own;
          r[i] = 0.999 * r[i]! + 0.001 * own * own;
          const [sh, rh] = [s[i]! / (1 - 0.9 ** (t + 1)), r[i]! / (1 - 0.999 ** (t + 1))];
          b[i]! -= (0.01 * sh) / (Math.sqrt(rh) + 1e-8);
        }),
      );
      return {
        checks: [
          alike(say("RMSProp after 12 steps", "RMSProp 12 步之后"), rms.at(-1)!, a, 1e-13),
          alike(say("Adam after 12 steps", "Adam 12 步之后"), adam.at(-1)!, b, 1e-13),
          alike(
            say("|Δ| of Adam's first step", "Adam 第一步的 |Δ|"),
            adam[1]!.map((w, i) => Math.abs(w - adam[0]![i]!)),
            [0.01, 0.01, 0.01],
            1e-8,
          ),
        ],
      };
    },
  },
  {
    id: "F18",
    title: say("Second-order methods", "二阶方法"),
    formula: "θ − (H + αI)⁻¹∇J;  CG;  BFGS, L-BFGS",
    expected: say(
      "On a quadratic of 6 variables Newton takes 1 step, CG at most 6; L-BFGS converges faster than any line.",
      "6 元二次函数上牛顿法 1 步，共轭梯度至多 6 步；L-BFGS 超线性收敛。",
    ),
    source: "8.26–8.33, Alg 8.8, 8.9",
    run: () => {
      const objective = quadratic([1, 2, 5, 10, 40, 100]);
      const start = drawn("F18", 6);
      const newton = minimise({ newton: { damping: 0, tolerance: 1e-9 } }, objective, start, 50);
      const cg = minimise({ cg: { beta: "polakRibiere", tolerance: 1e-6 } }, objective, start, 50);
      const lbfgs = minimise({ lbfgs: { memory: 10, tolerance: 1e-10 } }, objective, start, 100);
      const descent = follow(
        { sgd: { lr: 0.0198 } },
        start,
        (w) => {
          const g = new Float64Array(6);
          objective.evaluate(w, g);
          return g;
        },
        lbfgs.length - 1,
      );
      const sizes = lbfgs.map(({ gradient }) => norm(gradient));
      const ratios = sizes.slice(1).map((size, i) => size / sizes[i]!);
      const half = Math.floor(ratios.length / 2);
      const [early, late] = [ratios.slice(0, half), ratios.slice(half)].map((part) =>
        Math.exp(mean(part.map((ratio) => Math.log(Math.max(ratio, 1e-300))))),
      );
      const rest = descent.map((w) => norm(w.map((v, i) => [1, 2, 5, 10, 40, 100][i]! * (v - 1))));
      return {
        checks: [
          near(say("steps of Newton", "牛顿法步数"), newton.length - 1, 1, 0),
          atMost(say("steps of CG", "共轭梯度步数"), cg.length - 1, 6),
          below(
            say("L-BFGS: mean ratio of gradients, late / early", "L-BFGS：后期 / 前期的平均梯度比"),
            late! / early!,
            1,
          ),
          below(
            say(
              "gradient left, L-BFGS / descent of as many steps",
              "残余梯度，L-BFGS / 同步数梯度下降",
            ),
            sizes.at(-1)! / rest.at(-1)!,
            1e-6,
          ),
        ],
        plots: [
          plot(
            say("Gradient norm", "梯度范数"),
            [STEP, say("‖g‖")],
            [
              curve(say("L-BFGS"), sizes),
              curve(
                say("CG"),
                cg.map(({ gradient }) => Math.sqrt(dot(gradient, gradient))),
              ),
              line(
                say("descent", "梯度下降"),
                rest.map((v, i) => [i, v]),
              ),
            ],
            "y",
          ),
        ],
      };
    },
  },
];
