// What the threads of a measured worker run in place of trainings: nothing, or a sleep.
import type { TrainTask } from "@manyfold/protocol";

type Request =
  | { readonly type: "hello" }
  | { readonly type: "tasks"; readonly tasks: readonly { readonly spec: TrainTask }[] };

const sleeping = new Int32Array(new SharedArrayBuffer(4));

/** A task's `repeat` says for how many milliseconds it sleeps. */
export function runInThread(request: Request): unknown {
  if (request.type === "hello") return { status: "ready" };
  const outcomes = request.tasks.map(({ spec: { repeat, report, train } }) => {
    if (repeat > 0) Atomics.wait(sleeping, 0, 0, repeat);
    // As long as those of a training, so that they weigh as much wherever they are kept.
    const predictions = Object.fromEntries(report.map((each) => [each, new Uint8Array(4)]));
    const curve = Array.from({ length: train.epochs }, (_, epoch) => ({
      epoch: epoch + 1,
      train: 1 / (epoch + 3),
    }));
    const learned = { parameters: 1, predictions, curve, epoch: train.epochs, stopped: false };
    return { status: "done", output: { weights: new Uint8Array(4), ...learned } };
  });
  return { status: "ran", outcomes };
}
