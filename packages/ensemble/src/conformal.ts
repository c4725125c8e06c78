import {
  type Conformal,
  type EnsembleSpec,
  type IntervalScore,
  ManyfoldError,
  match,
  type RegionScores,
  type SetScore,
} from "@manyfold/protocol";
import type { Members, Truth } from "./members.ts";
import { type GaussianSpread, variancesOf } from "./metrics.ts";
import { argmax } from "./probability.ts";

/** What should hold the truth of some rows. */
export type Region =
  | {
      readonly kind: "interval";
      readonly coverage: number;
      /** `[rows, targets]`, target units. */
      readonly low: Float64Array;
      readonly high: Float64Array;
    }
  | {
      readonly kind: "set";
      readonly coverage: number;
      /** `[rows, classes]`, 1 where the class is in the set; never empty. */
      readonly classes: Uint8Array;
    };

/** What intervals are drawn around, `[rows, targets]` each, target units. */
export interface Frame {
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Deviations that widths are in proportion to; null where all rows have one width. */
  readonly scale: Float64Array | null;
}

/** What a frame is made of. */
export interface Framed {
  readonly members: Members;
  /** The combined prediction `[rows, targets]`. */
  readonly prediction: Float64Array;
  readonly gaussian: GaussianSpread;
  /** Of the target columns. */
  readonly scale: readonly number[];
}

type Settings = NonNullable<EnsembleSpec["conformal"]>;
type Levels = readonly [low: number, high: number];

/** What an interval of each score is around. */
const FRAMES: { readonly [S in IntervalScore]: (of: Framed, levels: Levels) => Frame } = {
  absolute: ({ prediction }) => ({ low: prediction, high: prediction, scale: null }),
  normalised: ({ prediction, gaussian, scale }) => ({
    low: prediction,
    high: prediction,
    scale: variancesOf({ scale, targets: scale.length }, gaussian).map(Math.sqrt),
  }),
  quantile: ({ members }, [low, high]) => {
    const ends = [low, high].map((level) => memberQuantile(members, level));
    return { low: ends[0]!, high: ends[1]!, scale: null };
  },
};

/** How little a class fits a row's probabilities, which begin at `at`. */
const SCORES: {
  readonly [S in SetScore]: (p: Float64Array, at: number, classes: number, cls: number) => number;
} = {
  threshold: (p, at, _, cls) => 1 - p[at + cls]!,
  // Total of the class and of all more probable ones; the lower class first among equals.
  adaptive: (p, at, classes, cls) => {
    const own = p[at + cls]!;
    let total = own;
    for (let other = 0; other < classes; other++) {
      const value = p[at + other]!;
      if (value > own || (value === own && other < cls)) total += value;
    }
    return total;
  },
};

/** Scores that a task's regions can be made of; the first is the default. */
export const REGION_SCORES = {
  regression: ["absolute", "normalised", "quantile"],
  classification: ["threshold", "adaptive"],
} as const satisfies Record<Truth["task"], readonly string[]>;

/**
 * The place, from 1, of the score that bounds a new row's with a coverage: the ceil((n+1)
 * coverage)-th smallest of n (Vovk, Gammerman and Shafer 2005). Null where n is too small for it.
 */
export function conformalPlace(rows: number, coverage: number): number | null {
  // A product that is whole but for rounding counts as whole.
  const place = Math.max(1, Math.ceil((rows + 1) * coverage * (1 - 1e-12)));
  return place > rows ? null : place;
}

/**
 * Split-conformal intervals or sets from out-of-bag predictions in the place of a part held out:
 * every row is predicted by members that did not train on it. Exact splits cover as asked for;
 * out-of-bag rows are predicted by fewer members than new rows are, which errs to the wide side.
 * The rows must have taken part in no decision (stopping, weights, calibration).
 *
 * Intervals score a row by |y - f| (`absolute`), by that over the predicted deviation
 * (`normalised`; Papadopoulos 2002) or by how far y lies beyond two quantiles of the members
 * (`quantile`: below 0 between them; Romano, Patterson and Candes 2019, with members in the place of
 * quantile regressions). The quantiles are the quartiles whatever the coverage: out of bag a row has
 * about k/e members, of whose ends little can be told, and the interval need not start at them.
 *
 * @param framed required for regression
 * @returns null where there are too few rows for the coverage
 *
 * @example
 * const conformal = fitConformal({ coverage: 0.9 }, truth, outOfBagPrediction);
 */
