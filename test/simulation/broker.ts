import {
  type PublishOptions,
  type Query,
  Refusal,
  type StoredMessage,
} from "@manyfold/workers/nats";
import type { Random } from "./random.ts";

/** A task handed out: the message, and where it is acknowledged. */
export interface Delivery {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply: string;
}

type StreamRules = { readonly name: string } & Readonly<Record<string, unknown>>;

interface Kept extends StoredMessage {
  readonly moment: number;
  readonly msgID: string | undefined;
}

interface Pending {
  deadline: number;
  deliveries: number;
}

interface SimulatedConsumer {
  readonly name: string;
  readonly filter: string;
  /** Milliseconds. */
  readonly wait: number;
  /** All up to here were handed out once. */
  delivered: number;
  count: number;
  readonly pending: Map<number, Pending>;
  readonly again: number[];
}

interface SimulatedStream {
  readonly rules: StreamRules;
  messages: Map<number, Kept>;
  last: number;
  /** Newest sequence of a subject. */
  bySubject: Map<string, number>;
  bytes: number;
  ids: Map<string, { sequence: number; moment: number }>;
  readonly consumers: Map<string, SimulatedConsumer>;
  /** Acknowledged a moment ago, and not on the disk yet. */
  acks: { readonly message: Kept; readonly consumer: SimulatedConsumer; readonly moment: number }[];
  readonly listeners: Set<(message: StoredMessage) => void>;
}

/** A server with JetStream's semantics as far as they are used; time is handed in. */
export interface Broker {
  publish(subject: string, data: Uint8Array, options?: PublishOptions): number;
  get(stream: string, query: Query): StoredMessage | undefined;
  remove(stream: string, sequence: number): void;
  state(stream: string): { messages: number; lastSequence: number };
  subjects(stream: string, filter: string): string[];
  backlog(stream: string, consumer: string): { pending: number; unacknowledged: number };
  addStream(rules: StreamRules): void;
  addConsumer(stream: string, rules: Readonly<Record<string, unknown>>): void;
  /** Hands out at most so many messages of a consumer, none twice within its wait. */
  take(stream: string, consumer: string, count: number): Delivery[];
  /** `+ACK`, `+WPI`, `-NAK` or `+TERM` to where a delivery is acknowledged. */
  answer(reply: string, word: string): void;
  /** Calls back with each message as it is stored; returns the end of that. */
  listen(stream: string, onMessage: (message: StoredMessage) => void): () => void;
  /** The end of the process: what it had not written is lost; with the power, the newest of all. */
  crash(random: Random, power: boolean): void;
  /** Streams that take nothing now. */
  readonly full: Set<string>;
  readonly streams: readonly string[];
  consumers(stream: string): string[];
}

const WINDOW = 120_000;
const NANOSECONDS = 1e6;
/** Milliseconds for which an acknowledgement is only in memory, and for which it is half on disk. */
const UNWRITTEN = 100;
const HALF_WRITTEN = 5000;

