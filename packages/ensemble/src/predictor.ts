import {
  buildNetwork,
  compilePrediction,
  fold,
  ioOf,
  key,
  type Key,
  type Network,
  type PredictionProgram,
} from "@manyfold/core";
import { type EnsembleManifest, ManyfoldError, show } from "@manyfold/protocol";
import { calibrate } from "./calibration.ts";
import { combine } from "./combiners.ts";
import { type Frame, frameOf, type Region, regionOf, requireCoverage } from "./conformal.ts";
import { type MemberPredictions, type Members, membersOf } from "./members.ts";
import { isProbabilistic, type Moments, momentsOf } from "./predictive.ts";
import { gaussianOf, spreadOf } from "./metrics.ts";
import { argmax } from "./probability.ts";

/** What predicting needs besides the networks' weights: a part of an artifact's manifest. */
export type EnsembleDescription = Pick<
  EnsembleManifest,
  | "preprocessing"
  | "model"
  | "models"
  | "members"
  | "seed"
  | "combiner"
  | "memberWeights"
  | "offsets"
  | "calibration"
  | "conformal"
  | "residualVariance"
>;

/** What an ensemble says of one of its further targets: the mean of its members, and how they differ. */
export type HeadPrediction = Pick<
  Prediction,
  "outputs" | "values" | "labels" | "spread" | "moments" | "members"
>;

/** What an ensemble says of some rows. */
export interface Prediction {
  readonly rows: number;
  /** Classes, or target columns. */
  readonly outputs: number;
  /** `[rows, outputs]`: probabilities per class, or values in original target units. */
  readonly values: Float64Array;
  /** `[rows]`, the most probable class (the lower among equals); null for regression. */
  readonly labels: Uint32Array | null;
  /**
   * Disagreement of the members, see {@link spreadOf}. Regression: deviation of their values,
   * `[rows, outputs]`. Classification: deviation of the probability they give the predicted class,
   * `[rows]`.
   */
  readonly spread: Float64Array;
  /**
   * Variance of the predicted distribution at each value, by where it comes from; null where the
   * networks predict values alone.
   */
  readonly moments: Moments | null;
  /** Intervals or sets at the coverage that the experiment asked for; null where it did not. */
  readonly region: Region | null;
  /** What those intervals are around, where that is not `values`; see {@link withCoverage}. */
  readonly frame: Frame | null;
  /** Every member's own prediction. */
  readonly members: Members;
  /** Of each of `model.heads`, in their order. */
  readonly heads: readonly HeadPrediction[];
}

/** Networks that predict together. */
export interface Ensemble {
  readonly description: EnsembleDescription;
  /**
   * Every member's predictions, in member order.
   *
   * @param x encoded rows `[rows, width]`, as `encodeRows` of `@manyfold/data` makes them
   */
  predictMembers(x: Float32Array): Members;
  /** What it says of each of `model.heads`; nothing where there are none. */
  predictHeads(x: Float32Array): readonly HeadPrediction[];
  /** The combined prediction of encoded rows `[rows, width]`. A row's result is its own. */
  predict(x: Float32Array): Prediction;
}

/**
 * The key of a thinned network's dropout mask: one mask for all rows, drawn again whenever it is
 * needed.
 *
 * @param unit number of the task that trained the network
 * @param mask number of the mask among the network's
 */
export function maskKey(seed: number, unit: number, mask: number): Key {
  return fold(fold(key(seed), "network", unit), "mask", mask);
}

/**
 * Puts networks together into an ensemble that predicts: plain float32 per member, float64 when
 * they are combined, so that every machine gives the same bits.
 *
 * @param networks flat weights of each network, in the order of `network.parameters`
 *
 * @example
 * const ensemble = buildEnsemble(description, networks);
 * const { values, spread } = ensemble.predict(encodeRows(description.preprocessing, rows));
 */
export function buildEnsemble(
  description: EnsembleDescription,
  networks: readonly Float32Array[],
): Ensemble {
  const { preprocessing, members, seed, combiner, conformal } = description;
  const fit = { weights: description.memberWeights, offsets: description.offsets ?? null };
  const { target, heads = [], width } = preprocessing;
  const runner = networkRunner(description);

  const predictTarget = (x: Float32Array, side?: number): Members => {
    const rows = rowsIn(x, width);
    const predictions = members.map(
      ({ member, network, unit, mask, features }): MemberPredictions => ({
        member,
        values: runner(
          requireNetwork(networks, network),
          network,
          features === null ? x : selectColumns(x, width, features),
          rows,
          features?.length ?? width,
          mask === null ? null : maskKey(seed, unit, mask),
          side,
        ),
      }),
    );
    if (side === undefined) return membersOf(target, predictions, description.model.output);
    return membersOf(heads[side]!, predictions, description.model.heads?.[side]?.output);
  };
  const predictMembers = (x: Float32Array): Members => predictTarget(x);
  const predictHeads = (x: Float32Array): HeadPrediction[] =>
    heads.map((_, side): HeadPrediction => {
      const members = predictTarget(x, side);
      const values = combine({ mean: {} }, members, { weights: null, offsets: null });
      const moments = isProbabilistic(members) ? momentsOf(members) : null;
      return { outputs: members.outputs, values, moments, members, ...saidOf(members, values) };
    });
  return {
    description,
    predictMembers,
    predictHeads,
    predict: (x) => {
      const all = predictMembers(x);
      const values = calibrate(description.calibration, combine(combiner, all, fit), all.outputs);
      const { rows, outputs } = all;
      const frame = framed(description, all, values);
      const region = conformal === undefined ? null : regionOf(conformal, values, outputs, frame);
      const moments = isProbabilistic(all) ? momentsOf(all) : null;
      const said = { ...saidOf(all, values), members: all, heads: predictHeads(x) };
      return { rows, outputs, values, moments, region, frame, ...said };
    },
  };
}

