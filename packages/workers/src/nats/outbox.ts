import type { BlobStore, Clock, Hash, Limits } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { failed, failureOf } from "../outcome.ts";
import type { Bundles } from "./bundles.ts";
import type { Earlier } from "./earlier.ts";
import { encode, LARGEST, type TaskMessage } from "./messages.ts";
import { encodeOutcomes, writeFirst } from "./reports.ts";
import type { Open, Sent } from "./sent.ts";
import { type AttemptName, nameOf, type Names, VERSION } from "./subjects.ts";
import { refusalCode, type StoredMessage, type Transport } from "./transport.ts";

export interface OutboxOptions {
  readonly link: Transport;
  readonly names: Names;
  readonly run: string;
  readonly session: string;
  readonly limits: Limits;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly bundles: Bundles;
  readonly earlier: Earlier;
  /** Slots of the workers that serve a task. */
  readonly slotsFor: (one: Open) => number;
  /** Messages that may be out where workers have so many slots. */
  readonly window: (slots: number) => number;
  /** Attempts that have not ended, those that wait included. */
  readonly open: () => number;
  /** An outcome was found on the server. */
  readonly hear: (message: StoredMessage) => void;
  /** An earlier session's success counts for an attempt: this worker's. */
  readonly started: (one: Open, worker: string) => void;
}

/** Sends attempts on their way, several short ones together, as far as the window has room. */
export interface Outbox {
  /** Messages of which an attempt has not ended. */
  readonly out: ReadonlySet<Sent>;
  /** Whether attempts wait to be sent. */
  readonly waiting: boolean;
  add(one: Open): void;
  /** Sends what the window has room for: whoever comes in this turn of the event loop shares a message. */
  sendSoon(): void;
  /** A worker hands back what it has not begun: it goes out once more, and nobody has failed. */
  resend(one: Open): void;
  /** It is no longer part of what is out. */
  leave(one: Open): void;
  /** Its outcome was heard, on whatever subject. */
  heard(task: Hash): void;
  /** Whether the outcome of an attempt may still come with those of others. */
  bundled(one: Open): boolean;
  /**
   * Closes the subject of a message of several tasks: a success of them is there already, or never.
   */
  close(sent: Sent): Promise<void>;
  shut(name: AttemptName): Promise<void>;
}

/** Milliseconds before a stream that is full is tried again. */
const FULL = 500;