export function createBroker(clock: () => number): Broker {
  const streams = new Map<string, SimulatedStream>();
  const full = new Set<string>();

  const stream = (name: string): SimulatedStream => {
    const found = streams.get(name);
    if (found === undefined) throw new Refusal(10059, "stream not found");
    return found;
  };
  const consumer = (of: string, name: string): SimulatedConsumer => {
    const found = stream(of).consumers.get(name);
    if (found === undefined) throw new Refusal(10014, "consumer not found");
    return found;
  };
  const number = (one: SimulatedStream, name: string, otherwise: number): number => {
    const value = one.rules[name];
    return typeof value === "number" && value > 0 ? value : otherwise;
  };

  const drop = (one: SimulatedStream, sequence: number) => {
    const message = one.messages.get(sequence);
    if (message === undefined) return;
    one.messages.delete(sequence);
    one.bytes -= message.data.byteLength + message.subject.length;
    if (one.bySubject.get(message.subject) !== sequence) return;
    one.bySubject.delete(message.subject);
    for (const other of one.messages.values()) {
      if (other.subject === message.subject) one.bySubject.set(other.subject, other.sequence);
    }
  };
  const keep = (one: SimulatedStream, message: Kept) => {
    one.messages.set(message.sequence, message);
    one.bySubject.set(message.subject, message.sequence);
    one.bytes += message.data.byteLength + message.subject.length;
  };
  const sorted = (one: SimulatedStream) =>
    [...one.messages.values()].toSorted((a, b) => a.sequence - b.sequence);

  const storesFor = (subject: string): SimulatedStream | undefined =>
    [...streams.values()].find(({ rules }) =>
      (rules.subjects as string[]).some((pattern) => matches(pattern, subject)),
    );

  const expire = (one: SimulatedStream, of: SimulatedConsumer) => {
    for (const [sequence, pending] of of.pending) {
      if (pending.deadline > clock() || of.again.includes(sequence)) continue;
      if (one.messages.has(sequence)) of.again.push(sequence);
      else of.pending.delete(sequence);
    }
  };

  const hand = (
    one: SimulatedStream,
    of: SimulatedConsumer,
    message: Kept,
    deliveries: number,
  ): Delivery => {
    const { sequence, subject, data } = message;
    of.pending.set(sequence, { deadline: clock() + of.wait, deliveries });
    of.count++;
    const reply = `$JS.ACK.${one.rules.name}.${of.name}.${deliveries}.${sequence}.${of.count}.0.0`;
    return { subject, data, reply };
  };

  const forget = (one: SimulatedStream, of: SimulatedConsumer, sequence: number) => {
    const message = one.messages.get(sequence);
    of.pending.delete(sequence);
    const queued = of.again.indexOf(sequence);
    if (queued >= 0) of.again.splice(queued, 1);
    if (message === undefined || one.rules.retention !== "workqueue") return;
    one.acks.push({ message, consumer: of, moment: clock() });
    drop(one, sequence);
  };

  return {
    full,
    get streams() {
      return [...streams.keys()];
    },
    consumers: (name) => [...stream(name).consumers.keys()],
    publish(subject, data, { msgID, last, headers = {} } = {}) {
      const one = storesFor(subject);
      if (one === undefined) throw new Error("no responders");
      if (data.byteLength > number(one, "max_msg_size", Number.POSITIVE_INFINITY)) {
        throw new Refusal(10054, "message size exceeds maximum allowed");
      }
      const known = msgID === undefined ? undefined : one.ids.get(msgID);
      if (known !== undefined && clock() - known.moment < WINDOW) return known.sequence;
      const before = one.bySubject.get(subject);
      if (last !== undefined && last !== (before ?? 0)) {
        throw new Refusal(10071, `wrong last sequence: ${before ?? 0}`);
      }
      const size = data.byteLength + subject.length;
      if (
        full.has(one.rules.name) ||
        one.bytes + size > number(one, "max_bytes", Number.POSITIVE_INFINITY)
      ) {
        throw new Refusal(10077, "maximum bytes exceeded");
      }
      if (before !== undefined && one.rules.max_msgs_per_subject === 1) {
        if (one.rules.discard_new_per_subject === true) {
          throw new Refusal(10077, "maximum messages per subject exceeded");
        }
        drop(one, before);
      }
      const sequence = ++one.last;
      const message = { subject, sequence, data, headers, moment: clock(), msgID };
      keep(one, message);
      if (msgID !== undefined) one.ids.set(msgID, { sequence, moment: clock() });
      for (const listener of one.listeners) listener(message);
      return sequence;
    },
    get(name, query) {
      const one = stream(name);
      if ("last" in query) return one.messages.get(one.bySubject.get(query.last) ?? 0);
      if ("sequence" in query) return one.messages.get(query.sequence);
      return sorted(one).find(
        ({ sequence, subject }) => sequence >= query.from && matches(query.next, subject),
      );
    },
    remove(name, sequence) {
      const one = stream(name);
      if (!one.messages.has(sequence)) throw new Refusal(10057, "no message found");
      drop(one, sequence);
    },
    state(name) {
      const { messages, last } = stream(name);
      return { messages: messages.size, lastSequence: last };
    },
    subjects: (name, filter) =>
      [...stream(name).bySubject.keys()].filter((subject) => matches(filter, subject)),
    backlog(name, of) {
      const { delivered, filter, pending } = consumer(name, of);
      const waiting = [...stream(name).messages.values()].filter(
        ({ sequence, subject }) => sequence > delivered && matches(filter, subject),
      );
      return { pending: waiting.length, unacknowledged: pending.size };
    },
    addStream(rules) {
      if (streams.has(rules.name)) return;
      streams.set(rules.name, {
        rules,
        messages: new Map(),
        last: 0,
        bySubject: new Map(),
        bytes: 0,
        ids: new Map(),
        consumers: new Map(),
        acks: [],
        listeners: new Set(),
      });
    },
    addConsumer(name, rules) {
      const { consumers } = stream(name);
      const own = String(rules.durable_name);
      if (consumers.has(own)) return;
      consumers.set(own, {
        name: own,
        filter: String(rules.filter_subject),
        wait: Number(rules.ack_wait) / NANOSECONDS,
        delivered: 0,
        count: 0,
        pending: new Map(),
        again: [],
      });
    },
    take(name, of, count) {
      const one = stream(name);
      const own = consumer(name, of);
      expire(one, own);
      const taken: Delivery[] = [];
      while (taken.length < count && own.again.length > 0) {
        const sequence = own.again.shift() ?? 0;
        const message = one.messages.get(sequence);
        const deliveries = (own.pending.get(sequence)?.deliveries ?? 0) + 1;
        if (message) taken.push(hand(one, own, message, deliveries));
        else own.pending.delete(sequence);
      }
      if (taken.length === count || own.delivered >= one.last) return taken;
      for (const message of sorted(one)) {
        if (taken.length === count) return taken;
        if (message.sequence <= own.delivered || !matches(own.filter, message.subject)) continue;
        own.delivered = message.sequence;
        taken.push(hand(one, own, message, 1));
      }
      own.delivered = one.last;
      return taken;
    },
    answer(reply, word) {
      const [, , name = "", of = "", , sequence] = reply.split(".");
      const one = streams.get(name);
      const own = one?.consumers.get(of);
      if (one === undefined || own === undefined) return;
      const at = Number(sequence);
      if (word === "+ACK" || word === "+TERM") return forget(one, own, at);
      const pending = own.pending.get(at);
      if (pending === undefined) return;
      if (word === "+WPI") pending.deadline = clock() + own.wait;
      else if (!own.again.includes(at)) own.again.push(at);
    },
    listen(name, onMessage) {
      const { listeners } = stream(name);
      listeners.add(onMessage);
      return () => {
        listeners.delete(onMessage);
      };
    },
    crash(random, power) {
      for (const one of streams.values()) {
        one.listeners.clear();
        for (const { message, consumer: own, moment } of one.acks) {
          const age = clock() - moment;
          if (age > HALF_WRITTEN) continue;
          keep(one, message);
          if (age > UNWRITTEN) continue;
          // As a redelivery, or, where that was not written either, as if it were new.
          own.pending.set(message.sequence, {
            deadline: clock(),
            deliveries: random.chance(0.5) ? 1 : 0,
          });
        }
        one.acks = [];
        if (power) truncate(one, clock() - random.between(0, 4000));
        one.ids = new Map();
        for (const { msgID, sequence, moment } of one.messages.values()) {
          if (msgID !== undefined) one.ids.set(msgID, { sequence, moment });
        }
      }
    },
  };

  /** The newest messages were only in the page cache. */
  function truncate(one: SimulatedStream, moment: number): void {
    for (const message of sorted(one)) {
      if (message.moment > moment) drop(one, message.sequence);
    }
    one.last = Math.max(0, ...one.messages.keys());
    for (const own of one.consumers.values()) {
      own.delivered = Math.min(own.delivered, one.last);
      for (const sequence of own.pending.keys()) {
        if (sequence > one.last) own.pending.delete(sequence);
      }
    }
  }
}

/** Whether a subject is one that a pattern with `*` and `>` names. */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (at >= tokens.length || (token !== "*" && token !== tokens[at])) return false;
  }
  return tokens.length === wanted.length;
}
