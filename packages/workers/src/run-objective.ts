import { fold, uniforms, type Key } from "@manyfold/core";
import { memberKey, rowsOf, type Table } from "@manyfold/data";
import { ManyfoldError, show, type CurvePoint, type ObjectiveTask } from "@manyfold/protocol";
import type { ObjectiveContext, ObjectiveData, ObjectiveRows } from "./objective.ts";
import { decodeSaved, encodeSaved } from "./saved.ts";
import {
  failed,
  failureFrom,
  failureOf,
  type ObjectiveOutput,
  type Reported,
  type TaskOutcome,
} from "./outcome.ts";

export interface RunObjectiveOptions {
  /** The module's address; see `moduleOf`. */
  readonly module: string;
  /** Aborted to end the call. */
  readonly signal: AbortSignal;
  /** Asked at each report, for calls that let no other event in. */
  readonly cancelled?: () => boolean;
  /** Told each value that is reported. */
  readonly onReport?: (point: CurvePoint) => void;
  /** What `spec.part.from` names. */
  readonly checkpoint?: Uint8Array;
}

/** Thrown out of a report to end the call: its budget is used up, or nobody wants it any more. */
class CallEnded extends Error {}

/** The rows handed to a report that went wrong end the call with this. */
class BadReport extends Error {}

/**
 * Calls the user's own objective. Whatever goes wrong is an outcome: what it throws is `exception`,
 * a value that is no number `invalid`, one that is not finite `nan`.
 */
export async function runObjective(
  spec: ObjectiveTask,
  table: () => Table,
  options: RunObjectiveOptions,
): Promise<TaskOutcome<ObjectiveOutput>> {
  const { signal } = options;
  const call = startCall(spec, options);
  try {
    const objective = await load(spec, options.module);
    const context = { ...call.context, data: dataOf(spec, table()) };
    const returned: unknown = await Promise.race([
      // In a turn of its own, so that what it throws at once is its outcome too.
      Promise.resolve().then(() => objective({ ...spec.params }, context)),
      aborted(signal),
    ]);
    return call.outcome(returned);
  } catch (error) {
    if (call.isCancelled()) return { status: "cancelled" };
    return call.thrown(error);
  }
}

type Loose = (params: object, context: ObjectiveContext) => unknown;

