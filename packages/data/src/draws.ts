import { fold, integers, key, permutation, type Key } from "@manyfold/core";
import { ManyfoldError, match, type DrawSpec, type EarlyStopping } from "@manyfold/protocol";

/** A member's place in an experiment's randomness: nothing else enters its training keys. */
export interface MemberPlace {
  readonly seed: number;
  readonly fold: number;
  readonly repeat: number;
  readonly member: number;
}

/** Whose draw: see `TaskSpec`, which has all of these fields but the stopping rule's place. */
export interface DrawOf extends MemberPlace {
  readonly draw: DrawSpec;
  readonly earlyStopping?: EarlyStopping | undefined;
}

/** What a member trains on; row indices of the table, input columns of `x`. */
export interface Draw {
  /** Ascending; a row drawn twice is there twice. */
  readonly rows: Uint32Array;
  /** Rows whose loss may stop the training, ascending; undefined where none do. */
  readonly held: Uint32Array | undefined;
  /** Training rows that neither trained nor (as a holdout) stopped the member, ascending. */
  readonly oob: Uint32Array;
  /** Input columns, ascending; undefined for all of them. */
  readonly features: Uint32Array | undefined;
}

/** The key that everything random about a member's training is folded from. */
export function memberKey(place: MemberPlace): Key {
  const inFold = fold(key(place.seed), "fold", place.fold);
  return fold(fold(inFold, "repeat", place.repeat), "member", place.member);
}

/**
 * Draws a member's rows and inputs from its key; the same answer wherever and whenever it is asked,
 * so that no list of rows is ever stored.
 *
 * A holdout for early stopping is chosen before the rows are drawn, and the draw is from the rest:
 * no row both trains and stops a member. With `earlyStopping.on: oob` the rows left out by the draw
 * stop it, so that `held` equals `oob` and scores on them are biased.
 *
 * @param trainRows the table's rows of role `train`, ascending
 * @param inputs number of input columns
 */
export function drawRows(of: DrawOf, trainRows: Uint32Array, inputs: number): Draw {
  const from = fold(memberKey(of), "draw");
  const stopping = of.earlyStopping;
  const holdout = stopping?.on === "holdout";
  const held = holdout ? heldRows(fold(from, "holdout"), trainRows, stopping.fraction) : undefined;
  const isHeld = new Set(held);
  const pool = trainRows.filter((row) => !isHeld.has(row));
  const rows = sample(fold(from, "rows"), of.draw, pool);
  const used = new Set(rows);
  const oob = pool.filter((row) => !used.has(row));
  if (stopping?.on === "oob" && drawsEveryRow(of.draw)) throw noneLeftOut();
  const share = of.draw.features;
  const columns = Uint32Array.from({ length: inputs }, (_, i) => i);
  return {
    rows,
    // By chance a bootstrap of a handful of rows leaves none out; nothing then stops its member.
    held: stopping?.on === "oob" && oob.length > 0 ? oob.slice() : held,
    oob,
    features:
      share === 1
        ? undefined
        : chosen(fold(from, "features"), columns, shareOf(share, inputs, inputs)),
  };
}

/**
 * The rows without a target that a member learns from, drawn as its rows are: a bootstrap of its own
 * for each member of a bag.
 *
 * @param rows the table's rows of role `unlabelled`, ascending
 */
export function drawUnlabelled(of: DrawOf, rows: Uint32Array): Uint32Array {
  if (rows.length === 0) return rows;
  return sample(fold(fold(memberKey(of), "draw"), "unlabelled"), of.draw, rows);
}

function heldRows(from: Key, trainRows: Uint32Array, fraction: number): Uint32Array {
  if (trainRows.length < 2) {
    throw new ManyfoldError({
      code: "input",
      path: "train.earlyStopping",
      condition: "left out with fewer than 2 training rows",
      got: `${trainRows.length} rows`,
      help: "A holdout needs a row to train on and a row to stop on.",
    });
  }
  return chosen(from, trainRows, shareOf(fraction, trainRows.length, trainRows.length - 1));
}

function sample(from: Key, { sample: spec }: DrawSpec, pool: Uint32Array): Uint32Array {
  return match(spec, {
    all: () => pool.slice(),
    bootstrap: ({ fraction }) => {
      const count = shareOf(fraction, pool.length, Infinity);
      return integers(from, count, pool.length)
        .map((i) => pool[i]!)
        .sort();
    },
    subsample: ({ fraction }) => chosen(from, pool, shareOf(fraction, pool.length, pool.length)),
  });
}

/** `count` of the items without replacement, ascending. */
function chosen(from: Key, items: Uint32Array, count: number): Uint32Array {
  const order = permutation(from, items.length);
  return Uint32Array.from(order.subarray(0, count), (i) => items[i]!).sort();
}

function shareOf(fraction: number, of: number, most: number): number {
  return Math.min(Math.max(Math.round(fraction * of), 1), most);
}

function drawsEveryRow({ sample: spec }: DrawSpec): boolean {
  return match(spec, {
    all: () => true,
    bootstrap: () => false,
    subsample: ({ fraction }) => fraction === 1,
  });
}

function noneLeftOut(): ManyfoldError {
  return new ManyfoldError({
    code: "config",
    path: "train.earlyStopping.on",
    condition: "holdout where members train on every row",
    got: "oob",
    help: "Out-of-bag rows are those that a bootstrap or a subsample leaves out.",
  });
}
