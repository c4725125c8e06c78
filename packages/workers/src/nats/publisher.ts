import {
  headers,
  type Msg,
  type NatsConnection,
  PermissionViolationError,
} from "@nats-io/transport-node";
import type { Timers } from "@manyfold/protocol";
import { type PublishOptions, Refusal, Unheard } from "./transport.ts";

/** Milliseconds for an answer, and between two looks for those that did not come. */
const TIMEOUT = 5000;
const LOOK = 1000;

interface Waiting {
  readonly subject: string;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Error) => void;
  /** Looks that it still waits for. */
  looks: number;
}

interface Answer {
  readonly seq?: number;
  readonly error?: {
    readonly code: number;
    readonly err_code?: number;
    readonly description?: string;
  };
}

/**
 * Publishes to streams: one inbox for all answers, one timer for all that do not come. The client's
 * own way makes an error with its stack and a timer for each message, which costs a short task more
 * than its work.
 *
 * @returns resolves with the message's sequence once it is stored
 */
export function publisherOver(
  nc: NatsConnection,
  inbox: string,
  timers: Timers,
): (subject: string, data: Uint8Array, options?: PublishOptions) => Promise<number> {
  const waiting = new Map<string, Waiting>();
  let number = 0;
  const settle = (name: string): Waiting | undefined => {
    const one = waiting.get(name);
    waiting.delete(name);
    return one;
  };
  const prefix = `${inbox}.stored.`;
  nc.subscribe(`${prefix}*`, {
    callback: (error, message) => {
      if (error !== null) return;
      const one = settle(message.subject.slice(prefix.length));
      const sequence = one && sequenceOf(message);
      if (typeof sequence === "number") one?.resolve(sequence);
      else if (sequence !== undefined) one?.reject(sequence);
    },
  });
  const watch = async () => {
    for await (const status of nc.status()) {
      if (status.type !== "error" || !(status.error instanceof PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      if (operation !== "publish") continue;
      for (const [name, one] of waiting) {
        if (one.subject === subject) settle(name)?.reject(status.error);
      }
    }
  };
  watch().catch(() => undefined);
  const stop = timers.every(LOOK, () => {
    for (const [name, one] of waiting) {
      if (--one.looks <= 0) settle(name)?.reject(new Error("no answer in time"));
    }
  });
  nc.closed()
    .finally(() => {
      stop();
      for (const name of waiting.keys()) settle(name)?.reject(new Error("closed"));
    })
    .catch(() => undefined);

  return (subject, data, { msgID, last, headers: marks = {} } = {}) =>
    new Promise((resolve, reject) => {
      const own = headers();
      for (const [name, value] of Object.entries(marks)) own.set(name, value);
      if (msgID !== undefined) own.set("Nats-Msg-Id", msgID);
      if (last !== undefined) own.set("Nats-Expected-Last-Subject-Sequence", String(last));
      const name = String(++number);
      nc.publish(subject, data, { headers: own, reply: `${prefix}${name}` });
      waiting.set(name, { subject, resolve, reject, looks: Math.ceil(TIMEOUT / LOOK) + 1 });
    });
}

/** Where a message was stored, or why it was not. */
function sequenceOf(message: Msg): number | Error {
  if (message.headers?.code === 503) return new Unheard("no stream takes this subject");
  const { seq, error } = message.json<Answer>();
  if (error === undefined) return seq ?? new Error("an answer without a sequence");
  return refusalOf(error.code, error.err_code ?? 0, error.description ?? "refused");
}

/** What a server says no with: for good as a `Refusal`, else as an error after which one asks again. */
export function refusalOf(status: number, code: number, text: string): Error {
  // 10008 and 10074: the server is still starting, or short of something for a moment.
  const passing = status >= 500 && [10008, 10074].includes(code);
  return passing ? new Error(text) : new Refusal(code, text);
}