async function load({ module }: ObjectiveTask, address: string): Promise<Loose> {
  const loaded = (await import(/* @vite-ignore */ address)) as Record<string, unknown>;
  const found = loaded[module.export];
  if (typeof found === "function") return found as Loose;
  throw new ManyfoldError({
    code: "config",
    path: "objective.export",
    condition: `a function that ${module.name} exports`,
    got: module.export,
    help: `It exports ${Object.keys(loaded).join(", ") || "nothing"}.`,
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new CallEnded("The call was ended."));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

/** One call: what it is told, and what becomes of what it says. */
function startCall(spec: ObjectiveTask, options: RunObjectiveOptions) {
  const budget = spec.part?.until ?? spec.steps;
  const before = options.checkpoint && decodeSaved(options.checkpoint);
  const reported: Reported[] = before ? [...before.reported] : [];
  let saved: Uint8Array | undefined = before?.bytes;
  /** As it was at the last step within the budget. */
  let kept: Uint8Array | undefined;
  let spent = false;
  const isCancelled = () => options.signal.aborted || (options.cancelled?.() ?? false);
  const key: Key = memberKey(spec);

  const report = (step: number, value: number) => {
    if (isCancelled() || spent) throw new CallEnded("The call was ended.");
    if (!Number.isInteger(step) || step < 1) {
      throw new BadReport(`step must be a whole number from 1, got ${show(step)}.`);
    }
    if (step > budget) {
      spent = true;
      saved = kept ?? saved;
      throw new CallEnded("The call has used its budget.");
    }
    // A part that begins anew says again what is known.
    while ((reported.at(-1)?.step ?? 0) >= step) reported.pop();
    requireNumber(value, `The value reported at step ${step}`);
    reported.push({ step, value: value + 0 });
    kept = saved;
    options.onReport?.({ epoch: step, train: value });
  };

  const context: Omit<ObjectiveContext, "data"> = {
    key,
    seed: (key[1] % 2 ** 21) * 2 ** 32 + key[0],
    random: (name, index = 0) => streamOf(fold(fold(key, "objective"), name, index)),
    budget,
    fold: spec.fold,
    repeat: spec.repeat,
    report,
    checkpoint: {
      load: () => before?.bytes?.slice(),
      save: (bytes) => {
        if (!(bytes instanceof Uint8Array)) {
          throw new BadReport(`A checkpoint must be a Uint8Array, got ${show(bytes)}.`);
        }
        if (!spent) saved = bytes.slice();
      },
    },
    signal: options.signal,
  };

  const done = (value: number, values?: Record<string, number>): TaskOutcome<ObjectiveOutput> => {
    const rest =
      spec.part && spec.part.until < spec.steps
        ? encodeSaved({ reported, bytes: saved })
        : undefined;
    return {
      status: "done",
      output: {
        value: value + 0,
        ...(values && { values }),
        reported,
        ...(rest && { checkpoint: rest }),
      },
    };
  };

  return {
    context,
    isCancelled,
    outcome(returned: unknown): TaskOutcome<ObjectiveOutput> {
      // One that caught what ended it has gone on beyond its budget.
      const last = reported.at(-1);
      if (spent && last) return done(last.value);
      const whole =
        typeof returned === "object" && returned !== null ? returned : { value: returned };
      const { value, ...others } = whole as Record<string, unknown>;
      const names = Object.keys(others);
      const values: Record<string, number> = {};
      requireNumber(value, "The objective's value");
      for (const name of names) {
        const other = others[name];
        requireNumber(other, `The objective's ${JSON.stringify(name)}`);
        values[name] = other + 0;
      }
      return names.length > 0 ? done(value, values) : done(value);
    },
    thrown(error: unknown): TaskOutcome<ObjectiveOutput> {
      const last = reported.at(-1);
      if (spent && last) return done(last.value);
      if (error instanceof NotFinite) return failed(failureOf("nan", error.message));
      if (error instanceof BadReport) return failed(failureOf("invalid", error.message));
      return failed(failureFrom(error));
    },
  };
}

class NotFinite extends Error {}

function requireNumber(value: unknown, what: string): asserts value is number {
  if (typeof value !== "number")
    throw new BadReport(`${what} must be a number, got ${show(value)}.`);
  if (!Number.isFinite(value)) throw new NotFinite(`${what} must be finite, got ${value}.`);
}

/** Blocks of draws, as many as are asked for. */
const BLOCK = 256;

function streamOf(key: Key): () => number {
  let block = new Float64Array(0);
  let [number, at] = [0, 0];
  return () => {
    if (at >= block.length) {
      block = Float64Array.from(uniforms(fold(key, "block", number++), BLOCK));
      at = 0;
    }
    return block[at++] ?? 0;
  };
}

function dataOf({ target }: ObjectiveTask, table: Table): ObjectiveData {
  const { inputs, targets } = table.ref;
  const pick = (rows: Uint32Array): ObjectiveRows => {
    const x = new Float32Array(rows.length * inputs);
    const y = new Float64Array(rows.length * targets);
    rows.forEach((row, at) => {
      x.set(table.x.subarray(row * inputs, (row + 1) * inputs), at * inputs);
      for (let column = 0; column < targets; column++) {
        const value = table.y[row * targets + column] ?? 0;
        const of = target.task === "regression" ? target.columns[column] : undefined;
        y[at * targets + column] = of ? value * of.scale + of.offset : value;
      }
    });
    return { rows: rows.length, x, y };
  };
  const validation = rowsOf(table, "validation");
  return {
    task: target.task,
    inputs,
    targets,
    classes: target.task === "classification" ? target.classes : [],
    train: pick(rowsOf(table, "train")),
    validation: pick(validation.length > 0 ? validation : rowsOf(table, "test")),
  };
}