function framed(
  { conformal, preprocessing, residualVariance }: EnsembleDescription,
  members: Members,
  prediction: Float64Array,
): Frame | null {
  const { target } = preprocessing;
  if (conformal === undefined || target.task === "classification") return null;
  const gaussian = gaussianOf(members, residualVariance);
  const scale = target.columns.map((column) => column.scale);
  return frameOf(conformal, { members, prediction, gaussian, scale });
}

/**
 * The same prediction with intervals or sets of another coverage, from the scores that the artifact
 * keeps.
 *
 * @param coverage default what the experiment asked for
 * @throws ManyfoldError `input` where the artifact has no intervals or sets, or too few rows are
 *   behind them
 *
 * @example
 * withCoverage(ensemble.description, ensemble.predict(x), 0.99).region;
 */
export function withCoverage(
  { conformal }: Pick<EnsembleDescription, "conformal">,
  prediction: Prediction,
  coverage: number | undefined,
): Prediction {
  if (coverage === undefined) return prediction;
  requireCoverage(conformal, coverage);
  const { values, outputs, frame } = prediction;
  return { ...prediction, region: regionOf(conformal, values, outputs, frame, coverage) };
}

/** The network of that number, whose members see `inputs` columns. */
export function networkOf(
  { model, models, preprocessing }: EnsembleDescription,
  inputs: number,
  number: number,
): Network {
  return buildNetwork(models?.[number] ?? model, ioOf(preprocessing, inputs));
}

type Runner = (
  weights: Float32Array,
  /** The network's number. */
  number: number,
  x: Float32Array,
  rows: number,
  inputs: number,
  mask: Key | null,
  side?: number,
) => Float32Array;

/** Rows computed at once: powers of two, so that at most half of a block is computed in vain. */
function blockFor(rows: number): number {
  return Math.min(64, 2 ** Math.ceil(Math.log2(rows)));
}

/** Runs networks; a program is compiled once per model, width, block and kind. */
function networkRunner(description: EnsembleDescription): Runner {
  const programs = new Map<string, PredictionProgram>();
  const models = description.models?.map((model) => JSON.stringify(model));
  return (weights, number, x, rows, inputs, mask, side) => {
    const chunk = blockFor(rows);
    const masked = mask !== null;
    const name = `${inputs} ${chunk} ${masked} ${side} ${models?.[number] ?? ""}`;
    let program = programs.get(name);
    if (program === undefined) {
      const network = networkOf(description, inputs, number);
      program = compilePrediction(network, { masked, chunk, side });
      programs.set(name, program);
    }
    return mask === null ? program.run(weights, x, rows) : program.run(weights, x, rows, mask);
  };
}

function selectColumns(x: Float32Array, width: number, features: readonly number[]): Float32Array {
  const rows = x.length / width;
  const selected = new Float32Array(rows * features.length);
  for (let row = 0, to = 0; row < rows; row++) {
    for (const feature of features) selected[to++] = x[row * width + feature]!;
  }
  return selected;
}

/** Label and spread of a combined prediction. */
function saidOf(members: Members, values: Float64Array): Pick<Prediction, "labels" | "spread"> {
  const spread = spreadOf(members);
  if (members.task === "regression") return { labels: null, spread };
  const { rows, outputs } = members;
  const labels = Uint32Array.from({ length: rows }, (_, row) =>
    argmax(values, row * outputs, outputs),
  );
  return {
    labels,
    spread: Float64Array.from(labels, (label, row) => spread[row * outputs + label]!),
  };
}

function rowsIn(x: Float32Array, width: number): number {
  const rows = x.length / width;
  if (Number.isInteger(rows) && rows > 0) return rows;
  throw new ManyfoldError({
    code: "internal",
    path: "x",
    condition: `at least one row of ${width} encoded inputs`,
    got: show(x.length),
  });
}

function requireNetwork(networks: readonly Float32Array[], index: number): Float32Array {
  const weights = networks[index];
  if (weights !== undefined) return weights;
  throw new ManyfoldError({
    code: "internal",
    path: "members.network",
    condition: `below the number of networks, ${networks.length}`,
    got: show(index),
  });
}
