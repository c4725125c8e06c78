import type { Key } from "@manyfold/core";
import {
  type Conformal,
  type EnsembleManifest,
  ManyfoldError,
  match,
  type SetScore,
} from "@manyfold/protocol";
import { networksOf, openArtifact } from "../artifact.ts";
import { quantilePlace } from "../conformal.ts";
import { outputsOf } from "../members.ts";
import { SMALLEST_DEVIATION } from "../metrics.ts";
import { maskKey, networkOf } from "../predictor.ts";
import { type Builder, createBuilder } from "./builder.ts";
import { writeCalibration, writeCombiner } from "./combiner.ts";
import { writeNetwork } from "./network.ts";
import { writePreprocessing } from "./preprocessing.ts";
import { encodeModel } from "./proto.ts";

/**
 * An artifact as one ONNX model (operator set 19): preprocessing, every member (dropout masks as
 * constants), combiner, calibration and regions. Members compute in float32, all around them in
 * float64, as here; another runtime sums in another order, so its bits are its own.
 *
 * Inputs: one per column, `[rows, 1]`: double for numbers and truths (NaN is missing), text for
 * categories (an empty one is missing). Outputs: `values` `[rows, outputs]`, `spread`, `members`
 * `[members, rows, outputs]`; for classes `label` `[rows]`; where there are any, `low` and `high`
 * `[rows, outputs]`, or `set` `[rows, classes]`.
 *
 * @throws ManyfoldError `artifact` as {@link openArtifact}
 *
 * @example
 * await writeFile("ensemble.onnx", encodeOnnx(manifestBytes, weightsBytes));
 */
export function encodeOnnx(
  manifestBytes: Uint8Array,
  weightsBytes: Uint8Array,
  folder = "artifact",
): Uint8Array {
  const { manifest } = openArtifact(manifestBytes, weightsBytes, folder);
  requireOneHead(manifest, folder);
  const b = createBuilder();
  const x = writePreprocessing(b, manifest.preprocessing);
  const all = writeMembers(b, manifest, networksOf(manifest, weightsBytes, folder), x);
  const { target } = manifest.preprocessing;
  const outputs = outputsOf(target);
  const k = manifest.members.length;
  const classes = target.task === "classification";
  const fit = { weights: manifest.memberWeights, offsets: manifest.offsets ?? null };
  const combined = writeCombiner(manifest.combiner, { b, all, k, outputs, classes }, fit);
  const { calibration, conformal } = manifest;
  const values = calibration === undefined ? combined : writeCalibration(b, calibration, combined);
  const out = (name: string, from: string, type: "double" | "bool", shape: (number | string)[]) => {
    b.op("Identity", [from], {}, name);
    b.output({ name, type, shape });
  };
  out("values", values, "double", ["rows", outputs]);
  out("members", all, "double", [k, "rows", outputs]);
  const spread = writeSpread(b, all, k);
  if (target.task === "regression") out("spread", spread, "double", ["rows", outputs]);
  else {
    const top = b.op("ArgMax", [values], { axis: 1, keepdims: 1 });
    const own = b.op("GatherElements", [spread, top], { axis: 1 });
    out("spread", b.op("Squeeze", [own, b.places(1)]), "double", ["rows"]);
    const names = b.constant({ type: "string", shape: [outputs], values: target.classes });
    b.op("Gather", [names, b.op("Squeeze", [top, b.places(1)])], { axis: 0 }, "label");
    b.output({ name: "label", type: "string", shape: ["rows"] });
  }
  if (conformal !== undefined) {
    for (const [name, region] of writeRegion(b, manifest, conformal, { all, values, spread })) {
      out(name, region, name === "set" ? "bool" : "double", ["rows", outputs]);
    }
  }
  return encodeModel(b.graph(manifest.name), {
    manyfold: manifest.provenance.manyfold,
    weights: manifest.weights.hash,
  });
}

function requireOneHead({ model }: EnsembleManifest, folder: string): void {
  if (model.heads === undefined) return;
  throw new ManyfoldError({
    code: "usage",
    path: `${folder} model.heads`,
    condition: "left out of what is exported to ONNX",
    got: model.heads.map(({ target }) => target).join(", "),
    help: "Such a model would predict the first target alone; manyfold export --format web and manyfold serve predict all.",
  });
}

/** Members' values `[members, rows, outputs]` in double and original units. */
function writeMembers(
  b: Builder,
  manifest: EnsembleManifest,
  networks: readonly Float32Array[],
  x: string,
): string {
  const { preprocessing, members, seed } = manifest;
  const { target, width } = preprocessing;
  const outputs = outputsOf(target);
  const tensors = new Map<number, ReadonlyMap<string, string>>();
  const views = new Map<string, string>();
  const stacked = members.map(({ network: index, unit, mask, features }) => {
    const network = networkOf(manifest, features?.length ?? width, index);
    const weights = networks[index] ?? new Float32Array(0);
    let parameters = tensors.get(index);
    if (parameters === undefined) {
      parameters = new Map(
        network.parameters.tensors.map(({ name, shape, offset, size }) => [
          name,
          b.constant({ type: "float", shape, values: weights.subarray(offset, offset + size) }),
        ]),
      );
      tensors.set(index, parameters);
    }
    const seen = String(features);
    const own =
      views.get(seen) ??
      (features === null ? x : b.op("Gather", [x, b.places(...features)], { axis: 1 }));
    views.set(seen, own);
    const drawn: Key | null = mask === null ? null : maskKey(seed, unit, mask);
    const predicted = writeNetwork(b, network, { x: own, parameters, mask: drawn });
    // Distributions say their means first.
    const point = b.op("Slice", [predicted, b.places(0), b.places(outputs), b.places(1)]);
    const values = b.cast(point, "double");
    const row = (numbers: number[]) =>
      b.constant({ type: "double", shape: [1, numbers.length], values: numbers });
    const original =
      target.task === "classification"
        ? values
        : b.op("Add", [
            b.op("Mul", [values, row(target.columns.map(({ scale }) => scale))]),
            row(target.columns.map(({ offset }) => offset)),
          ]);
    return b.op("Unsqueeze", [original, b.places(0)]);
  });
  return b.op("Concat", stacked, { axis: 0 });
}

