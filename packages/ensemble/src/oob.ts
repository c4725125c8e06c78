import { type FittedTarget, ManyfoldError, show } from "@manyfold/protocol";
import { type Member, type Members, outputsOf, toOriginalUnits } from "./members.ts";

/** One member's predictions of the rows that it did not train on. */
export interface OutOfBagMember {
  readonly member: number;
  /** Rows of the table, ascending. */
  readonly rows: ArrayLike<number>;
  /** `[rows, outputs]`, as tasks report them. */
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
 *
 * @example
 * const oob = outOfBag(target, members, trainRows);
 * const score = metrics(truthOf(target, table.y, oob.rows), combine({ mean: {} }, oob.members), ...);
 */
export function outOfBag(
  target: FittedTarget,
  members: readonly OutOfBagMember[],
  trainRows: ArrayLike<number>,
): OutOfBagPredictions {
  const outputs = outputsOf(target);
  const last = trainRows.length === 0 ? 0 : trainRows[trainRows.length - 1]!;
  const coverage = new Uint32Array(last + 1);
  for (const { member, rows, values } of members) {
    requireLength(member, rows.length * outputs, values.length);
    for (let i = 0; i < rows.length; i++) coverage[rows[i]!]! += 1;
  }

  const all = Uint32Array.from(trainRows);
  const covered = all.filter((row) => coverage[row]! > 0);
  const place = new Int32Array(last + 1).fill(-1);
  covered.forEach((row, at) => (place[row] = at));

  const laid = members.map(({ member, rows, values }): Member => {
    const original = toOriginalUnits(target, values);
    const full = new Float64Array(covered.length * outputs);
    const present = new Uint8Array(covered.length);
    for (let i = 0; i < rows.length; i++) {
      const at = place[rows[i]!] ?? -1;
      if (at < 0) throw foreignRow(member, rows[i]!);
      full.set(original.subarray(i * outputs, (i + 1) * outputs), at * outputs);
      present[at] = 1;
    }
    return { member, values: full, present };
  });
  const pairs = covered.reduce((sum, row) => sum + coverage[row]!, 0);
  return {
    members: { task: target.task, rows: covered.length, outputs, members: laid },
    rows: covered,
    uncovered: all.filter((row) => coverage[row] === 0),
    membersPerRow: covered.length === 0 ? 0 : pairs / covered.length,
  };
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
