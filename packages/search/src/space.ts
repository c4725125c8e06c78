import { elementary } from "@manyfold/core";
import type { Domain, ParamValue } from "@manyfold/protocol";

/**
 * A parameter as an interval of the real line, the coordinates in which samplers work: `log` ranges
 * as natural logarithms, whole numbers with half a unit of room on both sides, categories as
 * `[0, n)`. Every coordinate of the interval decodes to a value of the domain, and a uniform
 * coordinate to a value that is uniform on the domain's scale.
 */
export interface Axis {
  readonly low: number;
  readonly high: number;
  /** Values that lie dense, or one after another, or in no order. */
  readonly kind: "dense" | "spaced" | "unordered";
  /** The interval of coordinates that decode to the same value as this one; a point where dense. */
  cell(coordinate: number): readonly [low: number, high: number];
  /** The coordinate of a value: for a category the middle of its unit. */
  encode(value: ParamValue): number;
  /** The value at a coordinate; beyond an end, the value of that end. */
  decode(coordinate: number): ParamValue;
  has(value: ParamValue): boolean;
  /** Number of values; undefined where dense. */
  readonly count: number | undefined;
  /** The values of a grid, ascending; undefined where the domain does not say which. */
  points(): ParamValue[] | undefined;
  /** A few values that show whether a setting takes values of this kind and range. */
  probes(): ParamValue[];
}

/** The axis of a domain. Logarithms are core's own: a draw has the same bits on every engine. */
export function axisOf(domain: Domain): Axis {
  if ("categorical" in domain) return listAxis(domain.categorical, domain.ordered ?? false);
  if ("boolean" in domain) return listAxis([false, true], false);
  if ("constant" in domain) return listAxis([domain.constant], false);
  if (domain.step !== undefined) {
    const [low, high] = "float" in domain ? domain.float : domain.int;
    return steppedAxis(low, high, domain.step);
  }
  if ("float" in domain) return floatAxis(domain);
  return intAxis(domain);
}

type FloatDomain = Extract<Domain, { float: unknown }>;
type IntDomain = Extract<Domain, { int: unknown }>;

const scales = {
  linear: { to: (value: number) => value, from: (coordinate: number) => coordinate },
  log: { to: elementary.log, from: elementary.exp },
  logit: {
    to: (value: number) => elementary.log(value) - elementary.log1p(-value),
    from: elementary.sigmoid,
  },
};

function floatAxis({ float: [low, high], scale, steps }: FloatDomain): Axis {
  const { to, from } = scales[scale ?? "linear"];
  return {
    low: to(low),
    high: to(high),
    kind: "dense",
    count: undefined,
    cell: (coordinate) => [coordinate, coordinate],
    encode: (value) => to(Number(value)),
    // Rounding in exp may step over an end.
    decode: (coordinate) => clip(from(coordinate), low, high),
    has: (value) => typeof value === "number" && value >= low && value <= high,
    points: () => (steps === undefined ? undefined : spread(low, high, scale, steps)),
    // The third is no round number: a setting that has to be whole refuses it.
    probes: () => [low, high, low + (high - low) / Math.PI],
  };
}

function intAxis({ int: [low, high], scale, steps }: IntDomain): Axis {
  const { to, from } = scales[scale ?? "linear"];
  const decode = (coordinate: number) => clip(Math.round(from(coordinate)), low, high);
  return {
    low: to(low - 0.5),
    high: to(high + 0.5),
    kind: "spaced",
    count: high - low + 1,
    cell: (coordinate) => {
      const value = decode(coordinate);
      return [to(value - 0.5), to(value + 0.5)];
    },
    encode: (value) => to(Number(value)),
    decode,
    has: (value) => Number.isInteger(value) && Number(value) >= low && Number(value) <= high,
    points: () => {
      // Every whole number is the obvious grid of a linear range.
      const count = steps ?? (scale === "log" ? undefined : high - low + 1);
      if (count === undefined) return undefined;
      return [...new Set(spread(low, high, scale, count).map((value) => Math.round(value)))];
    },
    probes: () => [low, high],
  };
}

/** Values from the low end on at equal distances, each with half a step of room on both sides. */
function steppedAxis(low: number, high: number, step: number): Axis {
  // The last value is the last one within the range as it is written in decimals.
  const last = Math.floor((high - low) / step + 1e-9);
  const value = (k: number) => clip(Number((low + k * step).toPrecision(12)), low, high);
  const place = (coordinate: number) => clip(Math.round((coordinate - low) / step), 0, last);
  return {
    low: low - step / 2,
    high: low + (last + 0.5) * step,
    kind: "spaced",
    count: last + 1,
    cell: (coordinate) => {
      const centre = low + place(coordinate) * step;
      return [centre - step / 2, centre + step / 2];
    },
    encode: (given) => Number(given),
    decode: (coordinate) => value(place(coordinate)),
    has: (given) => typeof given === "number" && value(place(given)) === given,
    points: () => Array.from({ length: last + 1 }, (_, k) => value(k)),
    probes: () => [value(0), value(1), value(last)],
  };
}

function listAxis(values: readonly ParamValue[], isOrdered: boolean): Axis {
  return {
    low: 0,
    high: values.length,
    kind: isOrdered ? "spaced" : "unordered",
    count: values.length,
    cell: (coordinate) => {
      const index = clip(Math.floor(coordinate), 0, values.length - 1);
      return [index, index + 1];
    },
    encode: (value) => values.indexOf(value) + 0.5,
    decode: (coordinate) =>
      values[clip(Math.floor(coordinate), 0, values.length - 1)] as ParamValue,
    has: (value) => values.includes(value),
    points: () => [...values],
    probes: () => [...values],
  };
}

/** `count` values evenly spread over a range, the ends exact, the others to 12 digits. */
function spread(
  low: number,
  high: number,
  scale: keyof typeof scales | undefined,
  count: number,
): number[] {
  const { to, from } = scales[scale ?? "linear"];
  return Array.from({ length: count }, (_, i) => {
    if (i === 0) return low;
    if (i === count - 1) return high;
    const coordinate = to(low) + ((to(high) - to(low)) * i) / (count - 1);
    // 0.01, not 0.010000000000000002: these numbers are read in tables and written to files.
    return clip(Number(from(coordinate).toPrecision(12)), low, high);
  });
}

function clip(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