export function fitConformal(
  { coverage, score }: Settings,
  truth: Truth,
  prediction: Float64Array,
  framed?: Omit<Framed, "prediction" | "scale">,
): Conformal | null {
  const { rows } = truth;
  const place = conformalPlace(rows, coverage);
  if (place === null) return null;
  if (truth.task === "classification") {
    const { classes, labels } = truth;
    const own = score === "adaptive" ? score : "threshold";
    const scores = Float64Array.from(labels, (label, row) =>
      SCORES[own](prediction, row * classes, classes, label),
    ).sort();
    const limit = scores[place - 1]!;
    return { set: { coverage, rows, score: own, limit, scores: keptOf([scores], place) } };
  }
  const own = score === "normalised" || score === "quantile" ? score : "absolute";
  const { targets, values, scale } = truth;
  const quantiles: [number, number] = [...QUARTILES];
  const frame =
    own === "absolute" || framed === undefined
      ? { low: prediction, high: prediction, scale: null }
      : FRAMES[own]({ ...framed, prediction, scale }, quantiles);
  const scores = Array.from({ length: targets }, (_, target) =>
    Float64Array.from({ length: rows }, (__, row) => {
      const at = row * targets + target;
      const beyond = Math.max(frame.low[at]! - values[at]!, values[at]! - frame.high[at]!);
      return frame.scale === null ? beyond : beyond / frame.scale[at]!;
    }).sort(),
  );
  return {
    interval: {
      coverage,
      rows,
      score: own,
      ...(own === "quantile" && { quantiles }),
      radius: scores.map((sorted) => sorted[place - 1]!),
      scores: keptOf(scores, place),
    },
  };
}

const QUARTILES = [0.25, 0.75] as const;

/** Most scores that an artifact keeps. */
const KEPT = 4096;
/** So many of them are the largest ones, where high coverages lie. */
const LARGEST = 1024;

/**
 * Sorted scores as they are kept: all of a few, of many the largest, that of the fitted coverage and
 * others at even distances. In place of one that is not kept stands the next larger one.
 */
function keptOf(sorted: readonly Float64Array[], place: number): RegionScores {
  const rows = sorted[0]!.length;
  if (rows <= KEPT) return { values: sorted.map((own) => [...own]) };
  const even = KEPT - LARGEST;
  const step = (rows - LARGEST) / even;
  const ranks = new Set([place]);
  for (let i = 1; i <= even; i++) ranks.add(Math.ceil(i * step));
  for (let rank = rows - LARGEST + 1; rank <= rows; rank++) ranks.add(rank);
  const ascending = [...ranks].sort((a, b) => a - b);
  return {
    ranks: ascending,
    values: sorted.map((own) => ascending.map((rank) => own[rank - 1]!)),
  };
}

/** What intervals and sets have in common. */
export function fittedOf(conformal: Conformal) {
  return "interval" in conformal ? conformal.interval : conformal.set;
}

/** What regions of another coverage are bounded by: a radius per target, or the limit of sets. */
function boundsAt(conformal: Conformal, coverage: number): readonly number[] {
  const bounds = "interval" in conformal ? conformal.interval.radius : [conformal.set.limit];
  const { rows, scores, coverage: fitted } = fittedOf(conformal);
  if (coverage === fitted) return bounds;
  if (scores === undefined) throw refused(`${fitted}, which the ensemble was made for`, coverage);
  const place = conformalPlace(rows, coverage);
  if (place === null || !(coverage > 0)) {
    const most = Math.floor((1e6 * rows) / (rows + 1)) / 1e6;
    throw refused(`above 0 and at most ${most}, by the ${rows} rows behind it`, coverage);
  }
  const at = scores.ranks?.findIndex((rank) => rank >= place) ?? place - 1;
  return scores.values.map((own) => own[at]!);
}

