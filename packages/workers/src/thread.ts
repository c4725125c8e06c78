import { move, transferableSymbol, valueSymbol } from "piscina";
import { cancelRequested, markEnded, markStarted, openControl, writePoint } from "./control.ts";
import { decodedTables } from "./decoded-tables.ts";
import { type Meter, startMeter } from "@manyfold/core";
import { engineClock, prepareVariant, tuneEngine } from "./engine.ts";
import type { ThreadAnswer, ThreadRequest, ThreadTask } from "./messages.ts";
import { failed, failureFrom, type TaskOutcome } from "./outcome.ts";
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
  { spec, table, checkpoint, control: memory }: ThreadTask,
  profile: boolean,
): Promise<TaskOutcome> {
  const control = openControl(memory);
  markStarted(control);
  try {
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

/** Marks an answer's buffers as ones to hand over. */
function moved(outcomes: TaskOutcome[]): unknown {
  const parts = outcomes.flatMap((outcome) => {
    if (outcome.status !== "done") return [];
    const { weights, predictions, checkpoint } = outcome.output;
    return [weights, ...Object.values(predictions), ...(checkpoint ? [checkpoint] : [])];
  });
  return move({
    [transferableSymbol]: parts.map(({ buffer }) => buffer),
    [valueSymbol]: { status: "ran", outcomes } satisfies ThreadAnswer,
  });
}
