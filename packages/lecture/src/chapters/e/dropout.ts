import { elementary, evaluateGraph, fold, key, ops, predict } from "@manyfold/core";
import {
  mean,
  dense,
  digitsOf,
  drawn,
  errorRate,
  inputSlope,
  logLoss,
  networkOf,
  predicted,
  type Sample,
  take,
  trained,
  uniform,
  weightsOf,
  above,
  atLeast,
  atMost,
  below,
  distance,
  type Row,
  say,
} from "../../kit.ts";
import { DIGITS, best } from "./digits.ts";

export const DROPOUT: readonly Row[] = [
  {
    id: "E15",
    title: say("Dropout is nearly bagging of sub-networks", "Dropout 近似于子网络的 bagging"),
    formula: "p̃(y|v) ∝ (Π_d p(y|v, d))^{1/2ⁿ} = softmax(½Wᵀv + b)",
    expected: say(
      "For a softmax layer of 8 inputs the normalised geometric mean over all 256 masks is the net with halved weights, to 1e-12; in a deep net weight scaling is close to the mean over drawn masks.",
      "8 输入 softmax 层在全部 256 个掩码上的归一化几何平均等于权重减半的网络（1e-12）；深层网络中权重缩放接近掩码平均。",
    ),
    source: "7.52–7.66",
    run: ({ digits }) => {
      const [d, k] = [8, 4];
      const [w, b, v] = [drawn("E15 w", d * k), drawn("E15 b", k), drawn("E15 v", d)];
      const logits = (mask: number, by: number) =>
        Array.from(
          { length: k },
          (_, j) =>
            b[j]! +
            v.reduce((sum, own, i) => sum + ((mask >> i) & 1) * by * own * w[i * k + j]!, 0),
        );
      const z = ops.input("z", [k]);
      const logs = (own: number[]) =>
        evaluateGraph({ outputs: { y: ops.logSoftmax(z) } }, { z: own }).y;
      const total = new Float64Array(k);
      for (let mask = 0; mask < 256; mask++)
        logs(logits(mask, 1)).forEach((l, j) => (total[j]! += l / 256));
      const geometric = total.map(elementary.exp);
      const sum = geometric.reduce((a, c) => a + c, 0);
      const halved = logs(logits(255, 0.5)).map(elementary.exp);
      const network = networkOf(
        [dense(64, "relu"), { dropout: 0.5 }, dense(32, "relu"), { dropout: 0.5 }],
        DIGITS,
      );
      const all = digitsOf(digits);
      const [fit, test] = [take(all, 0, 600), take(all, 600, 1000)];
      const weights = weightsOf(
        trained(network, { epochs: 40, batch: 50, optimizer: { adam: { lr: 0.005 } } }, fit, 1),
      );
      const scaled = predicted(network, weights, test);
      const masks = Array.from({ length: 60 }, (_, i) =>
        predict(network, weights, test.x, test.rows, { mask: fold(key(1), "mask", i) }),
      );
      const averaged = scaled.map((_, i) => mean(masks.map((p) => p[i]!)));
      const same = Array.from(
        { length: test.rows },
        (_, row) => best(scaled, row) === best(averaged, row),
      );
      return {
        checks: [
          atMost(
            say("|geometric mean − halved weights|", "|几何平均 − 权重减半|"),
            distance(
              geometric.map((g) => g / sum),
              halved,
            ),
            1e-12,
          ),
          atLeast(
            say(
              "deep net: share of rows where both name one class",
              "深层网络：两者判为同类的比例",
            ),
            mean(same.map(Number)),
            0.95,
          ),
          atMost(
            say("mean difference of probabilities", "概率的平均差"),
            mean(scaled.map((p, i) => Math.abs(p - averaged[i]!))),
            0.05,
          ),
        ],
      };
    },
  },
  {
    id: "E16",
    title: say("Adversarial training", "对抗训练"),
    formula: "x′ = x + ε sign(∇ₓJ)",
    expected: say(
      "Along the gradient's sign the loss rises far more than along random signs; after adversarial training the error there falls, by PGD's attack too.",
      "沿梯度符号方向损失上升远大于随机符号方向；对抗训练后该处误差下降，PGD 攻击下亦然。",
    ),
    source: "§7.13, Fig 7.8",
    run: ({ digits }) => {
      const all = digitsOf(digits);
      const [fit, test] = [take(all, 0, 1000), take(all, 1000, 1300)];
      const network = networkOf([dense(48, "relu")], DIGITS);
      const spec = { epochs: 30, batch: 50, optimizer: { adam: { lr: 0.005 } } } as const;
      const plain = weightsOf(trained(network, spec, fit, 1));
      const hard = weightsOf(trained(network, { ...spec, adversarial: { epsilon: 0.12 } }, fit, 1));
      const attack = (weights: Float32Array, steps: number): Sample => {
        let x = test.x.slice();
        for (let step = 0; step < steps; step++) {
          const slope = inputSlope(network, weights, x, test.y);
          x = x.map((own, i) =>
            Math.min(
              test.x[i]! + 0.12,
              Math.max(test.x[i]! - 0.12, own + (0.12 / Math.min(steps, 4)) * Math.sign(slope[i]!)),
            ),
          );
        }
        return { ...test, x };
      };
      const signs = uniform("E16 signs", test.x.length);
      const random = { ...test, x: test.x.map((own, i) => own + (signs[i]! < 0.5 ? -0.12 : 0.12)) };
      const base = logLoss(network, plain, test);
      const [fgsm, noise] = [
        logLoss(network, plain, attack(plain, 1)) - base,
        logLoss(network, plain, random) - base,
      ];
      const robust = (weights: Float32Array, steps: number) =>
        errorRate(network, weights, attack(weights, steps));
      return {
        checks: [
          above(
            say("loss rises: FGSM / random signs", "损失上升：FGSM / 随机符号"),
            fgsm / Math.max(noise, 1e-3),
            5,
          ),
          below(
            say("error under FGSM, trained on it / not", "FGSM 下误差：对抗训练 / 普通"),
            robust(hard, 1) / robust(plain, 1),
            0.7,
          ),
          below(
            say("error under PGD, the same", "PGD 下误差之比"),
            robust(hard, 8) / robust(plain, 8),
            0.8,
          ),
        ],
      };
    },
  },
];
