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
import {
  BeatMessage,
  ControlMessage,
  decode,
  encode,
  LARGEST,
  NewsMessage,
  OutcomeMessage,
  type TaskMessage,
} from "./messages.ts";
import { removeTasks, tidyTasks } from "./janitor.ts";
import { readStream } from "./reader.ts";
import { createShares } from "./shares.ts";
import { prepareNamespace } from "./streams.ts";
import { nameOf, type Names, PROTOCOL } from "./subjects.ts";
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
  /** Stops what workers still do for it, and leaves nothing of it on the server. */
  end(): Promise<void>;
}

/** An attempt that was sent and has not ended. */
interface Open {
  readonly task: Task;
  readonly options: LaneOptions;
  readonly since: number;
  /** Its place in the stream, once it is there. */
  sequence: number | undefined;
  worker: string | undefined;
  /** Monotonic milliseconds when nobody was first seen to hold it. */
  unheld: number | undefined;
  checking: boolean;
  readonly settle: (outcome: LaneOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Missed heartbeats, with half a one for its way. */
const MISSED = 3.5;
/** Milliseconds without a worker after which people are told. */
const LONELY = 8000;
/** Milliseconds for which a cancelling is told again and again. */
const TOLD = 60_000;

/** @throws ManyfoldError (`environment`) where the namespace's streams are not to be had */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { link, names, run, clock, timers, blobs, limits = {}, notice = () => undefined } = options;
  const beat = (options.beat ?? 2) * 1000;
  const id = randomUUID().slice(0, 8);
  const open = new Map<string, Open>();
  /** Attempts that the window lets not out yet, and those it let. */
  let waiting: Open[] = [];
  const out = new Set<Open>();
  const shares = createShares(clock, MISSED * beat);
  const workers = new Map<string, { heard: number; variants: readonly Variant[]; slots: number }>();
  const cancelled = new Map<string, { task: string; attempt: number; since: number }>();
  /** Since when silence counts: before, nothing could be heard. */
  let listening = clock.monotonic();
  let lonelySince: number | undefined;
  let ended = false;

  const control = (over: boolean): void => {
    const message: ControlMessage = {
      version: 1,
      run,
      session: id,
      cancelled: [...cancelled.values()]
        .slice(-4096)
        .map(({ task, attempt }) => ({ task, attempt })),
      open: out.size,
      waiting: waiting.length > 0,
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

  /** Takes a message that is said to be an outcome at its word, where word and subject agree. */
  const hear = (subject: string, data: Uint8Array, sequence: number) => {
    const message = decode(OutcomeMessage, data);
    const done =
      message?.status === "done" && names.success({ run, task: message.task }) === subject;
    if (message?.status === "done" && done) {
      const one = open.get(message.task);
      if (one === undefined) return;
      started(one, message.worker);
      // The events of an attempt name one worker: the one that finished it, if none was heard of.
      one.settle({ status: "stored", result: message.result, seconds: message.seconds });
      return;
    }
    if (message?.status === "failed") {
      const { task, session, attempt, worker, failure } = message;
      const one = open.get(task);
      const own = names.failure({ run, session, task, attempt }) === subject && session === id;
      if (!own || one?.task.attempt !== attempt) return;
      started(one, worker);
      one.settle(failed(failure));
      return;
    }
    // Something else sits where a success belongs, and would keep it out for ever.
    const victim = [...open.values()].find(
      ({ task }) => names.success({ run, task: task.id }) === subject,
    );
    if (victim === undefined) return;
    void removeMessage(names.results, sequence);
    lose(victim, "Its result was not one that this version of Manyfold can read.");
  };

  const removeMessage = async (stream: string, sequence: number) => {
    await link.streams.remove(stream, sequence).catch(() => undefined);
  };

  const find = (subject: string) => link.streams.get(names.results, { last: subject });

  /** A success from an earlier session counts if its bytes are still there. */
  const foundBefore = async (one: Open): Promise<boolean> => {
    const subject = names.success({ run, task: one.task.id });
    const found = await find(subject);
    if (found === undefined) return false;
    const message = decode(OutcomeMessage, found.data);
    if (message?.status === "done" && message.task === one.task.id) {
      const { weights, predictions } = message.result;
      const refs = [weights, ...Object.values(predictions)].filter((ref) => ref !== undefined);
      const bytes = await Promise.all(refs.map(({ hash }) => blobs.get(hash)));
      if (!bytes.includes(undefined)) {
        hear(subject, found.data, found.sequence);
        return true;
      }
    }
    await removeMessage(names.results, found.sequence);
    return false;
  };

  /** What the server has already is not sent again. */
  const restore = async (hash: Hash) => {
    const bytes = await blobs.get(hash);
    if (bytes !== undefined) await blobs.put(bytes);
  };

  const send = async (one: Open): Promise<void> => {
    const { task } = one;
    const { variant } = task.spec;
    if (await foundBefore(one)) return;
    // The server may have lost its data, and the attempt before may have failed for want of them.
    if (task.attempt > 1) await restore(task.spec.data.hash);
    const message: TaskMessage = { version: 1, task, limits };
    const body = encode(message);
    if (body.byteLength > LARGEST) {
      return one.settle(failed(failureOf("invalid", `The task is longer than ${LARGEST} bytes.`)));
    }
    const msgID = randomUUID();
    while (open.get(task.id) === one) {
      try {
        const subject = names.task(variant, nameOf(run, id, task));
        one.sequence = await link.streams.publish(subject, body, { msgID });
        if (link.up) link.publish(names.bell(variant));
        return;
      } catch (error) {
        // 10077: the stream is full; workers will make room.
        if (refusalCode(error) !== 10077) throw error;
        await timers.sleep(500);
      }
    }
  };

  /** Slots of the workers that serve this run. */
  const slotsFor = (variant: Variant) =>
    [...workers.values()]
      .filter(({ variants }) => variants.includes(variant))
      .reduce((sum, { slots }) => sum + slots, 0);

  /** Sends what the window has room for, in the order in which it came. */
  const admit = () => {
    const [first] = waiting;
    if (first === undefined) return;
    const room = shares.window(slotsFor(first.task.spec.variant)) - out.size;
    for (const one of waiting.splice(0, Math.max(0, room))) {
      out.add(one);
      send(one).catch(one.reject);
    }
  };

  const onControl = (data: Uint8Array) => {
    const message = decode(ControlMessage, data);
    if (message === undefined || message.session === id) return;
    if (message.ended) shares.forget(message.session);
    else shares.hear(message.session, message);
    admit();
  };

  /** Nobody is known to have it: looks for its outcome, then for its message, then gives it up. */
  const check = async (one: Open) => {
    const { task } = one;
    const name = nameOf(run, id, task);
    for (const subject of [names.success(name), names.failure(name)]) {
      const found = await find(subject);
      if (found !== undefined) return hear(subject, found.data, found.sequence);
    }
    const { sequence } = one;
    if (sequence === undefined) return;
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
      if (one.sequence !== undefined) void removeMessage(names.tasks, one.sequence);
      one.settle({ status: "withdrawn" });
    }
  };

  const onBeat = (data: Uint8Array) => {
    const message = decode(BeatMessage, data);
    if (message === undefined) return;
    const { worker, variants, slots, running } = message;
    workers.set(worker, { heard: clock.monotonic(), variants, slots });
    admit();
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
    admit();
    const silent = (heard: number) => now - Math.max(heard, listening) > MISSED * beat;
    for (const [worker, { heard }] of workers) {
      if (!silent(heard)) continue;
      workers.delete(worker);
    }
    const wanted = new Set<Variant>();
    for (const one of open.values()) {
      if (one.worker === undefined) {
        wanted.add(one.task.spec.variant);
        if (now - one.since > 5 * beat) checkSoon(one);
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
    notice(
      `No worker takes tasks of variant ${alone.join(", ")} (protocol ${PROTOCOL}, namespace ` +
        `${names.namespace}); the run waits. Start one with: manyfold worker --servers ...`,
    );
  };

  await prepareNamespace(link, names, options.lease);
  await removeTasks(link, names, run);
  await tidyTasks(link, names);
  const { lastSequence } = await link.streams.state(names.results);
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
    attempt(task, laneOptions) {
      return new Promise((resolve, reject) => {
        const { signal } = laneOptions;
        const settle = (outcome: LaneOutcome) => {
          if (open.get(task.id) !== one) return;
          leave();
          resolve(outcome);
        };
        const leave = () => {
          open.delete(task.id);
          signal.removeEventListener("abort", stop);
          if (!out.delete(one)) waiting = waiting.filter((each) => each !== one);
          admit();
        };
        const stop = () => {
          const { id: name, attempt } = task;
          cancelled.set(`${name}.${attempt}`, { task: name, attempt, since: clock.monotonic() });
          control(false);
          lose(one, String(signal.reason));
        };
        const one: Open = {
          task,
          options: laneOptions,
          since: clock.monotonic(),
          sequence: undefined,
          worker: undefined,
          unheld: undefined,
          checking: false,
          settle,
          reject(error) {
            if (open.get(task.id) !== one) return;
            leave();
            reject(error instanceof ManyfoldError ? error : refused(names.tasks, error));
          },
        };
        open.set(task.id, one);
        signal.addEventListener("abort", stop, { once: true });
        if (signal.aborted) return stop();
        if (options.drain?.aborted === true) return settle({ status: "withdrawn" });
        waiting.push(one);
        admit();
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
      // Its own alone: another coordinator may have taken the run over.
      if (link.up) await removeTasks(link, names, run, id).catch(() => undefined);
    },
  };
}

function refused(stream: string, error: unknown): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: `stream ${stream}`,
    condition: "open to tasks of this run",
    got: error instanceof Error ? error.message : String(error),
    help: "See the rights that a coordinator needs, in manyfold's README, across machines.",
  });
}
