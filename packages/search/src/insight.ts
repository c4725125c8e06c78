import { elementary } from "@manyfold/core";
import type { Domain, Params, ParamValue, SearchInsight, Space } from "@manyfold/protocol";
import { axisOf, type Axis } from "./space.ts";
import { domainOf, namesOf } from "./tree.ts";

/** A trial and what it came to, as reported. */
export interface Tried {
  readonly trial: number;
  readonly params: Params;
  readonly value: number | null;
}

interface Valued extends Tried {
  readonly value: number;
}

/** Points of the empirical distribution. */
const QUANTILES = 101;
/** Parts that a range is cut into. */
const BINS = 12;
/** Cells of the surface along a range. */
const CELLS = 24;

/**
 * What the trials of a search show together: who improved on all before, how the values are
 * distributed, and how they depend on single parameters and on the two that matter most.
 *
 * @param important names of parameters, the most important first; the surface is over the first two
 * @param direction of the values; nothing else depends on it
 */
export function insightOf(
  space: Space,
  trials: readonly Tried[],
  direction: "minimise" | "maximise",
  important: readonly string[],
): SearchInsight {
  const sign = direction === "minimise" ? 1 : -1;
  const valued = trials.flatMap(({ trial, params, value }) =>
    value === null ? [] : [{ trial, params, value }],
  );
  const ranked = Float64Array.from(valued, ({ value }) => sign * value).sort();
  const [x, y] = important;
  return {
    progress: progressOf(valued, sign),
    distribution: distributionOf(ranked, sign),
    slices: namesOf(space).flatMap((name) => {
      const bins = sliceOf(domainOf(space, name), name, valued, sign);
      return bins.length === 0 ? [] : [{ name, bins }];
    }),
    surface:
      x === undefined || y === undefined ? null : surfaceOf(space, [x, y], valued, ranked, sign),
  };
}

function progressOf(valued: readonly Valued[], sign: number): SearchInsight["progress"] {
  let reached = Infinity;
  return valued.flatMap(({ trial, value }) => {
    if (sign * value >= reached) return [];
    reached = sign * value;
    return [{ trial, value }];
  });
}

/** @param ranked lower is better, ascending */
function distributionOf(ranked: Float64Array, sign: number): SearchInsight["distribution"] {
  const points = Math.min(QUANTILES, ranked.length);
  return Array.from({ length: points }, (_, i) => {
    const place = points === 1 ? 0 : Math.round((i * (ranked.length - 1)) / (points - 1));
    return { share: (place + 1) / ranked.length, value: sign * (ranked[place] ?? 0) };
  });
}

type Bin = SearchInsight["slices"][number]["bins"][number];

/** Best and median of the trials in each part of a parameter's range, those without trials left out. */
function sliceOf(domain: Domain, name: string, valued: readonly Valued[], sign: number): Bin[] {
  const axis = axisOf(domain);
  const partition = partitionOf(domain, axis, BINS);
  const groups = partition.names.map((): number[] => []);
  for (const { params, value } of valued) {
    const chosen = params[name];
    if (chosen !== undefined) groups[partition.placeOf(chosen)]?.push(sign * value);
  }
  return groups.flatMap((values, place) => {
    const [from, to] = partition.names[place] ?? [];
    if (values.length === 0 || from === undefined || to === undefined) return [];
    const sorted = Float64Array.from(values).sort();
    const best = sign * (sorted[0] ?? 0);
    return [{ from, to, trials: values.length, best, median: sign * medianOf(sorted) }];
  });
}

function medianOf(sorted: Float64Array): number {
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2;
}

/** A domain in parts: the values of a list, or equal parts of a range on its scale. */
interface Partition {
  /** First and last value of each part. */
  readonly names: readonly (readonly [ParamValue, ParamValue])[];
  placeOf(value: ParamValue): number;
}

