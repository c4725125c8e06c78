import type { ParamValue } from "@manyfold/protocol";

/*
 * What the server tells the page: rows, each of which stands for itself and replaces the row of the
 * same name that came before.
 */

/** How a run stands. `stopped` has nobody who writes it; `damaged` cannot be read on. */
export type Status =
  "running" | "stopped" | "interrupted" | "done" | "partial" | "error" | "damaged";

export interface Count {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
}

/** A run in the list of runs. */
export interface RunSummary {
  /** Name of its folder. */
  readonly id: string;
  readonly name: string;
  readonly status: Status;
  readonly trials: Count | null;
  readonly members: Count;
  /** The best value of a search so far. */
  readonly best: number | null;
  readonly metric: string | null;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly updated: number;
}

/** What a run is, and how far. */
export interface HeadRow {
  readonly kind: "head";
  readonly summary: RunSummary;
  readonly task: string;
  readonly source: string;
  readonly sampler: string | null;
  readonly scheduler: string | null;
  readonly direction: "minimise" | "maximise";
  /** Names of the parameters, in the order of each trial's values. */
  readonly parameters: readonly string[];
  readonly variant: string;
  readonly attempts: number;
  readonly trainSeconds: number;
  /** Whether its folder has a report. */
  readonly report: boolean;
}

export interface TrialRow {
  readonly kind: "trial";
  readonly trial: number;
  readonly state: "running" | "completed" | "failed";
  readonly value: number | null;
  readonly error: number | null;
  /** Looks of a scheduler that it has passed. */
  readonly looks: number;
  readonly seconds: number;
  readonly values: readonly (ParamValue | null)[];
}

export interface MemberRow {
  readonly kind: "member";
  readonly member: number;
  readonly state: "completed" | "failed";
  readonly epoch: number | null;
  readonly train: number | null;
  readonly held: number | null;
  readonly seconds: number;
  readonly worker: string;
  readonly failure: string | null;
}

/** A loss curve; no points take it away again. */
export interface CurveRow {
  readonly kind: "curve";
  readonly of: "member" | "trial";
  readonly number: number;
  /** Epoch, training loss, held-out loss. */
  readonly points: readonly (readonly [number, number, number | null])[];
}

export interface WorkerRow {
  readonly kind: "worker";
  readonly worker: string;
  readonly done: number;
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds since 1970. */
  readonly last: number;
}

export type Row = HeadRow | TrialRow | MemberRow | CurveRow | WorkerRow;

/** An event of a run's stream; its id says where to go on. */
export interface RunEvent {
  /** Forget what came before. */
  readonly reset: boolean;
  readonly rows: readonly Row[];
  /** Rows that are yet to be sent of what is there already. */
  readonly left: number;
}

/** An event of the stream of all runs. */
export interface RunsEvent {
  readonly reset: boolean;
  readonly runs: readonly RunSummary[];
  readonly gone: readonly string[];
}
