// Deep ensembles (Lakshminarayanan, Pritzel and Blundell 2017): five networks with Gaussian heads,
// 40 epochs, batch 100, Adam whose rate falls to 0 along a cosine, Glorot initial weights; the rate is
// searched on 20 % of the training rows.
import { buildNetwork, fold, key, type Key, predict, train } from "@manyfold/core";
import { splitRows } from "@manyfold/data";
import { combine, gaussianOf, membersOf, metrics, truthOf } from "@manyfold/ensemble";
import type { Members } from "@manyfold/ensemble";
import { ModelSpec, RegressionMetrics, TrainSpec } from "@manyfold/protocol";
import { preferredVariant } from "@manyfold/workers";
import { inputsOf, scaledOn, type Scaled, splitOf, type UciSet } from "./data.ts";

const MEMBERS = 5;
const RATES = [0.01, 0.02, 0.03, 0.05, 0.1];
const EPOCHS = 40;
const BATCH = 100;

const model = ModelSpec.parse({
  layers: [{ dense: { units: 50, activation: "relu", init: "glorotUniform" } }],
  output: { gaussian: { minVariance: 1e-6 } },
});

export interface DeepResult {
  readonly rmse: number;
  /** Mean log density of the test values under the Gaussian of the mixture's moments. */
  readonly logLikelihood: number;
  /** The same under the mixture itself. */
  readonly mixtureLogLikelihood: number;
  readonly lr: number;
}

/** Members that differ by initial weights and order of rows, and what they say of other rows. */
function ensembleOn(
  scaled: Scaled,
  rows: Uint32Array,
  asked: Uint32Array,
  lr: number,
  from: Key,
): Members {
  const spec = TrainSpec.parse({
    epochs: EPOCHS,
    batch: BATCH,
    optimizer: { adam: { lr } },
    schedule: { cosine: {} },
  });
  const io = { inputs: scaled.inputs, task: "regression", outputs: 1 } as const;
  const network = buildNetwork(model, io);
  const { x, y } = scaled;
  const predictions = Array.from({ length: MEMBERS }, (_, member) => {
    const own = fold(from, "member", member);
    const outcome = train({ network, spec, variant: preferredVariant(), x, y, rows, key: own });
    if (outcome.status !== "done") throw new Error(`A training ended as ${outcome.status}.`);
    const values = predict(network, outcome.weights, inputsOf(scaled, asked), asked.length);
    return { member, values };
  });
  return membersOf(scaled.target, predictions, model.output);
}

function scored(members: Members, scaled: Scaled, rows: Uint32Array): RegressionMetrics {
  const truth = truthOf(scaled.target, scaled.y, rows);
  const combined = combine({ mean: {} }, members);
  return RegressionMetrics.parse(metrics(truth, combined, gaussianOf(members, null)));
}

export function deepEnsemble(set: UciSet, split: number): DeepResult {
  const { train: all, test } = splitOf(set, split);
  const from = fold(fold(key(2), set.name), "split", split);
  const inner = splitRows(fold(from, "validation"), all, 0.2);
  const own = scaledOn(set, inner.train);
  let best = { lr: 0, nll: Number.POSITIVE_INFINITY };
  for (const [index, lr] of RATES.entries()) {
    const members = ensembleOn(own, inner.train, inner.held, lr, fold(from, "trial", index));
    const { nll } = scored(members, own, inner.held);
    if (nll < best.nll) best = { lr, nll };
  }
  const scaled = scaledOn(set, all);
  const members = ensembleOn(scaled, all, test, best.lr, fold(from, "final"));
  const { rmse, nll, mixtureNll = Number.NaN } = scored(members, scaled, test);
  return { rmse, logLikelihood: -nll, mixtureLogLikelihood: -mixtureNll, lr: best.lr };
}
