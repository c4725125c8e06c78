import { fold, key, type Key, permutation } from "@manyfold/core";
import { ManyfoldError, type DrawSpec, type EarlyStopping } from "@manyfold/protocol";
import {
  bayesianWeights,
  chosen,
  heldAfter,
  heldBefore,
  leavesRowsOut,
  type Pool,
  sampled,
} from "./schemes.ts";
import { rowsOf, type Table } from "./table.ts";

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
  /** What each row of the table counts, of mean 1 over `rows`; undefined where all count the same. */
  readonly weights?: Float32Array | undefined;
}

/** What a draw may have to know of rows besides their numbers; indexed by row of the table. */
export type DrawBy = Pick<Pool, "classes" | "groups">;

/** The key that everything random about a member's training is folded from. */
export function memberKey(place: MemberPlace): Key {
  return fold(placeKey(place), "member", place.member);
}

/** The key that the members of one fold and repeat share. */
function placeKey({ seed, fold: number, repeat }: Omit<MemberPlace, "member">): Key {
  return fold(fold(key(seed), "fold", number), "repeat", repeat);
}

/** The rows that a draw is from: all, or the first share of an order of the place and the subset. */
function rowsWithin(of: DrawOf, rows: Uint32Array): Uint32Array {
  const { within } = of.draw;
  if (within === undefined) return rows;
  const order = permutation(fold(placeKey(of), "within", within.subset), rows.length);
  const count = shareOf(within.share, rows.length, rows.length);
  return Uint32Array.from(order.subarray(0, count), (at) => rows[at]!).sort();
}

/**
 * Draws a member's rows and inputs from its key; the same answer wherever and whenever it is asked,
 * so that no list of rows is ever stored.
 *
 * A holdout for early stopping is chosen before the rows are drawn, and the draw is from the rest:
 * no row both trains and stops a member. With `earlyStopping.on: oob` the rows left out by the draw
 * stop it, so that `held` equals `oob` and scores on them are biased. Of an ordered draw the last
 * rows drawn are the holdout, later than those trained on and earlier than those out of bag; of folds,
 * some of those drawn.
 *
 * @param every the table's rows of role `train`, ascending
 * @param inputs number of input columns
 * @param by classes and groups, for the schemes that go by them
 */
export function drawRows(of: DrawOf, every: Uint32Array, inputs: number, by: DrawBy = {}): Draw {
  const trainRows = rowsWithin(of, every);
  const from = fold(memberKey(of), "draw");
  const { sample } = of.draw;
  const stopping = of.earlyStopping;
  if (stopping?.on === "oob" && !leavesRowsOut(sample)) throw noneLeftOut();
  const { fraction = 0 } = stopping?.on === "holdout" ? stopping : {};
  const wanted = fraction > 0 ? heldCount(trainRows, fraction) : 0;
  const pool = (name: string, rows: Uint32Array): Pool => ({
    ...by,
    rows,
    key: fold(from, name),
    round: (round) => fold(placeKey(of), "folds", round),
    member: of.member,
  });
  const apart = wanted > 0 ? heldBefore(sample, pool("holdout", trainRows), wanted) : undefined;
  const rest = without(trainRows, apart);
  const drawn = sampled(sample, pool("rows", rest));
  const oob = without(rest, drawn);
  const held =
    wanted > 0 && apart === undefined
      ? heldAfter(sample, pool("holdout", drawn), heldCount(drawn, fraction))
      : apart;
  const rows = apart === held ? drawn : without(drawn, held);
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
    ...("bayesian" in sample && {
      weights: bayesianWeights(
        fold(from, "weights"),
        trainRows,
        rows,
        (trainRows.at(-1) ?? -1) + 1,
      ),
    }),
  };
}

/** The draw of a task's member from a table, by its classes and groups. */
export function drawFrom(of: DrawOf, table: Table): Draw {
  const { ref, y, groups } = table;
  const classes = ref.classes > 0 ? y : undefined;
  return drawRows(of, rowsOf(table, "train"), ref.inputs, { classes, groups });
}

/**
 * The rows without a target that a member learns from: by a bootstrap or a subsample they are drawn
 * as its rows are, of its own for each member of a bag; all of them by the other schemes, which go by
 * what these rows do not have.
 *
 * @param rows the table's rows of role `unlabelled`, ascending
 */
export function drawUnlabelled(of: DrawOf, rows: Uint32Array): Uint32Array {
  const { sample } = of.draw;
  if (rows.length === 0 || !("bootstrap" in sample || "subsample" in sample)) return rows.slice();
  const from = fold(fold(memberKey(of), "draw"), "unlabelled");
  return sampled(sample, { rows, key: from, round: () => from, member: of.member });
}

function without(rows: Uint32Array, some: Uint32Array | undefined): Uint32Array {
  const left = new Set(some);
  return rows.filter((row) => !left.has(row));
}

function heldCount(rows: Uint32Array, fraction: number): number {
  if (rows.length < 2) {
    throw new ManyfoldError({
      code: "input",
      path: "train.earlyStopping",
      condition: "left out with fewer than 2 training rows",
      got: `${rows.length} rows`,
      help: "A holdout needs a row to train on and a row to stop on.",
    });
  }
  return shareOf(fraction, rows.length, rows.length - 1);
}

function shareOf(fraction: number, of: number, most: number): number {
  return Math.min(Math.max(Math.round(fraction * of), 1), most);
}

function noneLeftOut(): ManyfoldError {
  return new ManyfoldError({
    code: "config",
    path: "train.earlyStopping.on",
    condition: "holdout where members train on every row",
    got: "oob",
    help: "Out-of-bag rows are those that a draw such as a bootstrap or a subsample leaves out.",
  });
}
