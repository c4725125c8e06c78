import { elementary, evaluateGraph, fold, key, ops, predict, train } from "@manyfold/core";
import { drawRows } from "@manyfold/data";
import { analyse, lawError } from "@manyfold/ensemble";
import { TrainSpec } from "@manyfold/protocol";
import { mean, norm } from "../algebra.ts";
import { follow } from "../descend.ts";
import {
  curveOf,
  dense,
  digitsOf,
  drawn,
  errorRate,
  inputSlope,
  joined,
  logLoss,
  lossAndGradient,
  networkOf,
  predicted,
  type Sample,
  sampleOf,
  squaredError,
  take,
  trained,
  uniform,
  weightsOf,
} from "../networks.ts";
import {
  above,
  atLeast,
  atMost,
  below,
  curve,
  distance,
  EPOCH,
  line,
  LOSS,
  near,
  plot,
  type Row,
} from "../row.ts";
import { say } from "../text.ts";

const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;
const DIGITS = { inputs: 64, task: "classification", outputs: 10 } as const;

/** Two half circles, rows in turn. */
function moons(n: number, seed: number): Sample {
  const u = uniform("moons", n, seed);
  const e = drawn("moons noise", 2 * n, seed);
  const rows = Array.from({ length: n }, (_, i) => {
    const angle = Math.PI * u[i]!;
    const [a, b] = [Math.cos(angle), Math.sin(angle)];
    const at = i % 2 === 0 ? [a, b] : [1 - a, 0.5 - b];
    return at.map((v, j) => v + 0.07 * e[2 * i + j]!);
  });
  return sampleOf(
    rows,
    rows.map((_, i) => i % 2),
  );
}

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

