import { predictionColumns } from "@manyfold/core";
import { type FittedTarget, ManyfoldError, type OutputHead, show } from "@manyfold/protocol";
import { type Member, type Members, outputsOf, said } from "./members.ts";
import type { Distribution } from "./predictive.ts";

/** One member's predictions of the rows that it did not train on. */
export interface OutOfBagMember {
  readonly member: number;
  /** Rows of the table, ascending. */
  readonly rows: ArrayLike<number>;
  /** `[rows, columns]`, as tasks report them. */
  readonly values: Float32Array;
}

/** Every training row that at least one member left out, with the members that did. */
export interface OutOfBagPredictions {
  /** Predictions of `rows`; each member is present where it left the row out. */
  readonly members: Members;
  /** Rows of the table, ascending. */
  readonly rows: Uint32Array;
  /** Training rows that every member trained on: nothing can be said about them. */
  readonly uncovered: Uint32Array;
  /** Mean number of members per row of `rows`; 0 where there is none. */
  readonly membersPerRow: number;
}

/**
 * Lays members' out-of-bag predictions side by side (Breiman 1996, "Out-of-bag estimation"), so
 * that {@link combine} predicts each training row with only the members that did not see it. With
 * bootstraps these are about k/e of k members, so the score is that of a smaller ensemble: a
 * pessimistic one for small k.
 *
 * @param trainRows the training rows of the table, ascending
 * @param output of the model
 *
 * @example
 * const oob = outOfBag(target, members, trainRows);
 * const score = metrics(truthOf(target, table.y, oob.rows), combine({ mean: {} }, oob.members), ...);
 */
export function outOfBag(
  target: FittedTarget,
  members: readonly OutOfBagMember[],
  trainRows: ArrayLike<number>,
  output: OutputHead = "auto",
): OutOfBagPredictions {
  const outputs = outputsOf(target);
  const columns = predictionColumns(output, outputs);
  const last = trainRows.length === 0 ? 0 : trainRows[trainRows.length - 1]!;
  const coverage = new Uint32Array(last + 1);
  for (const { member, rows, values } of members) {
    requireLength(member, rows.length * columns, values.length);
    for (let i = 0; i < rows.length; i++) coverage[rows[i]!]! += 1;
  }

  const all = Uint32Array.from(trainRows);
  const covered = all.filter((row) => coverage[row]! > 0);
  const place = new Int32Array(last + 1).fill(-1);
  covered.forEach((row, at) => (place[row] = at));

  const laid = members.map(({ member, rows, values }): Member => {
    const own = said(target, values, output);
    const full = new Float64Array(covered.length * outputs);
    const present = new Uint8Array(covered.length);
    for (let i = 0; i < rows.length; i++) {
      const at = place[rows[i]!] ?? -1;
      if (at < 0) throw foreignRow(member, rows[i]!);
      full.set(own.values.subarray(i * outputs, (i + 1) * outputs), at * outputs);
      present[at] = 1;
    }
    if (own.distribution === undefined) return { member, values: full, present };
    const distribution = laidOut(own.distribution, outputs, rows, place, covered.length);
    return { member, values: full, present, distribution };
  });
  const pairs = covered.reduce((sum, row) => sum + coverage[row]!, 0);
  return {
    members: { task: target.task, rows: covered.length, outputs, members: laid },
    rows: covered,
    uncovered: all.filter((row) => coverage[row] === 0),
    membersPerRow: covered.length === 0 ? 0 : pairs / covered.length,
  };
}

/** A distribution of some rows at their places among all that are covered. */
function laidOut(
  own: Distribution,
  outputs: number,
  rows: ArrayLike<number>,
  place: Int32Array,
  count: number,
): Distribution {
  const width = outputs * own.components;
  const lay = (values: Float64Array): Float64Array => {
    const full = new Float64Array(count * width);
    for (let i = 0; i < rows.length; i++) {
      full.set(values.subarray(i * width, (i + 1) * width), place[rows[i]!]! * width);
    }
    return full;
  };
  const { components, weights, means, variances } = own;
  return { components, weights: lay(weights), means: lay(means), variances: lay(variances) };
}

function requireLength(member: number, expected: number, got: number): void {
  if (got === expected) return;
  throw new ManyfoldError({
    code: "internal",
    path: `out-of-bag predictions of member ${member}`,
    condition: `${expected} numbers long`,
    got: show(got),
  });
}

function foreignRow(member: number, row: number): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: `out-of-bag rows of member ${member}`,
    condition: "training rows",
    got: show(row),
  });
}
