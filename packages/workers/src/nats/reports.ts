import type { Transport } from "./transport.ts";
import { refusalCode } from "./transport.ts";
import type { Failure, TaskResult } from "@manyfold/protocol";
import { decode, encode, LARGEST, type Outcome, OutcomeMessage } from "./messages.ts";
import { type AttemptName, type Names, VERSION } from "./subjects.ts";

/** Milliseconds before a stream that is full is tried again. */
const FULL = 500;

/**
 * Writes how attempts ended; whoever was first on a subject stays. Several outcomes of one message
 * of tasks are written as one.
 *
 * @param bundle the name of that message
 */
export async function reportOutcomes(
  link: Transport,
  names: Names,
  worker: string,
  bundle: AttemptName,
  outcomes: readonly Outcome[],
): Promise<void> {
  const body = encodeOutcomes(worker, outcomes);
  if (outcomes.length > 1 && body.byteLength <= LARGEST) {
    await writeFirst(link, names.results, names.bundle(bundle), body);
    return;
  }
  await Promise.all(
    outcomes.map((one) => {
      const subject =
        one.status === "failed"
          ? names.failure({ ...one, run: bundle.run })
          : names.success({ run: bundle.run, task: one.task });
      return writeFirst(link, names.results, subject, encodeOutcomes(worker, [one]));
    }),
  );
}

/** The first success of a task, where there is one. */
export async function successOf(
  link: Transport,
  names: Names,
  run: string,
  task: string,
): Promise<{ result: TaskResult; worker: string; seconds: number } | undefined> {
  const found = await link.streams.get(names.results, { last: names.success({ run, task }) });
  const message = found && decode(OutcomeMessage, found.data);
  const first = message?.outcomes.find((one) => one.task === task);
  if (message === undefined || first?.status !== "done") return undefined;
  return { result: first.result, worker: message.worker, seconds: first.seconds };
}

/** Writes the coordinator's last word on a task where its first success would be. */
export async function concludeTask(
  link: Transport,
  names: Names,
  run: string,
  task: string,
  failure: Failure,
): Promise<void> {
  const body = encodeOutcomes("coordinator", [{ status: "verdict", task, failure }]);
  await writeFirst(link, names.results, names.success({ run, task }), body);
}

/** A message of outcomes as bytes. */
export function encodeOutcomes(worker: string, outcomes: readonly Outcome[]): Uint8Array {
  const message: OutcomeMessage = { version: VERSION, worker, outcomes: [...outcomes] };
  return encode(message);
}

/**
 * Writes to a subject that has nothing yet; what another one wrote before stays.
 *
 * @returns whether it is ours that stays; false too where an answer to ours was lost
 */
export async function writeFirst(
  link: Transport,
  stream: string,
  subject: string,
  body: Uint8Array,
): Promise<boolean> {
  for (;;) {
    try {
      await link.streams.publish(subject, body, { last: 0 });
      return true;
    } catch (error) {
      const code = refusalCode(error);
      if (code === 10071) return false;
      if (code !== 10077) throw error;
      // Either somebody was first, or the stream is full: then it waits, and its worker renews.
      if ((await link.streams.get(stream, { last: subject })) !== undefined) return false;
      await link.timers.sleep(FULL);
    }
  }
}
