import { elementary, fold, integers, type Key, permutation, uniforms } from "@manyfold/core";
import { match, type SampleSpec, type tagOf } from "@manyfold/protocol";
import { foldRows, splitRows } from "./splits.ts";

/** What a scheme draws from. */
export interface Pool {
  /** Rows that may be drawn, ascending. */
  readonly rows: Uint32Array;
  /** The member's own key for its rows. */
  readonly key: Key;
  /** The key of a round of members that part the rows between them. */
  readonly round: (round: number) => Key;
  readonly member: number;
  /** Class per row of the table, for a classification. */
  readonly classes?: ArrayLike<number> | undefined;
  /** Group per row of the table, where the data have groups. */
  readonly groups?: ArrayLike<number> | undefined;
}

type Name = ReturnType<typeof tagOf<SampleSpec>>;
type SettingsOf<K extends Name> = Extract<SampleSpec, Record<K, unknown>>[K];

/** A way to choose the rows that a member trains on. */
interface Scheme<Settings> {
  /** The rows drawn, ascending; one that is drawn twice is there twice. */
  readonly draw: (settings: Settings, pool: Pool) => Uint32Array;
  /** Whether rows are left out, but for chance. */
  readonly leavesOut: (settings: Settings) => boolean;
  /** How many of n rows it draws, about: for an estimate of memory. */
  readonly size: (settings: Settings, n: number) => number;
}

const share = ({ fraction }: { readonly fraction: number }, n: number): number =>
  Math.max(1, Math.round(fraction * n));

/** The schemes; sources stand in `SampleSpec`. */
const SCHEMES: { readonly [K in Name]: Scheme<SettingsOf<K>> } = {
  all: {
    draw: (_, { rows }) => rows.slice(),
    leavesOut: () => false,
    size: (_, n) => n,
  },
  bootstrap: {
    draw: (settings, { rows, key }) => withReplacement(key, rows, share(settings, rows.length)),
    leavesOut: () => true,
    size: share,
  },
  subsample: {
    draw: (settings, { rows, key }) => chosen(key, rows, share(settings, rows.length)),
    leavesOut: ({ fraction }) => fraction < 1,
    size: share,
  },
  stratified: {
    draw: (settings, { rows, key, classes }) =>
      joined(
        codesOf(rows, classes).map(([code, own]) =>
          withReplacement(fold(key, "class", code), own, share(settings, own.length)),
        ),
      ),
    leavesOut: () => true,
    size: share,
  },
  bayesian: {
    draw: (_, { rows }) => rows.slice(),
    leavesOut: () => false,
    size: (_, n) => n,
  },
  folds: {
    draw: ({ k }, { rows, round, member, classes }) => {
      const parts = Math.min(k, rows.length);
      const each = foldRows(round(Math.floor(member / parts)), rows, parts, { strata: classes });
      return each[member % parts]!.train;
    },
    leavesOut: () => true,
    size: ({ k }, n) => Math.ceil(n - n / k),
  },
  grouped: {
    draw: (settings, { rows, key, groups }) => {
      const units = codesOf(rows, groups);
      const drawn = integers(key, share(settings, units.length), units.length);
      return joined(Array.from(drawn, (unit) => units[unit]![1]));
    },
    leavesOut: () => true,
    size: share,
  },
  ordered: {
    draw: ({ least }, { rows, key }) => {
      const [u = 0] = uniforms(key, 1);
      const low = Math.max(1, Math.round(least * rows.length));
      // At least one row stays behind the moment, where there is more than one.
      const count = Math.min(low + Math.floor(u * (rows.length - low)), rows.length - 1);
      return rows.slice(0, Math.max(1, count));
    },
    leavesOut: () => true,
    size: (_, n) => n,
  },
};

/** Rows by a scheme, ascending. */
export function sampled(spec: SampleSpec, pool: Pool): Uint32Array {
  return schemeOf(spec).draw(pool);
}

/**
 * Whether a scheme leaves rows out that can score its members. `all` and `bayesian` do not, nor does a
 * subsample of every row.
 */
