import type { CurveRow, HeadRow, MemberRow, RunEvent, TrialRow, WorkerRow } from "../src/rows.ts";

/** What is known of a run. */
export interface Store {
  head: HeadRow | undefined;
  readonly trials: Map<number, TrialRow>;
  readonly members: Map<number, MemberRow>;
  readonly workers: Map<string, WorkerRow>;
  readonly curves: Map<string, CurveRow>;
  /** Rows that are still to come of what there is. */
  left: number;
}

export function createStore(): Store {
  return {
    head: undefined,
    trials: new Map(),
    members: new Map(),
    workers: new Map(),
    curves: new Map(),
    left: 0,
  };
}

export function take(store: Store, { reset, rows, left }: RunEvent): void {
  const { trials, members, workers, curves } = store;
  if (reset) {
    store.head = undefined;
    for (const map of [trials, members, workers, curves]) map.clear();
  }
  for (const row of rows) {
    if (row.kind === "head") store.head = row;
    else if (row.kind === "trial") trials.set(row.trial, row);
    else if (row.kind === "member") members.set(row.member, row);
    else if (row.kind === "worker") workers.set(row.worker, row);
    else if (row.points.length > 0) curves.set(`${row.of} ${row.number}`, row);
    else curves.delete(`${row.of} ${row.number}`);
  }
  store.left = left;
}

/** A trial with a value. */
export type Scored = TrialRow & { readonly value: number };

/** Trials with values, the furthest first, then the best, then the earlier one. */
export function ranked({ trials, head }: Store): Scored[] {
  const sign = head?.direction === "maximise" ? -1 : 1;
  return [...trials.values()]
    .flatMap((row) => (row.value === null ? [] : [{ ...row, value: row.value }]))
    .sort((a, b) => b.looks - a.looks || sign * (a.value - b.value) || a.trial - b.trial);
}
