import { key, train } from "@manyfold/core";
import { TrainSpec } from "@manyfold/protocol";
import {
  mean,
  dense,
  drawn,
  errorRate,
  joined,
  networkOf,
  type Sample,
  sampleOf,
  squaredError,
  trained,
  uniform,
  weightsOf,
  above,
  atLeast,
  below,
  type Row,
  say,
} from "../../kit.ts";

export const TARGETS: readonly Row[] = [
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
];

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
