import {
  norm,
  dense,
  digitsOf,
  drawn,
  lossAndGradient,
  networkOf,
  take,
  trained,
  weightsOf,
  atMost,
  below,
  distance,
  near,
  type Row,
  say,
} from "../../kit.ts";
import { DIGITS } from "./digits.ts";

export const SHARING: readonly Row[] = [
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
];