/**
 * Refuses a coverage that an artifact's intervals or sets cannot have.
 *
 * @throws ManyfoldError `input` where it has none, or too few rows are behind them
 */
export function requireCoverage(
  conformal: Conformal | undefined,
  coverage: number,
): asserts conformal is Conformal {
  if (conformal === undefined) {
    throw new ManyfoldError({
      code: "input",
      path: "coverage",
      condition: "left out, since the ensemble was made without ensemble.conformal",
      got: String(coverage),
    });
  }
  boundsAt(conformal, coverage);
}

function refused(condition: string, coverage: number): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: "coverage",
    condition,
    got: String(coverage),
    help: "A larger coverage needs more out-of-bag rows.",
  });
}

/**
 * What intervals of an artifact are drawn around; null where that is the prediction itself, or there
 * are sets.
 */
export function frameOf(conformal: Conformal, framed: Framed): Frame | null {
  if (!("interval" in conformal) || conformal.interval.score === "absolute") return null;
  const { score, quantiles = [0, 1] } = conformal.interval;
  return FRAMES[score](framed, quantiles);
}

/**
 * Intervals or sets around a combined prediction `[rows, outputs]`.
 *
 * @param frame see {@link frameOf}
 * @param coverage of the regions; default what was fitted
 * @throws ManyfoldError `input` for a coverage that the rows behind it do not allow
 */
export function regionOf(
  conformal: Conformal,
  prediction: Float64Array,
  outputs: number,
  frame: Frame | null = null,
  coverage?: number,
): Region {
  return match<Conformal, Region>(conformal, {
    interval: (fitted) => {
      const asked = coverage ?? fitted.coverage;
      const radius = boundsAt(conformal, asked);
      const { low, high, scale } = frame ?? { low: prediction, high: prediction, scale: null };
      const reach = (at: number) => radius[at % outputs]! * (scale?.[at] ?? 1);
      const region = {
        kind: "interval" as const,
        coverage: asked,
        low: low.map((value, at) => value - reach(at)),
        high: high.map((value, at) => value + reach(at)),
      };
      // Quantiles that are drawn in by more than their distance meet in the middle.
      for (const [at, end] of region.low.entries()) {
        if (end <= region.high[at]!) continue;
        region.low[at] = region.high[at] = (end + region.high[at]!) / 2;
      }
      return region;
    },
    set: ({ score, coverage: fitted }) => {
      const asked = coverage ?? fitted;
      const [limit = 1] = boundsAt(conformal, asked);
      const classes = new Uint8Array(prediction.length);
      for (let at = 0; at < prediction.length; at += outputs) {
        for (let cls = 0; cls < outputs; cls++) {
          if (SCORES[score](prediction, at, outputs, cls) <= limit) classes[at + cls] = 1;
        }
        classes[at + argmax(prediction, at, outputs)] = 1;
      }
      return { kind: "set", coverage: asked, classes };
    },
  });
}

/**
 * A quantile over the members that predict each row, `[rows, outputs]`, linear between members and
 * about median-unbiased for any number of them (Hyndman and Fan 1996, type 8), so that quantiles of
 * few members out of bag are those of many.
 */
export function memberQuantile({ members, rows, outputs }: Members, level: number): Float64Array {
  const found = new Float64Array(rows * outputs);
  const seen = new Float64Array(members.length);
  for (let at = 0; at < found.length; at++) {
    const row = Math.floor(at / outputs);
    let count = 0;
    for (const { values, present } of members) {
      if (present === undefined || present[row] === 1) seen[count++] = values[at]!;
    }
    const sorted = seen.subarray(0, count).sort();
    const place = quantilePlace(count, level);
    const below = Math.floor(place);
    const [from, to] = [sorted[below]!, sorted[Math.min(count - 1, below + 1)]!];
    found[at] = from + (place - below) * (to - from);
  }
  return found;
}

/** Where a quantile lies among as many sorted members, from 0; between two where it is no whole number. */
export function quantilePlace(count: number, level: number): number {
  return Math.min(count - 1, Math.max(0, (count + 1 / 3) * level - 2 / 3));
}