export function leavesRowsOut(spec: SampleSpec): boolean {
  return schemeOf(spec).leavesOut();
}

/** How many of n rows a scheme draws, about. */
export function drawnCount(spec: SampleSpec, n: number): number {
  return schemeOf(spec).size(n);
}

/**
 * The rows that may stop a training, held out before any are drawn: whole groups for a grouped draw.
 * Undefined where they are taken from the drawn rows instead, by {@link heldAfter}.
 *
 * @param count how many, at least 1 and fewer than there are rows
 */
export function heldBefore(spec: SampleSpec, pool: Pool, count: number): Uint32Array | undefined {
  if ("ordered" in spec || "folds" in spec) return undefined;
  if (!("grouped" in spec)) return chosen(pool.key, pool.rows, count);
  return splitRows(pool.key, pool.rows, count / pool.rows.length, { groups: pool.groups }).held;
}

/**
 * The rows that may stop a training, of those that were drawn: of an ordered draw the last, later than
 * those trained on; of folds any, the members of a round having to part the same rows.
 */
export function heldAfter(spec: SampleSpec, { key, rows }: Pool, count: number): Uint32Array {
  return "ordered" in spec ? rows.slice(rows.length - count) : chosen(key, rows, count);
}

/**
 * Weights of rows by the Bayesian bootstrap: n times Dirichlet(1, ..., 1) over the drawn rows, as
 * standard exponentials over their mean (Rubin 1981), so that they have mean 1; rows that are held
 * out get theirs on the same scale, should a training come to learn from them.
 *
 * @param all the training rows, ascending
 * @param drawn those of them that have mean 1
 * @param count rows of the table
 * @returns `[count]`, 1 for rows of other roles
 */
export function bayesianWeights(
  from: Key,
  all: Uint32Array,
  drawn: Uint32Array,
  count: number,
): Float32Array {
  const exponentials = uniforms(from, all.length).map((u) => -elementary.log(1 - u));
  const weights = new Float64Array(count).fill(1);
  all.forEach((row, at) => (weights[row] = exponentials[at]!));
  let sum = 0;
  for (const row of drawn) sum += weights[row]!;
  for (const row of all) weights[row]! *= drawn.length / sum;
  return Float32Array.from(weights);
}

/** `count` of the items without replacement, ascending. */
export function chosen(from: Key, items: Uint32Array, count: number): Uint32Array {
  const order = permutation(from, items.length);
  return Uint32Array.from(order.subarray(0, count), (i) => items[i]!).sort();
}

function withReplacement(from: Key, items: Uint32Array, count: number): Uint32Array {
  return integers(from, count, items.length)
    .map((i) => items[i]!)
    .sort();
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.sort();
}

/** Rows of each code, codes ascending; all of one code where there are none. */
function codesOf(
  rows: Uint32Array,
  codes: ArrayLike<number> | undefined,
): (readonly [code: number, rows: Uint32Array])[] {
  const found = new Map<number, number[]>();
  for (const row of rows) {
    const code = codes?.[row] ?? 0;
    const own = found.get(code);
    if (own === undefined) found.set(code, [row]);
    else own.push(row);
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([code, own]) => [code, Uint32Array.from(own)] as const);
}

/** A scheme with its settings filled in. */
function schemeOf(spec: SampleSpec): {
  draw: (pool: Pool) => Uint32Array;
  leavesOut: () => boolean;
  size: (n: number) => number;
} {
  const bound =
    <K extends Name>(name: K) =>
    (settings: SettingsOf<K>) => ({
      draw: (pool: Pool) => SCHEMES[name].draw(settings, pool),
      leavesOut: () => SCHEMES[name].leavesOut(settings),
      size: (n: number) => SCHEMES[name].size(settings, n),
    });
  return match(spec, {
    all: bound("all"),
    bootstrap: bound("bootstrap"),
    subsample: bound("subsample"),
    stratified: bound("stratified"),
    bayesian: bound("bayesian"),
    folds: bound("folds"),
    grouped: bound("grouped"),
    ordered: bound("ordered"),
  });
}
