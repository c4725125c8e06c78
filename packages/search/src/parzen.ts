import { elementary } from "@manyfold/core";
import { logMass, LOG_ROOT_TWO_PI, normalCdf, truncatedQuantile } from "./math/gaussian.ts";
import type { Axis } from "./space.ts";

const { exp, log } = elementary;

/**
 * How wide numeric kernels are.
 *
 * - neighbours: the larger gap to a neighbour, at least the range / min(100, 2 + observations) (the
 *   "magic clip"), as in Optuna 5; what the golden values of the tests are of.
 * - narrow: half of that gap, at most 0.1 m^(-1/(d+4)) of the range (Scott's rule with the constant
 *   of Optuna 3's multivariate estimator halved) and at least the range / min(100, 4 (1 + m)).
 *   Found on the problems of the bake-off with other seeds than it reports: few observations stay
 *   apart, many still close in.
 */
export type Widths = "neighbours" | "narrow";

/** A density over a space's coordinates, and draws from it. */
export interface Mixture {
  /** log p at a point `[parameters]`; for spaced and unordered parameters of the value's mass. */
  logDensity(point: Float64Array): number;
  /** A point from one share in [0, 1) for the component and one per parameter, from `at` on. */
  draw(shares: ArrayLike<number>, at: number): Float64Array;
}

/**
 * The Parzen estimator of TPE (Bergstra et al. 2011, as in Optuna 5): a kernel per observation and
 * one for the prior, each a product over parameters. Numeric kernels are normal, truncated to the
 * range, as wide as the larger gap to their neighbours; unordered ones favour the observed value.
 *
 * @param axes one per parameter
 * @param columns coordinates `[parameters][observations]`
 * @param weights of the observations; the prior has weight 1
 */
export function parzen(
  axes: readonly Axis[],
  columns: readonly Float64Array[],
  weights: Float64Array,
  widths: Widths = "neighbours",
): Mixture {
  const components = weights.length + 1;
  const rule: WidthRule = widthRules[widths](weights.length, axes.length);
  const kernels = axes.map((axis, j) =>
    KERNELS[axis.kind](axis, columns[j] ?? new Float64Array(), rule),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0) + 1;
  const logWeights = Float64Array.from([...weights, 1], (weight) => log(weight / total));
  const scratch = new Float64Array(components);
  return {
    logDensity: (point) => {
      scratch.set(logWeights);
      kernels.forEach((kernel, j) => kernel.add(point[j] as number, scratch));
      return logSumExp(scratch);
    },
    draw: (shares, at) => {
      let rest = (shares[at] as number) * total;
      let component = 0;
      while (component < weights.length && rest >= (weights[component] as number)) {
        rest -= weights[component] as number;
        component += 1;
      }
      return Float64Array.from(kernels, (kernel, j) =>
        kernel.draw(component, shares[at + 1 + j] as number),
      );
    },
  };
}

/** Terms this far below the largest one change no digit of a sum. */
const NEGLIGIBLE = 50;

function logSumExp(terms: Float64Array): number {
  let largest = -Infinity;
  for (let k = 0; k < terms.length; k++) {
    if ((terms[k] as number) > largest) largest = terms[k] as number;
  }
  let sum = 0;
  for (let k = 0; k < terms.length; k++) {
    const below = (terms[k] as number) - largest;
    if (below > -NEGLIGIBLE) sum += exp(below);
  }
  return largest + log(sum);
}

/** One parameter's factor of all components, the prior's last. */
interface Kernels {
  /** Adds each component's log density at a coordinate. */
  add(coordinate: number, logs: Float64Array): void;
  readonly draw: (component: number, share: number) => number;
}

