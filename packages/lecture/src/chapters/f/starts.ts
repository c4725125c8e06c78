import {
  variance,
  curveOf,
  dense,
  digitsOf,
  drawn,
  networkOf,
  outputsOf,
  started,
  take,
  trained,
  weightsOf,
  above,
  atLeast,
  atMost,
  below,
  curve,
  EPOCH,
  LOSS,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";

const DIGITS = { inputs: 64, task: "classification", outputs: 10 } as const;

export const STARTS: readonly Row[] = [
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
];

/** Spread of what leaves each layer, for F14. */
function spreads(
  layers: readonly unknown[],
  inputs: number,
  seed: number,
  weights: ArrayLike<number>,
): number[] {
  const network = networkOf(layers, { inputs, task: "regression", outputs: 1 });
  return outputsOf(network, weights, drawn("spread x", inputs * 64, seed))
    .slice(0, -1)
    .map((h) => variance(h));
}
