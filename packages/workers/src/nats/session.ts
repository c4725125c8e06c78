import {
  type BlobStore,
  type Clock,
  type Hash,
  type Limits,
  ManyfoldError,
  type Task,
  type Timers,
  type Variant,
} from "@manyfold/protocol";
import { randomUUID } from "node:crypto";
import type { LaneOptions, LaneOutcome } from "../lanes.ts";
import { failed, failureOf } from "../outcome.ts";
import { adaptiveBundles } from "./bundles.ts";
import { removeTasks, tidyTasks } from "./janitor.ts";
import {
  AnyBeat,
  BeatMessage,
  ControlMessage,
  decode,
  encode,
  LARGEST,
  NewsMessage,
  OutcomeMessage,
  type TaskMessage,
} from "./messages.ts";
import { readStream } from "./reader.ts";
import { encodeOutcomes, writeFirst } from "./reports.ts";
import { createShares } from "./shares.ts";
import { prepareNamespace } from "./streams.ts";
import { type AttemptName, nameOf, type Names, PROTOCOL, VERSION } from "./subjects.ts";
import { refusalCode, type StoredMessage, type Transport } from "./transport.ts";

export interface SessionOptions {
  readonly link: Transport;
  readonly names: Names;
  /** The run's id. */
  readonly run: string;
  /** Where the workers put results. */
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly timers: Timers;
  /** The experiment's own. */
  readonly limits?: Limits;
  /** Seconds between two heartbeats of a worker (default 2); three missed ones, and it is lost. */
  readonly beat?: number;
  /** Seconds after which the server hands out anew what nobody renewed (default 60). */
  readonly lease?: number;
  /** Once aborted, what no worker has begun is taken back, without an event. */
  readonly drain?: AbortSignal;
  /** Told what people should know: that no worker takes the tasks. */
  readonly notice?: (text: string) => void;
}

/** What an executor does on a server while it runs: sends tasks, hears of workers, reads outcomes. */
export interface Session {
  attempt(task: Task, options: LaneOptions): Promise<LaneOutcome>;
  /** Tasks that it could send on their way at once, by its workers' slots and what tasks take. */
  readonly room: number;
  /** Stops what workers still do for it, and leaves nothing of it on the server. */
  end(): Promise<void>;
}

/** A message of attempts. */
interface Sent {
  /** The attempt in its subject: that of its first task. */
  readonly name: AttemptName;
  readonly variant: Variant;
  /** Its place in the stream, once it is there. */
  sequence: number | undefined;
  /** Those of its attempts that have not ended. */
  readonly open: Set<Open>;
}

/** An attempt that has not ended. */
interface Open {
  readonly task: Task;
  readonly options: LaneOptions;
  since: number;
  /** Undefined as long as it waits to be sent. */
  sent: Sent | undefined;
  worker: string | undefined;
  /** Monotonic milliseconds when nobody was first seen to hold it. */
  unheld: number | undefined;
  checking: boolean;
  readonly settle: (outcome: LaneOutcome) => void;
  readonly fail: (error: ManyfoldError) => void;
}

/** Missed heartbeats, with half a one for its way. */
const MISSED = 3.5;
/** Milliseconds without a worker after which people are told. */
const LONELY = 8000;
/** Workers of another version that are named. */
const STRANGERS = 8;
/** Milliseconds for which a cancelling is told again and again. */
const TOLD = 60_000;