export const ENSEMBLES: readonly Row[] = [
  {
    id: "E8",
    title: say("Semi-supervised learning", "半监督学习"),
    formula: "P(x) and P(y|x) share parameters; pseudo-labels",
    expected: say(
      "Two moons, 10 labels and 400 rows without: virtual adversarial training on both beats the supervised network of as many steps.",
      "双月数据，10 个标签与 400 个无标签样本：同时利用两者的虚拟对抗训练胜过步数相同的纯监督网络。",
    ),
    source: "§7.6",
    run: () => {
      const network = networkOf([dense(32, "relu"), dense(32, "relu")], {
        inputs: 2,
        task: "classification",
        outputs: 2,
      });
      const spec = { epochs: 60, batch: 64, optimizer: { adam: { lr: 0.01 } } } as const;
      const errors = [1, 2, 3].map((seed) => {
        const [labelled, other, test] = [
          moons(10, seed),
          moons(400, seed + 10),
          moons(400, seed + 20),
        ];
        // An epoch on both has 800 visits, 13 batches; one on ten rows is a batch.
        const alone = trained(network, { ...spec, epochs: 13 * 60 }, labelled, seed);
        const both = train({
          network,
          spec: TrainSpec.parse({ ...spec, semi: "vat" }),
          variant: "wasm-plain",
          x: joined(labelled, other).x,
          // Nothing to learn from where there is no label.
          y: Float32Array.from([...labelled.y, ...other.y.map(() => NaN)]),
          rows: Uint32Array.from({ length: labelled.rows }, (_, i) => i),
          unlabelled: Uint32Array.from({ length: other.rows }, (_, i) => labelled.rows + i),
          key: key(seed),
        });
        return [alone, both].map((outcome) => errorRate(network, weightsOf(outcome), test));
      });
      const [alone, both] = [mean(errors.map(([a]) => a!)), mean(errors.map(([, b]) => b!))];
      return {
        checks: [
          above(say("error, 10 labels alone", "误差，仅 10 个标签"), alone, 0.02),
          below(
            say(
              "error with 400 rows without a label / alone",
              "加 400 个无标签样本 / 仅标签的误差",
            ),
            both / alone,
            0.7,
          ),
        ],
      };
    },
  },
  {
    id: "E9",
    title: say("Multi-task learning", "多任务学习"),
    formula: "shared trunk h, heads ŷₜ = wₜᵀh",
    expected: say(
      "Few rows of related tasks: one trunk for all beats separate networks; on unrelated tasks there is no such gain.",
      "样本少而任务相关时，共享主干优于分开的网络；任务无关时没有这样的收益。",
    ),
    source: "§7.7",
    run: () => {
      const [n, tasks, inputs] = [30, 8, 6];
      const run = (related: boolean) => {
        const total = n + 300;
        const x = drawn("E9 x", total * inputs);
        const rows = Array.from({ length: total }, (_, i) =>
          Array.from(x.slice(i * inputs, (i + 1) * inputs)),
        );
        const shared = drawn("E9 shared", inputs);
        const own = drawn("E9 own", tasks * inputs);
        const noise = drawn("E9 noise", total * tasks);
        const y = rows.map((row, i) =>
          Array.from({ length: tasks }, (_, t) => {
            const along = row.reduce(
              (sum, v, j) => sum + v * 0.6 * (related ? shared[j]! : own[t * inputs + j]!),
              0,
            );
            return Math.sin(along) * (related ? 1 - 0.1 * t : 1) + 0.5 * noise[i * tasks + t]!;
          }),
        );
        const spec = {
          epochs: 200,
          batch: 12,
          optimizer: { adam: { lr: 0.01 } },
          regularizers: [{ l2: 0.01 }],
        };
        const part = (from: number, to: number, columns: number[]) =>
          sampleOf(
            rows.slice(from, to),
            y.slice(from, to).flatMap((row) => columns.map((t) => row[t]!)),
          );
        const all = Array.from({ length: tasks }, (_, t) => t);
        const one = networkOf([dense(8, "tanh")], { inputs, task: "regression", outputs: tasks });
        const together = squaredError(
          one,
          weightsOf(trained(one, spec, part(0, n, all), 1)),
          part(n, total, all),
        );
        const single = networkOf([dense(8, "tanh")], { inputs, task: "regression", outputs: 1 });
        const apart = mean(
          all.map((t) =>
            squaredError(
              single,
              weightsOf(trained(single, spec, part(0, n, [t]), 1)),
              part(n, total, [t]),
            ),
          ),
        );
        return together / apart;
      };
      return {
        checks: [
          below(
            say("related: error shared / separate", "相关：共享 / 分开的误差"),
            run(true),
            0.95,
          ),
          atLeast(say("unrelated: the same", "无关：同一比值"), run(false), 0.95),
        ],
      };
    },
  },
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
  {
    id: "E11",
    title: say("Tying and sharing parameters", "参数绑定与共享"),
    formula: "Ω = ‖w_A − w_B‖²;  or w_A ≡ w_B",
    expected: say(
      "The distance of tied parameters shrinks as the weight grows; a shared tensor is one, and its gradient is the sum of its uses.",
      "绑定越强距离越小；共享张量只有一份，其梯度为各次使用之和。",
    ),
    source: "§7.9",
    run: () => {
      const network = networkOf([dense(3, "identity"), dense(3, "identity")], {
        inputs: 3,
        task: "regression",
        outputs: 3,
      });
      const places = (["layers.0", "layers.1"] as const).map(
        (layer) =>
          network.parameters.tensors.find(({ name }) => name === `${layer}.dense.weight`)!.offset,
      );
      const apartIn = (w: ArrayLike<number>) => {
        const [at, other] = places.map((from) => Array.from(w).slice(from, from + 9));
        return norm(at!.map((v, i) => v - other![i]!));
      };
      const strengths = [0, 0.03, 0.3, 3];
      const sample = {
        x: Float32Array.from(drawn("E11 rows", 120)),
        y: Float32Array.from(drawn("E11 targets", 120)),
        rows: 40,
      };
      const apart = strengths.map((strength) => {
        const tie = { tie: { between: ["layers.0", "layers.1"], strength } };
        const spec = { epochs: 200, batch: "all", optimizer: { sgd: { lr: 0.05 } } } as const;
        const regularizers = strength > 0 ? [tie] : [];
        return apartIn(weightsOf(trained(network, { ...spec, regularizers }, sample, 1)));
      });
      const shared = networkOf([dense(4, "tanh"), dense(4, "tanh", { share: "layers.0" })], {
        inputs: 4,
        task: "regression",
        outputs: 1,
      });
      const free = networkOf([dense(4, "tanh"), dense(4, "tanh")], {
        inputs: 4,
        task: "regression",
        outputs: 1,
      });
      const w = drawn("E11 w", shared.parameters.size);
      const doubled = [...w.slice(0, 20), ...w.slice(0, 16), ...w.slice(20)];
      const [x, y] = [drawn("E11 x", 12), drawn("E11 y", 3)];
      const one = lossAndGradient(shared, w, x, y).gradient.slice(0, 16);
      const two = lossAndGradient(free, doubled, x, y).gradient;
      return {
        checks: [
          ...strengths
            .slice(1)
            .map((strength, i) =>
              below(
                say(
                  `distance of trained weights, tie of ${strength} / of ${strengths[i]!}`,
                  `训练后权重的距离，绑定强度 ${strength} / ${strengths[i]!}`,
                ),
                apart[i + 1]! / apart[i]!,
                0.9,
              ),
            ),
          atMost(
            say("|shared gradient − sum of two|", "|共享梯度 − 两份之和|"),
            distance(
              one,
              one.map((_, i) => two[i]! + two[20 + i]!),
            ),
            1e-15,
          ),
          near(
            say("numbers saved by sharing", "共享省去的参数"),
            free.parameters.size - shared.parameters.size,
            16,
            0,
          ),
        ],
      };
    },
  },
  {
    id: "E12",
    title: say("Sparse representations", "稀疏表示"),
    formula: "J̃ = J + αΩ(h)",
    expected: say(
      "The share of active units falls with α, layer by layer.",
      "活跃单元比例逐层随 α 下降。",
    ),
    source: "7.46–7.49",
    run: ({ digits }) => {
      const network = networkOf([dense(48, "relu"), dense(32, "relu")], DIGITS);
      const fit = take(digitsOf(digits), 0, 400);
      const active = [0, 0.003, 0.02].map((alpha) => {
        const outcome = trained(
          network,
          {
            epochs: 15,
            batch: 40,
            optimizer: { adam: { lr: 0.005 } },
            probes: { every: 14 },
            ...(alpha > 0 ? { sparsity: { alpha } } : {}),
          },
          fit,
          1,
        );
        return outcome.status === "done"
          ? (outcome.curve
              .findLast(({ probes }) => probes)
              ?.probes?.layers.map((layer) => layer.active ?? NaN) ?? [])
          : [];
      });
      return {
        checks: [0, 1].flatMap((layer) => [
          below(
            say(
              `layer ${layer + 1}: active at α = .003 / 0`,
              `第 ${layer + 1} 层：α = .003 / 0 的活跃比例`,
            ),
            active[1]![layer]! / active[0]![layer]!,
            1,
          ),
          below(
            say(`at α = .02 / .003`, `α = .02 / .003`),
            active[2]![layer]! / active[1]![layer]!,
            1,
          ),
        ]),
      };
    },
  },
  {
    id: "E13",
    title: say("The law of an ensemble's error", "集成误差定律"),
    formula: "E[(1/k Σεᵢ)²] = v/k + (k − 1)/k · c",
    expected: say(
      "An identity to 1e-12 on any residuals; c = v gives no gain, c = 0 gives 1/k; v = 1, c = .2, k = 5 give .36.",
      "对任意残差为恒等式（1e-12）；c = v 无收益，c = 0 得 1/k；v = 1、c = .2、k = 5 得 .36。",
    ),
    source: "7.50, 7.51",
    run: () => {
      const gaps = Array.from({ length: 20 }, (_, seed) => {
        const [k, rows] = [2 + (seed % 7), 50];
        const truth = drawn("E13 y", rows, seed);
        const members = Array.from({ length: k }, (_unused, member) => ({
          member,
          values: drawn("E13 e", rows, seed * 10 + member),
        }));
        const analysis = analyse(
          { task: "regression", rows, outputs: 1, members },
          { task: "regression", rows, targets: 1, values: truth, scale: [1] },
          "test",
        );
        return Math.abs(analysis.identityGap) / Math.max(1, analysis.v);
      });
      return {
        checks: [
          atMost(
            say("largest gap over 20 residual matrices", "20 个残差矩阵的最大差"),
            Math.max(...gaps),
            1e-12,
          ),
          near(say("v = 1, c = .2, k = 5"), lawError(1, 0.2, 5), 0.36, 1e-15),
          near(say("c = v = 1, k = 9"), lawError(1, 1, 9), 1, 1e-15),
          near(say("c = 0, v = 1, k = 9"), lawError(1, 0, 9), 1 / 9, 1e-15),
        ],
        plots: [
          plot(
            say("Error over k", "误差随 k"),
            [say("k"), say("E")],
            [0, 0.2, 0.5, 1].map((c) =>
              line(
                say(`c = ${c}`),
                Array.from({ length: 20 }, (_, i) => [i + 1, lawError(1, c, i + 1)]),
              ),
            ),
          ),
        ],
      };
    },
  },
  {
    id: "E14",
    title: say("Bagging", "Bagging"),
    formula: "1 − (1 − 1/n)ⁿ → 0.632",
    expected: say(
      "The share of different rows tends to .632; draws are seeds that give the same rows again; the out-of-bag estimate tracks the test error.",
      "不同样本的比例趋于 .632；抽样由种子重现；袋外估计跟踪测试误差。",
    ),
    source: "§7.11",
    run: ({ digits }) => {
      const all = digitsOf(digits);
      const [fit, test] = [take(all, 0, 700), take(all, 700, all.rows)];
      const rows = Uint32Array.from({ length: fit.rows }, (_, i) => i);
      const draws = Array.from({ length: 12 }, (_, member) =>
        drawRows(
          {
            seed: 1,
            fold: 0,
            repeat: 0,
            member,
            draw: { sample: { bootstrap: { fraction: 1 } }, features: 1 },
          },
          rows,
          64,
        ),
      );
      const again = drawRows(
        {
          seed: 1,
          fold: 0,
          repeat: 0,
          member: 3,
          draw: { sample: { bootstrap: { fraction: 1 } }, features: 1 },
        },
        rows,
        64,
      );
      const network = networkOf([dense(32, "relu")], DIGITS);
      const inBag = (draw: (typeof draws)[0]): Sample => ({
        x: Float32Array.from(
          Array.from(draw.rows).flatMap((row) =>
            Array.from(fit.x.subarray(64 * row, 64 * row + 64)),
          ),
        ),
        y: Float32Array.from(draw.rows, (row) => fit.y[row]!),
        rows: draw.rows.length,
      });
      const members = draws.map((draw, i) =>
        weightsOf(
          trained(
            network,
            { epochs: 20, batch: 50, optimizer: { adam: { lr: 0.01 } } },
            inBag(draw),
            i,
          ),
        ),
      );
      const out = new Float64Array(fit.rows * 10);
      const tested = new Float64Array(test.rows * 10);
      members.forEach((weights, m) => {
        const p = predicted(network, weights, fit);
        for (const row of draws[m]!.oob)
          for (let c = 0; c < 10; c++) out[row * 10 + c]! += p[row * 10 + c]!;
        predicted(network, weights, test).forEach((v, i) => (tested[i]! += v));
      });
      const wrong = (sum: Float64Array, y: Float32Array, of: number[]) =>
        mean(
          of.map((row) =>
            Array.from(sum.slice(row * 10, row * 10 + 10)).reduce(
              (best, v, c, own) => (v > own[best]! ? c : best),
              0,
            ) === y[row]
              ? 0
              : 1,
          ),
        );
      const seen = Array.from(rows).filter((row) => draws.some(({ oob }) => oob.includes(row)));
      const unique = mean(draws.map((draw) => new Set(draw.rows).size / fit.rows));
      return {
        checks: [
          near(
            say("share of different rows", "不同样本的比例"),
            unique,
            1 - (1 - 1 / fit.rows) ** fit.rows,
            0.01,
          ),
          near(
            say("rows of a draw made again, difference", "重抽同一抽样的差异"),
            distance(again.rows, draws[3]!.rows),
            0,
            0,
          ),
          near(
            say("out-of-bag error − test error", "袋外误差 − 测试误差"),
            wrong(out, fit.y, seen) -
              wrong(
                tested,
                test.y,
                Array.from({ length: test.rows }, (_, i) => i),
              ),
            0,
            0.035,
          ),
        ],
      };
    },
  },
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

function best(p: Float32Array, row: number): number {
  return Array.from(p.slice(row * 10, row * 10 + 10)).reduce(
    (most, v, c, own) => (v > own[most]! ? c : most),
    0,
  );
}
