import type { Profile } from "@manyfold/core";
import {
  type CurvePoint,
  type Failure,
  type FailureCode,
  ManyfoldError,
  type Report,
} from "@manyfold/protocol";

/** What a finished training yields before it is stored: bytes, and what was learned on the way. */
export interface TrainOutput {
  /** float32, little-endian, in the order of the model's parameters. */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** Number of weights. */
  readonly parameters: number;
  /** float32 little-endian `[rows, outputs]` per kind of row asked for; rows ascending. */
  readonly predictions: { readonly [R in Report]?: Uint8Array<ArrayBuffer> };
  readonly curve: readonly CurvePoint[];
  readonly epoch: number;
  readonly stopped: boolean;
  /** Where the time went, if somebody asked; no part of the result. */
  readonly profile?: Profile;
  /** To go on from, where the training has another part. */
  readonly checkpoint?: Uint8Array<ArrayBuffer>;
}

/** What a finished call of the user's own objective yields. */
export interface ObjectiveOutput {
  readonly value: number;
  /** Other numbers that it returned. */
  readonly values?: { readonly [name: string]: number };
  readonly reported: readonly Reported[];
  /** To go on from, where the call has another part. */
  readonly checkpoint?: Uint8Array<ArrayBuffer>;
}

/** A value that an objective reported on its way. */
export interface Reported {
  readonly step: number;
  readonly value: number;
}

export type TaskOutput = TrainOutput | ObjectiveOutput;

/** How one attempt ended. */
export type AttemptOutcome<Output = TaskOutput> =
  | { readonly status: "done"; readonly output: Output }
  | { readonly status: "failed"; readonly failure: Failure };

/** How the computation itself ended; only its caller knows why it was told to stop. */
export type TaskOutcome<Output = TaskOutput> =
  AttemptOutcome<Output> | { readonly status: "cancelled" };

/** Failures that every machine would repeat. */
const PERMANENT: { readonly [C in FailureCode]: boolean } = {
  lost: false,
  timeout: false,
  oom: false,
  exception: false,
  nan: true,
  invalid: true,
  poison: true,
};

/** A failure as data; whether it is permanent follows from its class. */
export function failureOf(
  code: FailureCode,
  message: string,
  where: { epoch?: number; layer?: string; op?: string } = {},
): Failure {
  return { code, message, permanent: PERMANENT[code], ...where };
}

/** The outcome of an attempt that failed. */
export function failed(failure: Failure): AttemptOutcome & { status: "failed" } {
  return { status: "failed", failure };
}

/**
 * What was thrown, as data without a stack: our own errors say that the task cannot be done
 * (`invalid`), a refused allocation is `oom`, all else is `exception`.
 */
export function failureFrom(error: unknown): Failure {
  if (error instanceof ManyfoldError) return failureOf("invalid", error.message);
  const message = messageOf(error);
  const refused = error instanceof RangeError && /allocat|memory|array length/i.test(message);
  return failureOf(refused ? "oom" : "exception", message);
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
