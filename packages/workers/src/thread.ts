import { move, transferableSymbol, valueSymbol } from "piscina";
import { cancelRequested, markStarted, openControl, writePoint } from "./control.ts";
import { decodedTables } from "./decoded-tables.ts";
import { type Meter, startMeter } from "@manyfold/core";
import { engineClock, prepareVariant, tuneEngine } from "./engine.ts";
import type { ThreadAnswer, ThreadRequest } from "./messages.ts";
import { failed, failureFrom, type TaskOutcome } from "./outcome.ts";
import { runTask } from "./run-task.ts";

const decode = decodedTables();
/** One for all tasks of this thread, made for the first one that is measured. */
let meter: Meter | undefined;

/**
 * What a pool's threads run: one task from its data to its bytes. Whatever goes wrong is part of the
 * answer, since an error that crosses threads arrives without its class and code.
 */
export async function runInThread(request: ThreadRequest): Promise<unknown> {
  if (request.type === "hello") {
    tuneEngine();
    return { status: "ready" } satisfies ThreadAnswer;
  }
  try {
    await prepareVariant(request.spec.variant);
  } catch (error) {
    return failed(failureFrom(error));
  }
  return moved(answer(request));
}

function answer(request: ThreadRequest & { type: "task" }): TaskOutcome {
  const { spec, table } = request;
  const control = openControl(request.control);
  markStarted(control);
  if (request.profile) meter ??= startMeter(engineClock);
  return runTask(spec, () => decode(spec.data, table), {
    cancelled: () => cancelRequested(control),
    onEpoch: (point) => writePoint(control, point),
    meter: request.profile ? meter : undefined,
  });
}

/** Marks an answer's buffers as ones to hand over. */
function moved(outcome: TaskOutcome): unknown {
  if (outcome.status !== "done") return outcome;
  const { weights, predictions } = outcome.output;
  const parts = [weights, ...Object.values(predictions)];
  return move({
    [transferableSymbol]: parts.map(({ buffer }) => buffer),
    [valueSymbol]: outcome,
  });
}
