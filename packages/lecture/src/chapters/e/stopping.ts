import {
  mean,
  follow,
  curveOf,
  dense,
  drawn,
  joined,
  networkOf,
  type Sample,
  sampleOf,
  squaredError,
  trained,
  uniform,
  weightsOf,
  above,
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

const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;

export const STOPPING: readonly Row[] = [
  {
    id: "E10",
    title: say("Early stopping", "提前终止"),
    formula: "α ≈ 1/(τε);  [I − (I − εΛ)^τ] ≈ (Λ + αI)⁻¹Λ",
    expected: say(
      "The best weights are restored; both retrain variants run on all rows; on a quadratic the path is near the ridge path (.0952 against .0909).",
      "恢复最佳权重；两种用全部数据再训练的变体均可用；二次函数上路径接近岭路径（.0952 对 .0909）。",
    ),
    source: "Alg 7.1–7.3, 7.33–7.45",
    run: () => {
      const [fit, held] = [sine(24, 0.5, "E10"), sine(100, 0.5, "E10 held")];
      const network = networkOf([dense(30, "tanh")], VALUE);
      const run = (finish: "best" | "retrain" | "continue") =>
        trained(
          network,
          {
            epochs: 300,
            batch: 8,
            optimizer: { adam: { lr: 0.02 } },
            earlyStopping: { patience: 40, finish },
          },
          fit,
          1,
          held,
        );
      const outcome = run("best");
      const weights = weightsOf(outcome);
      const { train, held: errors } = curveOf(outcome);
      const least = Math.min(...errors);
      const full = joined(fit, held);
      const [again, on] = [run("retrain"), run("continue")];
      const [a, b] = [again, on].map((one) => squaredError(network, weightsOf(one), full) / 2);
      const path = follow({ sgd: { lr: 0.01 } }, [0], ([w = 0]) => [0.1 * (w - 1)], 100);
      const ridge = (l: number, alpha: number) => l / (l + alpha);
      return {
        checks: [
          near(
            say("held-out loss of the restored weights", "恢复权重的留出损失"),
            squaredError(network, weights, held) / 2,
            least,
            1e-4,
          ),
          below(say("it, against the last epoch's", "与最后一轮之比"), least / errors.at(-1)!, 1),
          near(
            say("quadratic after τ = 100, ελ = .001", "二次函数，τ = 100，ελ = .001"),
            path.at(-1)![0]!,
            0.0952,
            5e-5,
          ),
          near(
            say("ridge with α = 1/(τε)", "α = 1/(τε) 的岭回归"),
            ridge(0.1, 1 / (100 * 0.01)),
            0.0909,
            5e-5,
          ),
          below(
            say("loss on all rows, retrained for i* epochs", "全部数据上的损失：重训 i* 轮"),
            a!,
            squaredError(network, weights, full) / 2,
          ),
          atMost(
            say("loss on all rows, continued", "全部数据上的损失：继续训练"),
            b!,
            squaredError(network, weights, full) / 2,
          ),
        ],
        plots: [
          plot(
            say("Where it stops", "停在何处"),
            [EPOCH, LOSS],
            [curve(say("train", "训练"), train, 1), curve(say("held out", "留出"), errors, 1)],
          ),
        ],
      };
    },
  },
  {
    id: "E10'",
    title: say("Norms kept below a bound", "范数约束"),
    formula: "w ← w · min(1, c/‖w‖)",
    expected: say(
      "After any step no unit's incoming norm exceeds c.",
      "任何一步之后，单元的输入权重范数都不超过 c。",
    ),
    source: "7.25–7.28",
    run: () => {
      const network = networkOf([dense(10, "relu")], { inputs: 3, task: "regression", outputs: 1 });
      const x = drawn("E10' x", 90);
      const sample = sampleOf(
        Array.from({ length: 30 }, (_, i) => Array.from(x.slice(3 * i, 3 * i + 3))),
        drawn("E10' y", 30).map((v) => 5 * v),
      );
      const run = (epochs: number, rest: object) =>
        largestNorm(
          weightsOf(
            trained(
              network,
              { epochs, batch: "all", optimizer: { sgd: { lr: 0.2 } }, ...rest },
              sample,
              1,
            ),
          ),
          3,
          10,
        );
      const steps = Array.from({ length: 30 }, (_, i) =>
        run(i + 1, { regularizers: [{ maxNorm: 0.8 }] }),
      );
      const free = Array.from({ length: 30 }, (_, i) => run(i + 1, {}));
      return {
        checks: [
          atMost(
            say("largest norm after each of 30 steps, c = 0.8", "30 步中每步后的最大范数，c = 0.8"),
            Math.max(...steps),
            0.8 * (1 + 1e-6),
          ),
          above(say("without the constraint", "无约束"), Math.max(...free), 0.8),
        ],
        plots: [
          plot(
            say("Largest incoming norm", "最大输入范数"),
            [say("step", "步"), say("‖w‖")],
            [curve(say("c = 0.8"), steps, 1), curve(say("free", "无约束"), free, 1)],
          ),
        ],
      };
    },
  },
];

/** A noisy sine, for rows that overfit. */
function sine(n: number, noise: number, name: string): Sample {
  const xs = uniform(`${name} x`, n).map((u) => 2 * u - 1);
  const e = drawn(`${name} e`, n);
  return sampleOf(
    Array.from(xs, (x) => [x]),
    xs.map((x, i) => Math.sin(3 * x) + noise * e[i]!),
  );
}

/** Largest incoming norm of the hidden units. */
function largestNorm(weights: Float32Array, inputs: number, units: number): number {
  return Math.max(
    ...Array.from({ length: units }, (_, j) =>
      Math.sqrt(
        mean(Array.from({ length: inputs }, (_unused, i) => weights[i * units + j]! ** 2)) * inputs,
      ),
    ),
  );
}