function partitionOf(domain: Domain, axis: Axis, most: number): Partition {
  if (!("float" in domain || "int" in domain)) {
    const values = axis.probes();
    return {
      names: values.map((value) => [value, value]),
      placeOf: (value) => values.indexOf(value),
    };
  }
  const values = axis.kind === "spaced" ? axis.points() : undefined;
  const parts = Math.min(most, values?.length ?? most);
  const width = (axis.high - axis.low) / parts;
  const edge = (place: number) => axis.low + place * width;
  return {
    names: Array.from({ length: parts }, (_, place) => {
      // Whole numbers and steps: the first and the last that lie within.
      const inside = (at: number, side: number) =>
        axis.kind === "dense" ? at : at + side * width * 1e-9;
      return [axis.decode(inside(edge(place), 1)), axis.decode(inside(edge(place + 1), -1))];
    }),
    placeOf: (value) =>
      Math.min(Math.max(Math.floor((axis.encode(value) - axis.low) / width), 0), parts - 1),
  };
}

/** Of the worst quarter, how many times the middle half's width a value may lie beyond it. */
const FENCE = 1.5;

/**
 * The value over two parameters by kernel regression (Nadaraya 1964, Watson 1964): at each cell's
 * middle, the mean of the trials weighted by a Gaussian of the distance in shares of both ranges; of
 * a list, trials of that very value. The width follows Scott's rule for a uniform sample.
 */
function surfaceOf(
  space: Space,
  names: readonly [string, string],
  valued: readonly Valued[],
  ranked: Float64Array,
  sign: number,
): SearchInsight["surface"] {
  const both = valued.filter(({ params }) => names.every((name) => params[name] !== undefined));
  if (both.length < 3) return null;
  const at = (share: number) => ranked[Math.round(share * (ranked.length - 1))] ?? 0;
  const limit = at(0.75) + FENCE * (at(0.75) - at(0.25));
  const width = 0.29 * elementary.exp(-elementary.log(both.length) / 6);
  const [x, y] = names.map((name) => {
    const domain = domainOf(space, name);
    const chosen = both.map(({ params }) => params[name] as ParamValue);
    return weightsAlong(domain, name, chosen, width);
  }) as [Along, Along];
  const values = Float64Array.from(both, ({ value }) => Math.min(sign * value, limit));
  const cells = y.weights.map((ofRow) =>
    x.weights.map((ofColumn) => {
      let [sum, total] = [0, 0];
      for (let i = 0; i < values.length; i++) {
        const weight = (ofRow[i] as number) * (ofColumn[i] as number);
        sum += weight * (values[i] as number);
        total += weight;
      }
      return total < NEAR ? null : (sign * sum) / total;
    }),
  );
  return { x: x.axis, y: y.axis, cells, limit: sign * limit };
}

/** Weight of one trial at a distance of two widths: with less than that, nobody is near. */
const NEAR = 0.1353352832366127;

interface Along {
  readonly axis: NonNullable<SearchInsight["surface"]>["x"];
  /** Per cell, the weight of every trial. */
  readonly weights: readonly Float64Array[];
}

function weightsAlong(
  domain: Domain,
  name: string,
  chosen: readonly ParamValue[],
  width: number,
): Along {
  const axis = axisOf(domain);
  if (!("float" in domain || "int" in domain)) {
    const values = axis.probes();
    return {
      axis: { name, values },
      weights: values.map((value) => Float64Array.from(chosen, (one) => (one === value ? 1 : 0))),
    };
  }
  const length = axis.high - axis.low;
  const coordinates = Float64Array.from(chosen, (one) => (axis.encode(one) - axis.low) / length);
  const share = (place: number) => place / CELLS;
  const scale = scaleOf(domain);
  return {
    axis: {
      name,
      edges: Array.from({ length: CELLS + 1 }, (_, place) =>
        scale(axis.low + length * share(place)),
      ),
    },
    weights: Array.from({ length: CELLS }, (_, cell) =>
      coordinates.map((coordinate) => {
        const off = (coordinate - share(cell + 0.5)) / width;
        return elementary.exp(-0.5 * off * off);
      }),
    ),
  };
}

/** The value at a coordinate, not rounded to whole numbers or steps. */
function scaleOf(domain: Domain): (coordinate: number) => number {
  const scale = "scale" in domain ? domain.scale : undefined;
  if (scale === "log") return elementary.exp;
  if (scale === "logit") return elementary.sigmoid;
  return (coordinate) => coordinate;
}
