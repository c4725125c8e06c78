import { type Calibration, type Combiner, match } from "@manyfold/protocol";
import { weightingOf } from "../combiners.ts";
import type { Builder } from "./builder.ts";

/** What is combined: members' values `[members, rows, outputs]` in double. */
interface Given {
  readonly b: Builder;
  readonly all: string;
  readonly k: number;
  readonly outputs: number;
  readonly classes: boolean;
  readonly weights: readonly number[];
  readonly offsets: readonly number[];
}

/** Least probability whose logarithm is taken, as in `logProbability`. */
const SMALLEST = 1e-15;

const logs = ({ b }: Given, p: string) => b.op("Log", [b.op("Max", [p, b.scalar(SMALLEST)])]);

function total(b: Builder, values: string, axis: number, keep = 0): string {
  return b.op("ReduceSum", [values, b.places(axis)], { keepdims: keep });
}

/** Probabilities divided by their sum. */
function normalised(b: Builder, values: string): string {
  return b.op("Div", [values, total(b, values, 1, 1)]);
}

function weighted({ b, k, weights }: Given, values: string): string {
  const shares = b.constant({ type: "double", shape: [k, 1, 1], values: weights });
  return total(b, b.op("Mul", [values, shares]), 0);
}

function plainMean({ b, all }: Given): string {
  return b.op("ReduceMean", [all, b.places(0)], { keepdims: 0 });
}

function trimmed(given: Given, fraction: number): string {
  const { b, all, k, classes } = given;
  const cut = Math.min(Math.floor(fraction * k), (k - 1) >> 1);
  const sorted = b.op("TopK", [all, b.places(k)], { axis: 0, largest: 0, sorted: 1 });
  const kept = b.op("Slice", [sorted, b.places(cut), b.places(k - cut), b.places(0)]);
  const mean = b.op("ReduceMean", [kept, b.places(0)], { keepdims: 0 });
  if (!classes) return mean;
  const sum = total(b, mean, 1, 1);
  const none = b.op("Equal", [sum, b.scalar(0)]);
  const safe = b.op("Where", [none, b.scalar(1), sum]);
  return b.op("Where", [none, plainMean(given), b.op("Div", [mean, safe])]);
}

function vote(given: Given): string {
  const { b, all, outputs, k } = given;
  const chosen = b.op("ArgMax", [all], { axis: 2, keepdims: 1 });
  const numbers = Array.from({ length: outputs }, (_, i) => i);
  const hits = b.cast(b.op("Equal", [chosen, b.places(...numbers)]), "double");
  return b.op("Div", [total(b, hits, 0), b.scalar(k)]);
}

function logPool(given: Given): string {
  const { b, all, offsets, outputs } = given;
  const shift = b.constant({ type: "double", shape: [1, outputs], values: offsets });
  const sum = b.op("Add", [weighted(given, logs(given, all)), shift]);
  return b.op("Softmax", [sum], { axis: 1 });
}

function signedMean(given: Given): string {
  const { b, all, classes } = given;
  const mean = weighted(given, all);
  return classes ? normalised(b, b.op("Max", [mean, b.scalar(0)])) : mean;
}

function stacked(given: Given): string {
  if (given.classes) return logPool(given);
  const { b, all, offsets, outputs } = given;
  const shift = b.constant({ type: "double", shape: [1, outputs], values: offsets });
  return b.op("Add", [weighted(given, all), shift]);
}

/** Writes the combined prediction `[rows, outputs]` in double; as `combine` for complete rows. */
export function writeCombiner(
  combiner: Combiner,
  given: Omit<Given, "weights" | "offsets">,
  fit: { readonly weights: readonly number[] | null; readonly offsets: readonly number[] | null },
): string {
  const { k, outputs } = given;
  const { weights: has, signed } = weightingOf(combiner);
  const own = fit.weights ?? [];
  const sum = own.reduce((a, c) => a + c, 0);
  const even = Array.from({ length: k }, () => 1 / k);
  const weights = !has ? even : signed ? own : sum > 0 ? own.map((one) => one / sum) : even;
  const offsets = fit.offsets ?? Array.from({ length: outputs }, () => 0);
  const all: Given = { ...given, weights, offsets };
  return match<Combiner, string>(combiner, {
    mean: () => plainMean(all),
    weighted: () => weighted(all, all.all),
    median: () => trimmed(all, 0.5),
    vote: () => vote(all),
    trimmed: ({ fraction }) => trimmed(all, fraction),
    geometric: () => logPool(all),
    nnls: () => weighted(all, all.all),
    minimumVariance: () => signedMean(all),
    greedy: () => weighted(all, all.all),
    stacking: () => stacked(all),
  });
}

/** Writes the calibrated probabilities `[rows, classes]`. */
export function writeCalibration(b: Builder, calibration: Calibration, p: string): string {
  return match<Calibration, string>(calibration, {
    temperature: ({ temperature }) => {
      const log = b.op("Log", [b.op("Max", [p, b.scalar(SMALLEST)])]);
      return b.op("Softmax", [b.op("Mul", [log, b.scalar(1 / temperature)])], { axis: 1 });
    },
    isotonic: ({ curves }) => {
      const heights = curves.map(({ from, to }, cls) => {
        const x = b.op("Slice", [p, b.places(cls), b.places(cls + 1), b.places(1)]);
        const spans = from.slice(1).map((end, i) => end - (from[i] ?? end));
        const slopes = spans.map((span, i) => ((to[i + 1] ?? 0) - (to[i] ?? 0)) / span);
        const first = b.scalar(to[0] ?? 0);
        if (spans.length === 0) return b.op("Add", [b.op("Mul", [x, b.scalar(0)]), first]);
        const row = (values: readonly number[]) =>
          b.constant({ type: "double", shape: [1, values.length], values });
        // The way along each piece, from 0 to its whole length.
        const way = b.op("Max", [b.op("Sub", [x, row(from.slice(0, -1))]), b.scalar(0)]);
        const along = b.op("Min", [way, row(spans)]);
        const rise = total(b, b.op("Mul", [along, row(slopes)]), 1, 1);
        return b.op("Add", [rise, first]);
      });
      return normalised(b, b.op("Concat", heights, { axis: 1 }));
    },
  });
}
