import { elementary, fold, integers, type Key } from "@manyfold/core";
import type { Domain, Space } from "@manyfold/protocol";
import { normalCdf } from "./math/gaussian.ts";
import type { Observation } from "./sampler.ts";
import { axisOf } from "./space.ts";
import { domainOf, namesOf } from "./tree.ts";

/** How much of what sets the best trials apart is this parameter. */
export interface Importance {
  readonly name: string;
  /** From 0 to 1; the shares of all parameters sum to 1. */
  readonly share: number;
  /** Where the share lies in 90 of 100 resamples of the trials. */
  readonly low: number;
  readonly high: number;
}

/** Share of the trials that are the best ones. */
const TOP = 0.1;
/** Fewest best trials that say anything. */
const FEWEST = 5;
/** Fewest trials to compare the best ones with. */
const LEAST = 20;
const RESAMPLES = 100;
const TAIL = 0.05;

/**
 * Importances of the parameters by PED-ANOVA (Watanabe, Bansal, Hutter 2023): how much the
 * distribution of each parameter among the best tenth of the trials differs from that among all
 * trials. With intervals by resampling trials. The most important parameter comes first.
 *
 * @param history trials; those without a value do not count
 * @returns undefined with fewer than {@link LEAST} valued trials, or without any
 * difference
 */
export function importances(
  space: Space,
  history: readonly Observation[],
  key: Key,
): Importance[] | undefined {
  const known = history.flatMap(({ params, value }) => (value === null ? [] : [{ params, value }]));
  const names = namesOf(space);
  if (known.length < LEAST) return undefined;
  const values = Float64Array.from(known, ({ value }) => value);
  const grids = names.map((name) => {
    const grid = gridOf(domainOf(space, name));
    const cells = Uint32Array.from(known, ({ params }) => {
      const value = params[name];
      return value === undefined ? ABSENT : grid.cellOf(value);
    });
    return { ...grid, cells };
  });
  const sharesOf = (rows: Uint32Array): Float64Array | undefined => {
    const raw = rawImportances(values, grids, rows);
    const total = raw.reduce((sum, one) => sum + one, 0);
    return total > 0 ? raw.map((one) => one / total) : undefined;
  };
  const n = known.length;
  const shares = sharesOf(Uint32Array.from({ length: n }, (_, row) => row));
  if (!shares) return undefined;
  const ofResamples = Array.from({ length: RESAMPLES }, (_, resample) =>
    sharesOf(Uint32Array.from(integers(fold(key, "resample", resample), n, n))),
  ).filter((one) => one !== undefined);
  const quantile = (j: number, at: number) => {
    const sorted = ofResamples.map((one) => one[j] ?? 0).toSorted((a, b) => a - b);
    return sorted[Math.round(at * (sorted.length - 1))] ?? shares[j] ?? 0;
  };
  return names
    .map((name, j) => {
      const share = shares[j] ?? 0;
      return {
        name,
        share,
        low: Math.min(share, quantile(j, TAIL)),
        high: Math.max(share, quantile(j, 1 - TAIL)),
      };
    })
    .toSorted((a, b) => b.share - a.share);
}

interface Grid {
  readonly count: number;
  readonly isOrdered: boolean;
}

/**
 * (γ'/γ)² times the Pearson divergence of the best trials' density from all trials', per parameter
 * (search.md 4.11; γ = 1, and γ' no less than makes {@link FEWEST} trials the best).
 *
 * @param rows trials that count, possibly several times
 */
export function rawImportances(
  values: Float64Array,
  grids: readonly (Grid & { readonly cells: Uint32Array })[],
  rows: Uint32Array,
): Float64Array {
  const n = rows.length;
  const rank = Math.min(n, Math.max(FEWEST, Math.ceil(TOP * n)));
  const sorted = Float64Array.from(rows, (row) => values[row] ?? 0).sort();
  const limit = sorted[rank - 1] ?? 0;
  const best = rows.filter((row) => (values[row] ?? 0) <= limit);
  const factor = (rank / n) * (rank / n);
  return Float64Array.from(grids, (grid) => {
    // A parameter that not every trial has is compared among those that have it.
    const [bestWith, allWith] = [best, rows].map((some) =>
      some.filter((row) => grid.cells[row] !== ABSENT),
    ) as [Uint32Array, Uint32Array];
    if (bestWith.length < 2 || allWith.length < 2) return 0;
    const [alpha, beta] = [bestWith.length / best.length, allWith.length / n];
    const top = densityOf(grid, countsOf(grid, bestWith));
    const all = densityOf(grid, countsOf(grid, allWith));
    let divergence = 0;
    for (let cell = 0; cell < grid.count; cell++) {
      const [p, q] = [(top[cell] ?? 0) + 1e-12, (all[cell] ?? 0) + 1e-12];
      divergence += q * (p / q - 1) * (p / q - 1);
    }
    return ((factor * alpha * alpha) / beta) * divergence;
  });
}

