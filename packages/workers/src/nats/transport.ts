import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";
import { ManyfoldError, type Timers } from "@manyfold/protocol";

/** A message as it came. */
export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Where an answer goes, and with a delivery its acknowledgement; empty where none is wanted. */
  readonly reply: string;
  /** The server's own word in place of a message, as 404: nothing there; 0 for a message. */
  readonly status: number;
}

/** A message that a stream keeps. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export interface PublishOptions {
  /** Within two minutes the same id is stored once. */
  readonly msgID?: string;
  /** Refused with 10071 unless this is the subject's last sequence; 0: unless there is none. */
  readonly last?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Which message of a stream: a subject's last, one by its number, a subject's next from a number. */
export type Query =
  | { readonly last: string }
  | { readonly sequence: number }
  | { readonly next: string; readonly from: number };

/** A reading of a stream under way. */
export interface Reading {
  /** Resolves when it is over, stopped or not; what comes then is for the caller to know. */
  readonly ended: Promise<void>;
  /** Ends it, and leaves nothing of it on the server. */
  stop(): Promise<void>;
}

/** What a server stores. Refusals are `Refusal`s. */
export interface Streams {
  /** Resolves with the message's sequence once it is stored. */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): Promise<number>;
  get(stream: string, query: Query): Promise<StoredMessage | undefined>;
  remove(stream: string, sequence: number): Promise<void>;
  state(stream: string): Promise<{ readonly messages: number; readonly lastSequence: number }>;
  /** The subjects of a stream's messages. */
  subjects(stream: string, filter: string): Promise<string[]>;
  /** Messages that a consumer has not handed out, and those handed out and not acknowledged. */
  backlog(
    stream: string,
    consumer: string,
  ): Promise<{ readonly pending: number; readonly unacknowledged: number }>;
  addStream(config: Partial<StreamConfig> & { readonly name: string }): Promise<void>;
  addConsumer(stream: string, config: Partial<ConsumerConfig>): Promise<void>;
  /** Reads a stream in order from a sequence on, as messages come. */
  read(
    of: { readonly stream: string; readonly filter: string; readonly from: number },
    onMessage: (message: StoredMessage) => void,
  ): Promise<Reading>;
}

/** What may be sent over a connection when, and what is heard of it. */
export interface Connection {
  readonly timers: Timers;
  /** What is sent while it is down is lost. */
  readonly up: boolean;
  readonly closed: boolean;
  /** Calls back after each reconnect and at the end, until the returned function is called. */
  onReconnect(callback: () => void): () => void;
  /** Calls back when the link goes down. */
  onDown(callback: () => void): () => void;
}

/**
 * All that executor, workers, journal and blobs need of a server: the seam between them and a client
 * of NATS. The other implementation is a simulated server, which has to behave as the real one does.
 */
export interface Transport extends Connection {
  /** Prefix of this connection's own inboxes. */
  readonly inbox: string;
  /** Sends at most once. */
  publish(subject: string, data?: Uint8Array, reply?: string): void;
  /** @returns ends the subscription */
  subscribe(subject: string, onMessage: (message: Message) => void): () => void;
  /** Rejects where nobody answers within so many milliseconds. */
  request(subject: string, data: Uint8Array, milliseconds: number): Promise<Message>;
  /** Resolves when the server has all that was sent. */
  flush(): Promise<void>;
  /** Each waits while the link is down and asks again until there is an answer. */
  readonly streams: Streams;
  close(): Promise<void>;
}

/** What a server refuses, and would refuse again. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** The server's number for it; 0 where it has none. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Nobody was there to store or answer: no such stream, JetStream is off, or the server is about to
 * stop, which ends its streams before its connections. Only the last of these passes.
 */
export class Unheard extends Error {
  override readonly name = "Unheard";
}

/** The server's number for a refusal, else undefined. */
export function refusalCode(error: unknown): number | undefined {
  return error instanceof Refusal ? error.code : undefined;
}

/** Milliseconds before a request is made again. */
const PAUSE = 100;
/** Times that nobody heard a request, after which nobody will. */
const UNHEARD = 100;

/**
 * Asks again until there is an answer: waits while the link is down, gives up on an answer when it
 * goes down. A refusal, a request that nobody hears for seconds, and a closed link are errors.
 */
async function ask<Answer>(link: Connection, request: () => Promise<Answer>): Promise<Answer> {
  for (let unheard = 0; ;) {
    // At once where it can be: what is sent in one turn of the event loop leaves in one write.
    if (!link.up || link.closed) await connected(link);
    try {
      return await orDown(link, request());
    } catch (error) {
      if (link.closed) throw isClosed();
      if (error instanceof Refusal) throw error;
      if (!(error instanceof Unheard)) unheard = 0;
      else if (++unheard === UNHEARD) throw new Refusal(0, error.message);
    }
    await link.timers.sleep(PAUSE);
  }
}

async function connected(link: Connection): Promise<void> {
  while (!link.up && !link.closed) {
    await new Promise<void>((resolve) => {
      const forget = link.onReconnect(() => {
        forget();
        resolve();
      });
    });
  }
  if (link.closed) throw isClosed();
}

function orDown<Answer>(link: Connection, answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const forget = link.onDown(() => {
      forget();
      reject(new Error("disconnected"));
    });
    answer.then(resolve, reject).finally(forget);
  });
}

/** Streams whose every operation is asked until it is answered. */
export function askedStreams(link: Connection, raw: Streams): Streams {
  return {
    publish: (...of) => ask(link, () => raw.publish(...of)),
    get: (...of) => ask(link, () => raw.get(...of)),
    remove: (...of) => ask(link, () => raw.remove(...of)),
    state: (...of) => ask(link, () => raw.state(...of)),
    subjects: (...of) => ask(link, () => raw.subjects(...of)),
    backlog: (...of) => ask(link, () => raw.backlog(...of)),
    addStream: (...of) => ask(link, () => raw.addStream(...of)),
    addConsumer: (...of) => ask(link, () => raw.addConsumer(...of)),
    read: (...of) => ask(link, () => raw.read(...of)),
  };
}

function isClosed(): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: "connection to NATS",
    condition: "open",
    got: "a closed one",
  });
}
