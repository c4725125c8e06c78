import { move, transferableSymbol, valueSymbol } from "piscina";
import type { Table } from "@manyfold/data";
import type { ObjectiveTask } from "@manyfold/protocol";
import {
  cancelRequested,
  type Control,
  markEnded,
  markStarted,
  openControl,
  writePoint,
} from "./control.ts";
import { decodedTables } from "./decoded-tables.ts";
import { type Meter, startMeter } from "@manyfold/core";
import { engineClock, prepareVariant, tuneEngine } from "./engine.ts";
import type { ThreadAnswer, ThreadRequest, ThreadTask } from "./messages.ts";
import { failed, failureFrom, type TaskOutcome } from "./outcome.ts";
import { runObjective } from "./run-objective.ts";
import { runTask } from "./run-task.ts";

const decode = decodedTables();
/** One for all tasks of this thread, made for the first one that is measured. */
let meter: Meter | undefined;

/**
 * What a pool's threads run: tasks, one after the other, each from its data to its bytes. Whatever
 * goes wrong is part of the answer, since an error that crosses threads arrives without its class
 * and code.
 */
export async function runInThread(request: ThreadRequest): Promise<unknown> {
  if (request.type === "hello") {
    tuneEngine();
    return { status: "ready" } satisfies ThreadAnswer;
  }
  const outcomes: TaskOutcome[] = [];
  for (const task of request.tasks) outcomes.push(await answer(task, request.profile));
  return moved(outcomes);
}

async function answer(
  { spec, table, checkpoint, module = "", control: memory }: ThreadTask,
  profile: boolean,
): Promise<TaskOutcome> {
  const control = openControl(memory);
  markStarted(control);
  try {
    if (spec.kind === "objective") {
      return await call(spec, () => decode(spec.data, table), { module, checkpoint, control });
    }
    await prepareVariant(spec.variant);
    if (profile) meter ??= startMeter(engineClock);
    return runTask(spec, () => decode(spec.data, table), {
      cancelled: () => cancelRequested(control),
      onEpoch: (point) => writePoint(control, point),
      meter: profile ? meter : undefined,
      ...(checkpoint && { checkpoint }),
    });
  } catch (error) {
    return failed(failureFrom(error));
  } finally {
    markEnded(control);
  }
}

/** Milliseconds between two looks whether a call is to be ended, where it lets other events in. */
const LOOK = 20;

async function call(
  spec: ObjectiveTask,
  table: () => Table,
  {
    module,
    checkpoint,
    control,
  }: {
    readonly module: string;
    readonly checkpoint: Uint8Array | undefined;
    readonly control: Control;
  },
): Promise<TaskOutcome> {
  const stop = new AbortController();
  const looking = setInterval(() => cancelRequested(control) && stop.abort(), LOOK);
  try {
    return await runObjective(spec, table, {
      module,
      signal: stop.signal,
      cancelled: () => cancelRequested(control),
      onReport: (point) => writePoint(control, point),
      ...(checkpoint && { checkpoint }),
    });
  } finally {
    clearInterval(looking);
  }
}

/** Marks an answer's buffers as ones to hand over. */
function moved(outcomes: TaskOutcome[]): unknown {
  const parts = outcomes.flatMap((outcome) => {
    if (outcome.status !== "done") return [];
    const { output } = outcome;
    const rest = output.checkpoint ? [output.checkpoint] : [];
    return "weights" in output
      ? [output.weights, ...Object.values(output.predictions), ...rest]
      : rest;
  });
  return move({
    [transferableSymbol]: parts.map(({ buffer }) => buffer),
    [valueSymbol]: { status: "ran", outcomes } satisfies ThreadAnswer,
  });
}