/** @throws ManyfoldError (`environment`) where the namespace's streams are not to be had */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { link, names, run, clock, timers, blobs, limits = {}, notice = () => undefined } = options;
  const beat = (options.beat ?? 2) * 1000;
  const id = randomUUID().slice(0, 8);
  const open = new Map<string, Open>();
  /** Attempts that wait to be sent, the first to be sent first. */
  const backlog = new Set<Open>();
  /** Messages of which an attempt has not ended. */
  const out = new Set<Sent>();
  /** Messages of several tasks whose subject may still get outcomes, by their tasks. */
  const unclosed = new Map<string, Sent>();
  const bundles = adaptiveBundles();
  /** Subjects of outcomes from earlier sessions, by task. */
  const earlier = new Map<string, string>();
  const shares = createShares(clock, MISSED * beat);
  let sending = false;
  let sendings = 0;
  const workers = new Map<
    string,
    { readonly heard: number; readonly slots: number; readonly variants: readonly Variant[] }
  >();
  /** Workers that speak another version, as people read of them. */
  const strangers = new Map<string, string>();
  const cancelled = new Map<string, { task: string; attempt: number; since: number }>();
  /** Since when silence counts: before, nothing could be heard. */
  let listening = clock.monotonic();
  let lonelySince: number | undefined;
  let ended = false;

  const control = (over: boolean): void => {
    const message: ControlMessage = {
      version: VERSION,
      run,
      session: id,
      cancelled: [...cancelled.values()]
        .slice(-4096)
        .map(({ task, attempt }) => ({ task, attempt })),
      open: out.size,
      waiting: backlog.size > 0,
      ended: over,
    };
    if (link.up) link.publish(names.control(run, id), encode(message));
  };

  const started = (one: Open, worker: string) => {
    one.worker ??= worker;
    one.unheld = undefined;
    one.options.onStarted(one.worker);
  };

  const lose = (one: Open, why: string) => {
    one.settle(failed(failureOf("lost", why)));
  };

  /** Takes a message that is said to be outcomes at its word, where word and subject agree. */
  const hear = (subject: string, data: Uint8Array, sequence: number) => {
    const message = decode(OutcomeMessage, data);
    const bundled = subject.split(".").at(-3) === "bundle";
    for (const outcome of message?.outcomes ?? []) {
      const { task } = outcome;
      const one = open.get(task);
      unclosed.delete(task);
      if (outcome.status === "done") {
        if (!bundled && names.success({ run, task }) !== subject) break;
        if (one === undefined) continue;
        started(one, message?.worker ?? "");
        bundles.tell(outcome.seconds);
        // The events of an attempt name one worker: the one that finished it, if none was heard of.
        one.settle({ status: "stored", result: outcome.result, seconds: outcome.seconds });
      } else if (outcome.status === "verdict") {
        // Another coordinator's, of a run that this one took over.
        if (names.success({ run, task }) !== subject) break;
        one?.settle(failed(outcome.failure));
      } else {
        const { session, attempt } = outcome;
        const own = names.failure({ run, session, task, attempt }) === subject;
        if (!own && !bundled) break;
        if (session !== id || one?.task.attempt !== attempt) continue;
        started(one, message?.worker ?? "");
        one.settle(failed(outcome.failure));
      }
    }
    if (!bundled) evict(subject, sequence);
  };

  /** Something else sits where a success belongs, and would keep it out for ever. */
  const evict = (subject: string, sequence: number) => {
    const task = subject.endsWith(".done") ? (subject.split(".").at(-2) ?? "") : "";
    const victim = open.get(task);
    if (victim === undefined || names.success({ run, task }) !== subject) return;
    void removeMessage(names.results, sequence);
    lose(victim, "Its result was not one that this version of Manyfold can read.");
  };

  const removeMessage = async (stream: string, sequence: number) => {
    await link.streams.remove(stream, sequence).catch(() => undefined);
  };

  const find = (subject: string) => link.streams.get(names.results, { last: subject });

  /** A success from an earlier session counts if its bytes are still there. */
  const foundBefore = async (one: Open): Promise<boolean> => {
    const { id: task } = one.task;
    const subject = earlier.get(task);
    if (subject === undefined) return false;
    earlier.delete(task);
    const found = await find(subject);
    const outcomes = found && decode(OutcomeMessage, found.data)?.outcomes;
    const outcome = outcomes?.find((each) => each.task === task);
    if (found === undefined) return false;
    if (outcome?.status === "done") {
      const { result, seconds } = outcome;
      const { weights, predictions, checkpoint } = result;
      const refs = [weights, ...Object.values(predictions), checkpoint].filter(
        (ref) => ref !== undefined,
      );
      const bytes = await Promise.all(refs.map(({ hash }) => blobs.get(hash)));
      if (!bytes.includes(undefined)) {
        started(one, decode(OutcomeMessage, found.data)?.worker ?? "");
        one.settle({ status: "stored", result, seconds });
        return true;
      }
    }
    if (outcome?.status === "verdict") {
      one.settle(failed(outcome.failure));
      return true;
    }
    // Its place must be free for another; others of the same message are done once more too.
    await removeMessage(names.results, found.sequence);
    return false;
  };

  /** Finds the outcomes of earlier sessions: one look for all, and none where there were none. */
  const lookBack = async () => {
    const subjects = await link.streams.subjects(names.results, names.outcomes(run));
    for (const subject of subjects) {
      const [task = "", kind] = subject.split(".").slice(-2);
      if (kind === "done") earlier.set(task, subject);
      else if (subject.split(".").at(-3) === "bundle") {
        const found = await find(subject);
        const outcomes = found && decode(OutcomeMessage, found.data)?.outcomes;
        for (const { status, task: each } of outcomes ?? []) {
          if (status === "done" && !earlier.has(each)) earlier.set(each, subject);
        }
      }
    }
  };

  /**
   * Before a task that went out in a message of several is sent anew, that message's subject is
   * closed: a success of it is there already, or never.
   */
  const closeBundle = async (task: string): Promise<void> => {
    const sent = unclosed.get(task);
    if (sent === undefined) return;
    await shut(sent.name);
    for (const [each, other] of unclosed) if (other === sent) unclosed.delete(each);
    // What else was in it and has not been heard of would be refused now.
    for (const other of sent.open) resend(other);
  };

  const shut = async (name: AttemptName) => {
    const subject = names.bundle(name);
    if (await writeFirst(link, names.results, subject, encodeOutcomes("coordinator", []))) return;
    const found = await find(subject);
    if (found !== undefined) hear(subject, found.data, found.sequence);
  };

  /** Slots of the workers that serve this run. */
  const slotsFor = (variant: Variant) =>
    [...workers.values()]
      .filter(({ variants }) => variants.includes(variant))
      .reduce((sum, { slots }) => sum + slots, 0);

  /** Whoever comes in this turn of the event loop shares a message. */
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
      const slots = slotsFor(first.task.spec.variant);
      if (out.size >= shares.window(slots)) return;
      const lot = lotOf(bundles.size(open.size, slots));
      for (const one of lot) backlog.delete(one);
      send(lot).catch((error: unknown) => {
        for (const one of lot) one.fail(refusalOf(names.tasks, error));
      });
    }
  };

  const onControl = (data: Uint8Array) => {
    const message = decode(ControlMessage, data);
    if (message === undefined || message.session === id) return;
    if (message.ended) shares.forget(message.session);
    else shares.hear(message.session, message);
    sendSoon();
  };

  /** The first of the backlog, and those of its variant behind it that fit in. */
  const lotOf = (size: number): Open[] => {
    const lot: Open[] = [];
    for (const one of backlog) {
      if (lot.length >= size) break;
      const alone = one.task.attempt > 1 || earlier.has(one.task.id);
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

  const send = async (lot: readonly Open[]): Promise<void> => {
    const [first] = lot;
    if (first === undefined) return;
    const { variant } = first.task.spec;
    const name = nameOf(run, id, first.task);
    const sent: Sent = { name, variant, sequence: undefined, open: new Set(lot) };
    out.add(sent);
    for (const one of lot) {
      one.sent = sent;
      one.since = clock.monotonic();
    }
    // The server may have lost its data, and the attempt before may have failed for want of them.
    if (first.task.attempt > 1) await restore(first.task.spec.data.hash);
    if (lot.length === 1) {
      await closeBundle(first.task.id);
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
    const msgID = `${id}.${++sendings}`;
    while (sent.open.size > 0) {
      try {
        sent.sequence = await link.streams.publish(names.task(variant, name), body, { msgID });
        return;
      } catch (error) {
        // 10077: the stream is full; workers will make room.
        if (refusalCode(error) !== 10077) throw error;
        await timers.sleep(500);
      }
    }
  };

  /** A worker hands back what it has not begun: it goes out once more, and nobody has failed. */
  const resend = (one: Open) => {
    leave(one);
    unclosed.delete(one.task.id);
    one.worker = undefined;
    one.unheld = undefined;
    backlog.add(one);
    sendSoon();
  };

  /** It is no longer part of what is out. */
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

  /** Nobody is known to have it: looks for its outcome, then for its message, then gives it up. */
  const check = async (one: Open) => {
    const { task } = one;
    const name = nameOf(run, id, task);
    const { sent } = one;
    if (sent === undefined) return;
    const subjects = [names.success(name), names.failure(name)];
    if (unclosed.get(task.id) === sent) subjects.push(names.bundle(sent.name));
    for (const subject of subjects) {
      const found = await find(subject);
      if (found !== undefined) hear(subject, found.data, found.sequence);
      // It may say nothing of this task: that was handed back, and the word of it was lost.
      if (open.get(task.id) !== one) return;
    }
    const { sequence } = sent;
    if (sequence === undefined || one.sent !== sent) return;
    const waiting =
      one.worker === undefined && (await link.streams.get(names.tasks, { sequence })) !== undefined;
    const { name: consumer } = names.consumer(task.spec.variant);
    const pending = waiting ? (await link.streams.backlog(names.tasks, consumer)).pending : 0;
    // It may be one of those that wait to be handed out.
    if (pending > 0) return;
    one.unheld ??= clock.monotonic();
    if (clock.monotonic() - one.unheld < MISSED * beat) return;
    lose(one, `No worker has it any more${one.worker === undefined ? "" : `; ${one.worker} had`}.`);
  };

  const checkSoon = (one: Open) => {
    if (one.checking) return;
    one.checking = true;
    check(one)
      .catch(() => undefined)
      .finally(() => (one.checking = false));
  };

  /** An attempt that a worker begins at this moment goes on there; its success is found later. */
  const withdraw = () => {
    for (const one of open.values()) {
      if (one.worker !== undefined) continue;
      const { sent } = one;
      if (sent !== undefined) {
        // A message goes back as a whole or not at all; the work in it is short.
        if ([...sent.open].some(({ worker }) => worker !== undefined)) continue;
        if (sent.sequence !== undefined) void removeMessage(names.tasks, sent.sequence);
      }
      one.settle({ status: "withdrawn" });
    }
  };

  /** A worker of another version gets none of the tasks; where nobody else is there people are told. */
  const onStranger = (data: Uint8Array) => {
    const beat = decode(AnyBeat, data);
    if (beat === undefined || beat.version === VERSION || strangers.size >= STRANGERS) return;
    strangers.set(beat.worker, `${beat.worker} (protocol v${beat.version}, ${beat.manyfold})`);
  };

  const onBeat = (data: Uint8Array) => {
    const message = decode(BeatMessage, data);
    if (message === undefined) return onStranger(data);
    const { worker, slots, variants, running } = message;
    workers.set(worker, { heard: clock.monotonic(), slots, variants });
    sendSoon();
    const held = new Set<string>();
    for (const name of running) {
      if (name.run !== run || name.session !== id) continue;
      const one = open.get(name.task);
      if (one?.task.attempt !== name.attempt) continue;
      held.add(name.task);
      started(one, worker);
    }
    for (const one of open.values()) {
      if (one.worker === worker && !held.has(one.task.id)) checkSoon(one);
    }
  };

  const onNews = (data: Uint8Array) => {
    const message = decode(NewsMessage, data);
    const one = message && open.get(message.task);
    if (message === undefined || one?.task.attempt !== message.attempt) return;
    if (message.returned === true) return resend(one);
    started(one, message.worker);
    if (message.point !== undefined && one.worker === message.worker) {
      one.options.onProgress(message.point);
    }
  };

  const tick = () => {
    const now = clock.monotonic();
    if (!link.up) return;
    for (const [key, { since }] of cancelled) if (now - since > TOLD) cancelled.delete(key);
    // What other runs leave to this one, and this one to others, is told again and again.
    if (cancelled.size > 0 || open.size > 0) control(false);
    sendSoon();
    const silent = (heard: number) => now - Math.max(heard, listening) > MISSED * beat;
    for (const [worker, { heard }] of workers) {
      if (!silent(heard)) continue;
      workers.delete(worker);
    }
    const wanted = new Set<Variant>();
    for (const one of open.values()) {
      if (one.worker === undefined) {
        wanted.add(one.task.spec.variant);
        if (one.sent !== undefined && now - one.since > 5 * beat) checkSoon(one);
      } else if (!workers.has(one.worker) && now - listening > MISSED * beat) {
        lose(one, `The worker ${one.worker} is silent.`);
      }
    }
    tellLoneliness(wanted, now);
  };

  const tellLoneliness = (wanted: ReadonlySet<Variant>, now: number) => {
    const alone = [...wanted].filter(
      (variant) => ![...workers.values()].some(({ variants }) => variants.includes(variant)),
    );
    if (alone.length === 0) {
      lonelySince = undefined;
      return;
    }
    lonelySince ??= now;
    if (now - lonelySince < LONELY) return;
    lonelySince = Number.POSITIVE_INFINITY;
    const heard =
      strangers.size === 0 ? "" : ` Of another version: ${[...strangers.values()].join(", ")}.`;
    notice(
      `No worker takes tasks of variant ${alone.join(", ")} (protocol ${PROTOCOL}, namespace ` +
        `${names.namespace}); the run waits.${heard} Start one with: manyfold worker --servers ...`,
    );
  };

  await prepareNamespace(link, names, options.lease);
  const { lastSequence } = await link.streams.state(names.results);
  for (const name of await removeTasks(link, names, run)) await shut(name);
  await tidyTasks(link, names);
  await lookBack();
  const subscriptions = [
    link.subscribe(names.beats, ({ data }) => onBeat(data)),
    link.subscribe(names.news(run, id), ({ data }) => onNews(data)),
    link.subscribe(names.controls, ({ data }) => onControl(data)),
  ];
  const onMessage = ({ subject, data, sequence }: StoredMessage) => hear(subject, data, sequence);
  const stopReading = readStream(
    link,
    { stream: names.results, filter: names.outcomes(run), from: lastSequence + 1 },
    onMessage,
  );
  const stopTicking = timers.every(Math.min(1000, beat / 2), tick);
  options.drain?.addEventListener("abort", withdraw, { once: true });
  const stopListening = link.onReconnect(() => {
    listening = clock.monotonic();
  });

  return {
    get room() {
      return bundles.ahead([...workers.values()].reduce((sum, { slots }) => sum + slots, 0));
    },
    attempt(task, laneOptions) {
      return new Promise((resolve, reject) => {
        const { signal } = laneOptions;
        const close = () => {
          if (open.get(task.id) !== one) return false;
          open.delete(task.id);
          leave(one);
          signal.removeEventListener("abort", stop);
          return true;
        };
        const settle = (outcome: LaneOutcome) => {
          if (close()) resolve(outcome);
        };
        const fail = (error: ManyfoldError) => {
          if (close()) reject(error);
        };
        const stop = () => {
          const { id: name, attempt } = task;
          if (one.sent !== undefined) {
            cancelled.set(`${name}.${attempt}`, { task: name, attempt, since: clock.monotonic() });
            control(false);
          }
          lose(one, String(signal.reason));
        };
        const one: Open = {
          task,
          options: laneOptions,
          since: clock.monotonic(),
          sent: undefined,
          worker: undefined,
          unheld: undefined,
          checking: false,
          settle,
          fail,
        };
        open.set(task.id, one);
        signal.addEventListener("abort", stop, { once: true });
        if (signal.aborted) return stop();
        if (options.drain?.aborted === true) return settle({ status: "withdrawn" });
        backlog.add(one);
        sendSoon();
      });
    },
    async end() {
      if (ended) return;
      ended = true;
      options.drain?.removeEventListener("abort", withdraw);
      stopTicking();
      stopListening();
      control(true);
      for (const unsubscribe of subscriptions) unsubscribe();
      await stopReading();
      if (!link.up) return;
      // Its own alone: another coordinator may have taken the run over.
      const several = await removeTasks(link, names, run, id).catch(() => []);
      for (const name of several) await shut(name).catch(() => undefined);
    },
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