/** Deviation over members `[rows, outputs]`; 0 for one. */
function writeSpread(b: Builder, all: string, k: number): string {
  const mean = b.op("ReduceMean", [all, b.places(0)], { keepdims: 1 });
  const apart = b.op("Sub", [all, mean]);
  const squares = b.op("ReduceSum", [b.op("Mul", [apart, apart]), b.places(0)], { keepdims: 0 });
  return b.op("Sqrt", [b.op("Div", [squares, b.scalar(Math.max(1, k - 1))])]);
}

/** Deviation of the predictive Gaussian `[rows, outputs]`; as in `variancesOf`. */
function writeDeviation(b: Builder, manifest: EnsembleManifest, spread: string): string {
  const { preprocessing, residualVariance } = manifest;
  const { target } = preprocessing;
  const columns = target.task === "regression" ? target.columns : [];
  if (residualVariance === null) {
    throw new ManyfoldError({
      code: "usage",
      path: "--format",
      condition: "web where intervals are in proportion to variances that networks predict",
      got: "onnx",
      help: "ONNX has the networks' values alone; ensemble.conformal with score absolute needs no more.",
    });
  }
  const row = (values: readonly number[]) =>
    b.constant({ type: "double", shape: [1, columns.length], values });
  const variance = b.op("Add", [b.op("Mul", [spread, spread]), row(residualVariance)]);
  const least = row(columns.map(({ scale }) => SMALLEST_DEVIATION * scale));
  return b.op("Max", [b.op("Sqrt", [variance]), least]);
}

/** A quantile over members `[rows, outputs]`; as `memberQuantile`. */
function writeQuantile(b: Builder, all: string, k: number, level: number): string {
  const sorted = b.op("TopK", [all, b.places(k)], { axis: 0, largest: 0, sorted: 1 });
  const place = quantilePlace(k, level);
  const below = Math.floor(place);
  const at = (member: number) => {
    const one = [b.places(member), b.places(member + 1), b.places(0)];
    return b.op("Squeeze", [b.op("Slice", [sorted, ...one]), b.places(0)]);
  };
  const [from, to] = [at(below), at(Math.min(k - 1, below + 1))];
  const step = b.op("Mul", [b.op("Sub", [to, from]), b.scalar(place - below)]);
  return b.op("Add", [from, step]);
}

/** Graph values that regions are made of: members, combined prediction, spread. */
interface Said {
  readonly all: string;
  readonly values: string;
  readonly spread: string;
}

function writeRegion(
  b: Builder,
  manifest: EnsembleManifest,
  conformal: Conformal,
  said: Said,
): (readonly [name: string, value: string])[] {
  const outputs = outputsOf(manifest.preprocessing.target);
  const k = manifest.members.length;
  const { values } = said;
  return match<Conformal, (readonly [string, string])[]>(conformal, {
    interval: ({ radius, score, quantiles = [0, 1] }) => {
      const width = b.constant({ type: "double", shape: [1, outputs], values: radius });
      const ends =
        score === "quantile" ? quantiles.map((level) => writeQuantile(b, said.all, k, level)) : [];
      const half =
        score === "normalised"
          ? b.op("Mul", [width, writeDeviation(b, manifest, said.spread)])
          : width;
      const low = b.op("Sub", [ends[0] ?? values, half]);
      const high = b.op("Add", [ends[1] ?? values, half]);
      // Quantiles that are drawn in by more than their distance meet in the middle.
      const middle = b.op("Mul", [b.op("Add", [low, high]), b.scalar(0.5)]);
      return [
        ["low", b.op("Min", [low, middle])],
        ["high", b.op("Max", [high, middle])],
      ];
    },
    set: ({ score, limit }) => {
      const scores = SCORES[score](b, values, outputs);
      const within = b.op("LessOrEqual", [scores, b.scalar(limit)]);
      const top = b.op("ArgMax", [values], { axis: 1, keepdims: 1 });
      const numbers = Array.from({ length: outputs }, (_, i) => i);
      const isTop = b.op("Equal", [top, b.places(...numbers)]);
      return [["set", b.op("Or", [within, isTop])]];
    },
  });
}

/** How little a class fits, `[rows, classes]`; as in conformal.ts. */
const SCORES: { readonly [S in SetScore]: (b: Builder, p: string, classes: number) => string } = {
  threshold: (b, p) => b.op("Sub", [b.scalar(1), p]),
  adaptive: (b, p, classes) => {
    const own = b.op("Unsqueeze", [p, b.places(2)]);
    const other = b.op("Unsqueeze", [p, b.places(1)]);
    const before = Array.from({ length: classes * classes }, (_, at) =>
      Number(at % classes <= Math.floor(at / classes)),
    );
    const lower = b.constant({ type: "bool", shape: [1, classes, classes], values: before });
    const equal = b.op("And", [b.op("Equal", [other, own]), lower]);
    const counts = b.op("Or", [b.op("Greater", [other, own]), equal]);
    const taken = b.op("Where", [counts, other, b.scalar(0)]);
    return b.op("ReduceSum", [taken, b.places(2)], { keepdims: 0 });
  },
};