const KERNELS: {
  readonly [Kind in Axis["kind"]]: (
    axis: Axis,
    observed: Float64Array,
    widths: WidthRule,
  ) => Kernels;
} = {
  dense: (axis, observed, rule) => {
    const normals = normalKernels(axis, observed, rule);
    const { means, widths, logMasses } = normals;
    const inverse = widths.map((width) => 1 / width);
    const constants = widths.map((width, k) => -log(width) - LOG_ROOT_TWO_PI - (logMasses[k] ?? 0));
    return {
      add: (coordinate, logs) => {
        for (let k = 0; k < logs.length; k++) {
          const z = (coordinate - (means[k] as number)) * (inverse[k] as number);
          logs[k] = (logs[k] as number) + (constants[k] as number) - 0.5 * z * z;
        }
      },
      draw: normals.draw,
    };
  },
  spaced: (axis, observed, rule) => {
    const normals = normalKernels(axis, observed, rule);
    const { means, widths, logMasses } = normals;
    const inverse = widths.map((width) => 1 / width);
    return {
      add: (coordinate, logs) => {
        const [low, high] = axis.cell(coordinate);
        for (let k = 0; k < logs.length; k++) {
          const [mean, scale] = [means[k] as number, inverse[k] as number];
          const mass = massBetween((low - mean) * scale, (high - mean) * scale);
          logs[k] =
            mass > 0 ? (logs[k] as number) + log(mass) - (logMasses[k] as number) : -Infinity;
        }
      },
      draw: (component, share) => {
        const value = axis.decode(normals.draw(component, share));
        return axis.encode(value);
      },
    };
  },
  unordered: (axis, observed) => {
    const count = axis.high;
    const components = observed.length + 1;
    // Prior weight / components for every value, and 1 more for the observed one, normalised.
    const base = 1 / components / (1 + count / components);
    const more = 1 / (1 + count / components);
    const [miss, hit, prior] = [log(base), log(base + more), -log(count)];
    const values = observed.map(Math.floor);
    return {
      add: (coordinate, logs) => {
        const value = Math.floor(coordinate);
        for (let k = 0; k < values.length; k++) {
          logs[k] = (logs[k] as number) + (values[k] === value ? hit : miss);
        }
        logs[values.length] = (logs[values.length] as number) + prior;
      },
      draw: (component, share) => {
        const own = values[component];
        if (own === undefined) return Math.floor(share * count) + 0.5;
        // The observed value's extra weight first, then all values alike.
        const value = share < more ? own : Math.floor((share - more) / base);
        return Math.min(value, count - 1) + 0.5;
      },
    };
  },
};

/** Mass of a standard normal far out is none: the prior alone is larger by many digits. */
const FAR = 9;

function massBetween(low: number, high: number): number {
  if (low > FAR || high < -FAR) return 0;
  return low > 0 ? normalCdf(-low) - normalCdf(-high) : normalCdf(high) - normalCdf(low);
}

interface NormalKernels {
  readonly means: Float64Array;
  readonly widths: Float64Array;
  /** Logarithm of the mass within the range. */
  readonly logMasses: Float64Array;
  readonly draw: (component: number, share: number) => number;
}

/** Shares of the range: of the gap to a neighbour, the least and the largest. */
interface WidthRule {
  readonly ofGap: number;
  readonly least: number;
  readonly most: number;
}

const widthRules: {
  readonly [Name in Widths]: (observations: number, dimensions: number) => WidthRule;
} = {
  neighbours: (m) => ({ ofGap: 1, least: 1 / Math.min(100, 2 + m), most: 1 }),
  narrow: (m, d) => ({
    ofGap: 0.5,
    least: 1 / Math.min(100, 4 * (1 + m)),
    most: 0.1 * exp(-log(Math.max(m, 1)) / (d + 4)),
  }),
};

/** Means and standard deviations of the kernels on an interval (search.md, 4.1, 4). */
export function normalKernels(
  { low, high }: Axis,
  observed: Float64Array,
  { ofGap, least, most }: WidthRule = widthRules.neighbours(observed.length, 1),
): NormalKernels {
  const count = observed.length;
  const range = high - low;
  const means = new Float64Array(count + 1);
  means.set(observed);
  means[count] = (low + high) / 2;
  const widths = new Float64Array(count + 1);
  widths[count] = range;
  const order = Uint32Array.from(observed, (_, k) => k).sort(
    (a, b) => (observed[a] as number) - (observed[b] as number) || a - b,
  );
  const [narrowest, widest] = [range * least, range * most];
  order.forEach((k, place) => {
    const [before, after] = [order[place - 1], order[place + 1]];
    const own = observed[k] as number;
    // The ends stand in for missing neighbours only where there is no other point.
    const left = before === undefined ? (count > 1 ? 0 : own - low) : own - (observed[before] ?? 0);
    const right = after === undefined ? (count > 1 ? 0 : high - own) : (observed[after] ?? 0) - own;
    widths[k] = Math.max(Math.min(ofGap * Math.max(left, right), widest), narrowest);
  });
  const logMasses = widths.map((width, k) =>
    logMass((low - (means[k] as number)) / width, (high - (means[k] as number)) / width),
  );
  const draw = (component: number, share: number) => {
    const [mean, width] = [means[component] as number, widths[component] as number];
    const point = truncatedQuantile(share, (low - mean) / width, (high - mean) / width);
    return Math.min(Math.max(mean + width * point, low), high);
  };
  return { means, widths, logMasses, draw };
}
