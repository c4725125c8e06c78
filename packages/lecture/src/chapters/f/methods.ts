import { minimise } from "@manyfold/core";
import {
  dot,
  mean,
  norm,
  follow,
  drawn,
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
import { quadratic } from "./quadratic.ts";

const GRADIENTS = Array.from({ length: 12 }, (_, t) => Array.from(drawn("gradients", 3, t)));

export const METHODS: readonly Row[] = [
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
