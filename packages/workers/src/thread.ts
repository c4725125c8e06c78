import { move, transferableSymbol, valueSymbol } from "piscina";
import { cancelRequested, markStarted, openControl, writePoint } from "./control.ts";
import { decodedTables } from "./decoded-tables.ts";
import { prepareVariant, tuneEngine } from "./engine.ts";
import type { ThreadAnswer, ThreadRequest } from "./messages.ts";
import { failed, failureFrom, type TaskOutcome } from "./outcome.ts";
import { runTask } from "./run-task.ts";

const decode = decodedTables();

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
  return runTask(spec, () => decode(spec.data, table), {
    cancelled: () => cancelRequested(control),
    onEpoch: (point) => writePoint(control, point),
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