/** The cell of a parameter that a trial does not have. */
const ABSENT = 0xffffffff;

function countsOf(
  { count, cells }: Grid & { readonly cells: Uint32Array },
  rows: Uint32Array,
): Float64Array {
  const counts = new Float64Array(count);
  for (const row of rows) counts[cells[row] ?? 0] = (counts[cells[row] ?? 0] ?? 0) + 1;
  return counts;
}

/** Most cells of a parameter. */
const CELLS = 50;

/** A parameter in cells: the nearest of equally spaced points on its scale, ties to the lower one. */
export function gridOf(
  domain: Domain,
): Grid & { cellOf(value: string | number | boolean): number } {
  const axis = axisOf(domain);
  if (!("float" in domain || "int" in domain)) {
    const values = axis.probes();
    return {
      count: values.length,
      isOrdered: axis.kind === "spaced",
      cellOf: (value) => values.indexOf(value),
    };
  }
  const [low, high] = "float" in domain ? domain.float : domain.int;
  const points = domain.step === undefined ? undefined : axis.points();
  const [first, last] = [axis.encode(low), axis.encode(points?.at(-1) ?? high)];
  const count = points ? Math.min(CELLS, points.length) : cellsIn(domain, low, high);
  const step = (last - first) / (count - 1);
  return {
    count,
    isOrdered: true,
    cellOf: (value) => {
      const place = Math.ceil((axis.encode(value) - first) / step - 0.5 - 1e-12);
      return Math.min(Math.max(place, 0), count - 1);
    },
  };
}

function cellsIn(domain: Domain, low: number, high: number): number {
  if ("float" in domain) return CELLS;
  const count = high - low + 1;
  if (!("scale" in domain) || domain.scale !== "log") return Math.min(CELLS, count);
  // ⌈log2 count⌉ + 1, in whole numbers.
  let doublings = 0;
  for (let reach = 1; reach < count; reach *= 2) doublings += 1;
  return Math.min(CELLS, doublings + 1);
}

/** A kernel estimate over a grid's cells from their counts, with a prior of weight 1. */
function densityOf(grid: Grid, counts: Float64Array): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0) + 1;
  const seen = Array.from(counts.keys()).filter((cell) => (counts[cell] ?? 0) > 0);
  const kernel = grid.isOrdered ? normals(grid.count, counts, seen) : choices(grid.count, seen);
  const density = new Float64Array(grid.count);
  for (const cell of [...seen, null]) {
    const weight = (cell === null ? 1 : (counts[cell] ?? 0)) / total;
    const masses = kernel(cell);
    for (let i = 0; i < density.length; i++) {
      density[i] = (density[i] ?? 0) + weight * (masses[i] ?? 0);
    }
  }
  return density;
}

/** Masses of a kernel at a cell, or of the prior. */
type Kernel = (cell: number | null) => Float64Array;

/** Truncated normals of one width, by Scott's rule with the smaller one of two spreads. */
function normals(count: number, counts: Float64Array, seen: readonly number[]): Kernel {
  const n = counts.reduce((sum, one) => sum + one, 0);
  const mean = seen.reduce((sum, cell) => sum + cell * (counts[cell] ?? 0), 0) / n;
  const squares = seen.reduce(
    (sum, cell) => sum + (cell - mean) * (cell - mean) * (counts[cell] ?? 0),
    0,
  );
  const deviation = Math.sqrt(squares / Math.max(1, n - 1));
  const quartile = (reached: (sum: number) => boolean) => {
    let sum = 0;
    for (const cell of seen) {
      sum += counts[cell] ?? 0;
      if (reached(sum)) return cell;
    }
    return seen[seen.length - 1] ?? 0;
  };
  const lower = quartile((sum) => sum >= Math.floor(n / 4));
  const upper = quartile((sum) => sum > Math.floor((n * 3) / 4));
  const scott = 1.059 * elementary.exp(-0.2 * elementary.log(n));
  // 90 % of the narrowest kernel lies in its cell.
  const width = Math.max(scott * Math.min((upper - lower) / 1.34, deviation), 0.5 / 1.64);
  return (cell) => {
    const [centre, spread] = cell === null ? [(count - 1) / 2, count] : [cell, width];
    const edges = Float64Array.from({ length: count + 1 }, (_, i) =>
      normalCdf((i - 0.5 - centre) / spread),
    );
    const inside = (edges[count] ?? 1) - (edges[0] ?? 0);
    return Float64Array.from(
      { length: count },
      (_, i) => ((edges[i + 1] ?? 0) - (edges[i] ?? 0)) / inside,
    );
  };
}

function choices(count: number, seen: readonly number[]): Kernel {
  const base = 1 / (seen.length + 1);
  return (cell) =>
    Float64Array.from({ length: count }, (_, i) =>
      cell === null ? 1 / count : (base + (i === cell ? 1 : 0)) / (count * base + 1),
    );
}