export function createOutbox(options: OutboxOptions): Outbox {
  const { link, names, run, session, limits, blobs, clock, bundles, earlier } = options;
  const { timers } = link;
  /** Attempts that wait to be sent, the first to be sent first. */
  const backlog = new Set<Open>();
  const out = new Set<Sent>();
  /** Messages of several tasks whose subject may still get outcomes, by their tasks. */
  const unclosed = new Map<string, Sent>();
  let sending = false;
  let sendings = 0;

  const sendSoon = () => {
    if (sending || backlog.size === 0) return;
    sending = true;
    const turn = async () => {
      await timers.sleep(0);
      sending = false;
      sendOut();
    };
    turn().catch(() => undefined);
  };

  /** Sends what the window has room for, in the order in which it came. */
  const sendOut = () => {
    for (let [first] = backlog; first !== undefined; [first] = backlog) {
      const slots = options.slotsFor(first);
      if (out.size >= options.window(slots)) return;
      const lot = lotOf(bundles.size(options.open(), slots));
      for (const one of lot) backlog.delete(one);
      send(lot).catch((error: unknown) => {
        for (const one of lot) one.fail(refusalOf(names.tasks, error));
      });
    }
  };

  /** The first of the backlog, and those of its variant behind it that fit in. */
  const lotOf = (size: number): Open[] => {
    const lot: Open[] = [];
    for (const one of backlog) {
      if (lot.length >= size) break;
      const alone = one.again || one.task.attempt > 1 || earlier.has(one.task.id);
      if (alone && lot.length > 0) continue;
      if (lot[0] !== undefined && lot[0].task.spec.variant !== one.task.spec.variant) continue;
      lot.push(one);
      if (alone) break;
    }
    return lot;
  };

  /** What the server has already is not sent again. */
  const restore = async (hash: Hash) => {
    const bytes = await blobs.get(hash);
    if (bytes !== undefined) await blobs.put(bytes);
  };

  /** A success from an earlier session counts if its bytes are still there. */
  const foundBefore = async (one: Open): Promise<boolean> => {
    const found = await earlier.find(one.task.id);
    if (found === undefined) return false;
    if (found.worker !== undefined) options.started(one, found.worker);
    one.settle(found.outcome);
    return true;
  };

  const send = async (lot: readonly Open[]): Promise<void> => {
    const [first] = lot;
    if (first === undefined) return;
    const { variant } = first.task.spec;
    const name = nameOf(run, session, first.task);
    const sent: Sent = {
      name,
      variant,
      since: clock.monotonic(),
      taken: undefined,
      sequence: undefined,
      copied: false,
      open: new Set(lot),
    };
    out.add(sent);
    for (const one of lot) one.sent = sent;
    // The server may have lost its data, and the attempt before may have failed for want of them.
    if (first.task.attempt > 1) await restore(first.task.spec.data.hash);
    if (lot.length === 1) {
      const before = unclosed.get(first.task.id);
      if (before !== undefined) {
        // Before a task that went out with others is sent anew; what else was in it and has not been
        // heard of would be refused now.
        await close(before);
        for (const other of before.open) resend(other);
      }
      if (!sent.open.has(first) || (await foundBefore(first))) return;
    }
    const message: TaskMessage = { version: VERSION, tasks: lot.map(({ task }) => task), limits };
    const body = encode(message);
    if (body.byteLength > LARGEST) {
      if (lot.length > 1) {
        // Two halves.
        out.delete(sent);
        const half = Math.ceil(lot.length / 2);
        await Promise.all([send(lot.slice(0, half)), send(lot.slice(half))]);
        return;
      }
      return first.settle(
        failed(failureOf("invalid", `The task is longer than ${LARGEST} bytes.`)),
      );
    }
    if (lot.length > 1) for (const { task } of lot) unclosed.set(task.id, sent);
    const msgID = `${session}.${++sendings}`;
    while (sent.open.size > 0) {
      try {
        sent.sequence = await link.streams.publish(names.task(variant, name), body, { msgID });
        return;
      } catch (error) {
        // 10077: the stream is full; workers will make room.
        if (refusalCode(error) !== 10077) throw error;
        await timers.sleep(FULL);
      }
    }
  };

  const close = async (sent: Sent): Promise<void> => {
    if (![...unclosed.values()].includes(sent)) return;
    await shut(sent.name);
    for (const [each, other] of unclosed) if (other === sent) unclosed.delete(each);
  };

  const shut = async (name: AttemptName) => {
    const subject = names.bundle(name);
    if (await writeFirst(link, names.results, subject, encodeOutcomes("coordinator", []))) return;
    const found = await link.streams.get(names.results, { last: subject });
    if (found !== undefined) options.hear(found);
  };

  const resend = (one: Open) => {
    leave(one);
    unclosed.delete(one.task.id);
    one.worker = undefined;
    one.unheld = undefined;
    one.again = true;
    backlog.add(one);
    sendSoon();
  };

  const leave = (one: Open) => {
    const { sent } = one;
    one.sent = undefined;
    backlog.delete(one);
    if (sent === undefined) return;
    sent.open.delete(one);
    if (sent.open.size > 0) return;
    out.delete(sent);
    sendSoon();
  };

  return {
    out,
    get waiting() {
      return backlog.size > 0;
    },
    add(one) {
      backlog.add(one);
      sendSoon();
    },
    sendSoon,
    resend,
    leave,
    heard: (task) => void unclosed.delete(task),
    bundled: (one) => one.sent !== undefined && unclosed.get(one.task.id) === one.sent,
    close,
    shut,
  };
}

function refusalOf(stream: string, error: unknown): ManyfoldError {
  if (error instanceof ManyfoldError) return error;
  return new ManyfoldError({
    code: "environment",
    path: `stream ${stream}`,
    condition: "open to tasks of this run",
    got: error instanceof Error ? error.message : String(error),
    help: "See the rights that a coordinator needs, in manyfold's README, across machines.",
  });
}
