import {
  AckPolicy,
  type ConsumerConfig,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { ManyfoldError, Variant } from "@manyfold/protocol";
import { messageOf } from "../outcome.ts";
import { LARGEST } from "./messages.ts";
import type { Names } from "./subjects.ts";
import { refusalCode, type Transport } from "./transport.ts";

const MIB = 2 ** 20;
const SECOND = 1e9;
const DAY = 86_400 * SECOND;

/** Bytes of a blob's part; a message may have a MiB, its headers included. */
export const PART = 1_000_000;

/**
 * A namespace's streams. A full one refuses; by default it would drop what it had acknowledged. A
 * limit of bytes is taken off the server's own at once, so only the one that stays small has one.
 */
function streamsOf(names: Names): Partial<StreamConfig>[] {
  const common = { storage: StorageType.File, discard: DiscardPolicy.New, num_replicas: 1 };
  return [
    {
      ...common,
      name: names.tasks,
      subjects: [names.subjects.tasks],
      retention: RetentionPolicy.Workqueue,
      max_bytes: 64 * MIB,
      max_msg_size: LARGEST,
      allow_direct: true,
    },
    {
      ...common,
      name: names.results,
      subjects: [names.subjects.results],
      // The first outcome on a subject stays: the server itself refuses a second.
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
      max_age: 7 * DAY,
      max_msg_size: LARGEST,
      allow_direct: true,
    },
    {
      ...common,
      name: names.log,
      subjects: [names.subjects.log],
      allow_direct: true,
    },
    {
      ...common,
      name: names.blobs,
      subjects: [names.subjects.blobs],
      max_msgs_per_subject: 1,
      allow_direct: true,
    },
    {
      ...common,
      name: names.leases,
      subjects: [names.subjects.leases],
      // A lease that is renewed replaces the one before.
      max_msgs_per_subject: 1,
      max_msg_size: LARGEST,
      allow_direct: true,
    },
  ];
}

/** Seconds after which the server hands out anew what nobody renewed. */
export const LEASE = 60;

/**
 * Makes a namespace's streams, and the consumer of each variant, where they are missing; safe for
 * many at once. Who finds them all there needs no right to make any.
 *
 * @param waiting for somebody else to make them, where the server does not let them be made here; left
 *   out, that is an error
 * @returns false where `waiting.signal` was aborted before they were there
 * @throws ManyfoldError (`environment`) where the server does not let them be made
 */
export async function prepareNamespace(
  link: Transport,
  names: Names,
  lease: number = LEASE,
  waiting?: Waiting,
): Promise<boolean> {
  let told = false;
  const wait =
    waiting &&
    (async (what: string) => {
      if (!told) waiting.onWait(`Waiting for a coordinator to make ${what}: this user may not.`);
      told = true;
      await link.timers.sleep(AGAIN, waiting.signal).catch(() => undefined);
      return waiting.signal?.aborted !== true;
    });
  for (const config of streamsOf(names)) {
    const name = config.name ?? "";
    const there = await ensure(`stream ${name}`, wait, {
      absent: 10059,
      look: () => link.streams.state(name),
      make: () => link.streams.addStream({ ...config, name }),
    });
    if (!there) return false;
  }
  for (const variant of Variant.options) {
    const { name, filter } = names.consumer(variant);
    const there = await ensure(`stream ${names.tasks} ${name}`, wait, {
      absent: 10014,
      look: () => link.streams.backlog(names.tasks, name),
      make: () => link.streams.addConsumer(names.tasks, consumerOf(name, filter, lease)),
    });
    if (!there) return false;
  }
  return true;
}

/** How somebody waits who may not make what is missing. */
export interface Waiting {
  /** Told once. */
  readonly onWait: (text: string) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** How a variant's tasks are handed out. Equal for all: another configuration would replace it. */
function consumerOf(name: string, filter: string, lease: number): Partial<ConsumerConfig> {
  return {
    durable_name: name,
    filter_subject: filter,
    ack_policy: AckPolicy.Explicit,
    ack_wait: lease * SECOND,
    max_deliver: -1,
    // The defaults stall without a word (1000), or refuse the 513th idle worker.
    max_ack_pending: 20_000,
    max_waiting: 8192,
  };
}

/** Milliseconds between two looks for what somebody else has to make. */
const AGAIN = 500;

interface Part {
  /** The server's number for its absence. */
  readonly absent: number;
  readonly look: () => Promise<unknown>;
  readonly make: () => Promise<void>;
}

/** @param wait resolves with false where it is waited no longer */
async function ensure(
  what: string,
  wait: ((what: string) => Promise<boolean>) | undefined,
  { absent, look, make }: Part,
): Promise<boolean> {
  for (;;) {
    try {
      await look();
      return true;
    } catch (error) {
      if (refusalCode(error) !== absent) throw refused(what, error);
    }
    try {
      await make();
      return true;
    } catch (error) {
      // 10058: somebody else made it just now, by another version's rules.
      if (refusalCode(error) === 10058) return true;
      // What the server refuses without a number is a right that one has not.
      if (wait === undefined || refusalCode(error) !== 0) throw refused(what, error);
    }
    if (!(await wait(what))) return false;
  }
}

function refused(what: string, error: unknown): ManyfoldError {
  if (error instanceof ManyfoldError) return error;
  return new ManyfoldError({
    code: "environment",
    path: what,
    condition: "there, or possible to make",
    got: messageOf(error),
    help: "See manyfold's README, across machines: the rights that coordinators and workers need.",
  });
}
