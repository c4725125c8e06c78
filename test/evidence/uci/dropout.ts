// MC-dropout (Gal and Ghahramani 2016): one hidden layer of 50, dropout before both weight layers,
// 4,000 epochs, Glorot's initial weights as the published code has them; p and tau chosen on 20 % of the training rows, then trained on all of them.
import { buildNetwork, compilePrediction, fold, key, type Key, train } from "@manyfold/core";
import { splitRows } from "@manyfold/data";
import { combine, membersOf, metrics, mixtureNll, truthOf, withNoise } from "@manyfold/ensemble";
import type { Members, Truth } from "@manyfold/ensemble";
import { ModelSpec, RegressionMetrics, TrainSpec } from "@manyfold/protocol";
import { preferredVariant } from "@manyfold/workers";
import { inputsOf, scaledOn, type Scaled, splitOf, type UciSet } from "./data.ts";

const RATES = [0.002, 0.005, 0.01, 0.05];
/** Precisions of the noise, per squared target unit: half octaves. */
const TAUS = Array.from({ length: 27 }, (_, i) => 2 ** (i / 2 - 6));
/** Of the prior over weights; the decay is l^2 (1-p) / (2 N tau). */
const LENGTH_SCALE = 1e-2;
const EPOCHS = 4000;
const BATCH = 128;
const UNITS = 50;

export interface DropoutResult {
  readonly rmse: number;
  /** Mean log density of the test values. */
  readonly logLikelihood: number;
  readonly p: number;
  readonly tau: number;
}

/**
 * The decay's own tau: that of noise a tenth of the target's deviation, per standardised unit. With
 * a length scale of 1e-2 the decay is about 1e-9, so that this choice moves no digit of the table,
 * and one training serves every tau of the likelihood.
 */
const DECAY_TAU = 100;

function trained(scaled: Scaled, rows: Uint32Array, p: number, from: Key) {
  const dropout = { dropout: p };
  const model = ModelSpec.parse({
    layers: [
      dropout,
      { dense: { units: UNITS, activation: "relu", init: "glorotUniform" } },
      dropout,
    ],
  });
  const spec = TrainSpec.parse({
    epochs: EPOCHS,
    batch: BATCH,
    optimizer: "adam",
    regularizers: [{ l2: (LENGTH_SCALE ** 2 * (1 - p)) / (2 * rows.length * DECAY_TAU) }],
  });
  const io = { inputs: scaled.inputs, task: "regression", outputs: 1 } as const;
  const network = buildNetwork(model, io);
  const { x, y } = scaled;
  const outcome = train({ network, spec, variant: preferredVariant(), x, y, rows, key: from });
  if (outcome.status !== "done") throw new Error(`A training ended as ${outcome.status}.`);
  return { network, weights: outcome.weights };
}

type Trained = ReturnType<typeof trained>;

/** Predictions by thinned networks, one mask each for all rows. */
function thinned(
  { network, weights }: Trained,
  scaled: Scaled,
  rows: Uint32Array,
  masks: number,
  from: Key,
): Members {
  const program = compilePrediction(network, { masked: true });
  const x = inputsOf(scaled, rows);
  const predictions = Array.from({ length: masks }, (_, member) => ({
    member,
    values: program.run(weights, x, rows.length, fold(from, "mask", member)),
  }));
  return membersOf(scaled.target, predictions);
}

function likelihood(members: Members, truth: Truth, tau: number): number {
  return -mixtureNll(withNoise(members, [1 / tau]), truth);
}

export function mcDropout(set: UciSet, split: number): DropoutResult {
  const { train: all, test } = splitOf(set, split);
  const from = fold(fold(key(1), set.name), "split", split);
  const inner = splitRows(fold(from, "validation"), all, 0.2);
  const own = scaledOn(set, inner.train);
  const truth = truthOf(own.target, own.y, inner.held);
  let best = { p: 0, tau: 0, value: Number.NEGATIVE_INFINITY };
  for (const [index, p] of RATES.entries()) {
    const net = trained(own, inner.train, p, fold(from, "trial", index));
    const members = thinned(net, own, inner.held, 200, from);
    for (const tau of TAUS) {
      const value = likelihood(members, truth, tau);
      if (value > best.value) best = { p, tau, value };
    }
  }
  const scaled = scaledOn(set, all);
  const net = trained(scaled, all, best.p, fold(from, "final"));
  const members = thinned(net, scaled, test, 2000, from);
  const outer = truthOf(scaled.target, scaled.y, test);
  const none = { spread: new Float64Array(test.length), residualVariance: [1 / best.tau] };
  const scores = metrics(outer, combine({ mean: {} }, members), none);
  return {
    rmse: RegressionMetrics.parse(scores).rmse,
    logLikelihood: likelihood(members, outer, best.tau),
    p: best.p,
    tau: best.tau,
  };
}
