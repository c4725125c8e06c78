import { drawRows } from "@manyfold/data";
import { analyse, lawError } from "@manyfold/ensemble";
import {
  mean,
  dense,
  digitsOf,
  drawn,
  networkOf,
  predicted,
  type Sample,
  take,
  trained,
  weightsOf,
  atMost,
  distance,
  line,
  near,
  plot,
  type Row,
  say,
} from "../../kit.ts";
import { DIGITS } from "./digits.ts";

export const ENSEMBLES: readonly Row[] = [
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
];
