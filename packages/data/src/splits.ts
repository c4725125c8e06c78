import { fold, permutation, type Key } from "@manyfold/core";
import { ManyfoldError } from "@manyfold/protocol";

/** Two parts of some rows, ascending, disjoint, together complete. */
export interface Split {
  readonly train: Uint32Array;
  readonly held: Uint32Array;
}

/** What a split keeps in balance or together; indexed by row, groups before strata. */
export interface SplitBy {
  /** Class index per row: each class has its share on both sides. */
  readonly strata?: ArrayLike<number> | undefined;
  /** Group number per row: equal groups stay on one side. */
  readonly groups?: ArrayLike<number> | undefined;
}

/**
 * Holds out a share of the rows, drawn from the key: at least one row, and never all.
 *
 * By strata, each class gives its share by largest remainder and keeps at least one row on both
 * sides; a class of one row stays in training. By groups, whole groups are taken in random order
 * while they bring the number of rows nearer to the share.
 *
 * @param rows row indices, at least 2
 * @param share of the rows held out, between 0 and 1
 */
export function splitRows(key: Key, rows: Uint32Array, share: number, by: SplitBy = {}): Split {
  if (rows.length < 2) {
    throw new ManyfoldError({
      code: "input",
      path: "data.source",
      condition: "a table with at least 2 rows to split",
      got: String(rows.length),
      help: "Leave out data.split to train on every row.",
    });
  }
  const wanted = clamp(Math.round(share * rows.length), 1, rows.length - 1);
  const held = new Set<number>();
  if (by.groups !== undefined) {
    holdGroups(key, rows, wanted, by.groups, held);
  } else if (by.strata !== undefined) {
    holdStrata(key, rows, wanted, by.strata, held);
  } else {
    for (const i of permutation(key, rows.length).subarray(0, wanted)) held.add(rows[i]!);
  }
  return part(rows, (row) => held.has(row));
}

/**
 * Parts the rows into k folds, drawn from the key; fold i holds out part i. Sizes differ by at most
 * one row, and so does each class's number of rows per fold where strata are given; by groups,
 * whole groups are dealt, the largest first, to the fold with the fewest rows.
 *
 * @param k at least 2, at most the number of rows (of groups)
 */
export function foldRows(key: Key, rows: Uint32Array, k: number, by: SplitBy = {}): Split[] {
  const units = by.groups === undefined ? rows.length : members(rows, by.groups).length;
  if (k > units) {
    throw new ManyfoldError({
      code: "config",
      path: "search.assess.folds.k",
      condition: `at most the number of training ${by.groups === undefined ? "rows" : "groups"} (${units})`,
      got: String(k),
      help: "Take fewer folds, or a validation split.",
    });
  }
  const foldOf = new Map<number, number>();
  if (by.groups === undefined) {
    // Class after class is dealt out in turn, so that both totals and classes are even.
    const classes = by.strata === undefined ? [rows] : members(rows, by.strata);
    let next = 0;
    for (const [c, own] of classes.entries()) {
      for (const i of permutation(fold(key, "class", c), own.length)) {
        foldOf.set(own[i]!, next++ % k);
      }
    }
  } else {
    const groups = shuffled(key, members(rows, by.groups));
    const sizes = Array.from({ length: k }, () => 0);
    for (const group of groups.toSorted((a, b) => b.length - a.length)) {
      const smallest = sizes.indexOf(Math.min(...sizes));
      sizes[smallest]! += group.length;
      for (const row of group) foldOf.set(row, smallest);
    }
  }
  return Array.from({ length: k }, (_, i) => part(rows, (row) => foldOf.get(row) === i));
}

function part(rows: Uint32Array, isHeld: (row: number) => boolean): Split {
  const ascending = rows.toSorted();
  return {
    train: ascending.filter((row) => !isHeld(row)),
    held: ascending.filter((row) => isHeld(row)),
  };
}

/** The rows of each code, codes ascending, rows in the given order; empty ones left out. */
function members(rows: Uint32Array, codes: ArrayLike<number>): number[][] {
  const found = new Map<number, number[]>();
  for (const row of rows) {
    const own = found.get(codes[row]!);
    if (own === undefined) found.set(codes[row]!, [row]);
    else own.push(row);
  }
  return [...found].sort(([a], [b]) => a - b).map(([, own]) => own);
}

function shuffled<Item>(key: Key, items: readonly Item[]): Item[] {
  return Array.from(permutation(key, items.length), (i) => items[i]!);
}

function holdStrata(
  key: Key,
  rows: Uint32Array,
  wanted: number,
  strata: ArrayLike<number>,
  held: Set<number>,
): void {
  const classes = members(rows, strata);
  const counts = largestRemainder(
    classes.map((own) => own.length),
    wanted,
  );
  for (const [c, own] of classes.entries()) {
    const order = permutation(fold(key, "class", c), own.length);
    for (const i of order.subarray(0, counts[c]!)) held.add(own[i]!);
  }
}

/**
 * How many of each class's rows are held out, `wanted` in all where the bounds allow it: each class's
 * exact share, rounded so that the largest remainders round up (the first class among equals), at
 * least 1 and at most all but 1 of a class; none of a class of one.
 */
function largestRemainder(sizes: readonly number[], wanted: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const quotas = sizes.map((size) => (wanted * size) / total);
  const counts = sizes.map((size, c) =>
    size === 1 ? 0 : clamp(Math.floor(quotas[c]!), 1, size - 1),
  );
  let left = wanted - counts.reduce((sum, count) => sum + count, 0);
  while (left !== 0) {
    const step = Math.sign(left);
    let best = -1;
    let bestGap = -Infinity;
    for (const [c, size] of sizes.entries()) {
      const next = counts[c]! + step;
      if (size === 1 || next < 1 || next > size - 1) continue;
      const gap = step * (quotas[c]! - counts[c]!);
      if (gap > bestGap) {
        best = c;
        bestGap = gap;
      }
    }
    if (best < 0) break;
    counts[best]! += step;
    left -= step;
  }
  return counts;
}

function holdGroups(
  key: Key,
  rows: Uint32Array,
  wanted: number,
  codes: ArrayLike<number>,
  held: Set<number>,
): void {
  const groups = members(rows, codes);
  if (groups.length < 2) {
    throw new ManyfoldError({
      code: "input",
      path: "data.split.group",
      condition: "a column with at least 2 different values among the rows to split",
      got: String(groups.length),
      help: "Without groups to part, leave data.split.group out.",
    });
  }
  const order = shuffled(key, groups);
  let taken = 0;
  for (const group of order) {
    if (Math.abs(taken + group.length - wanted) >= Math.abs(taken - wanted)) continue;
    if (taken + group.length === rows.length) continue;
    taken += group.length;
    for (const row of group) held.add(row);
  }
  if (taken > 0) return;
  // Every group is more than twice the share: the smallest is the nearest to it.
  const smallest = order.reduce((a, b) => (b.length < a.length ? b : a));
  for (const row of smallest) held.add(row);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
