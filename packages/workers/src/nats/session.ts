import type { BlobStore, Clock, Hash, Limits, Task, Timers, Variant } from "@manyfold/protocol";
import { type ManyfoldError } from "@manyfold/protocol";
import { randomUUID } from "node:crypto";
import type { LaneOptions, LaneOutcome } from "../lanes.ts";
import { failed, failureOf } from "../outcome.ts";
import { adaptiveBundles } from "./bundles.ts";
import { createCopies } from "./copies.ts";
import { earlierOutcomes } from "./earlier.ts";
import { removeTasks, tidyTasks } from "./janitor.ts";
import {
  AnyBeat,
  BeatMessage,
  ControlMessage,
  decode,
  encode,
  NewsMessage,
  OutcomeMessage,
} from "./messages.ts";
import { createOutbox } from "./outbox.ts";
import { readStream } from "./reader.ts";
import type { Open, Sent } from "./sent.ts";
import { createShares } from "./shares.ts";
import { createDurations, kindOf, stragglersAmong } from "./stragglers.ts";
import { prepareNamespace } from "./streams.ts";
import { nameOf, type Names, VERSION } from "./subjects.ts";
import type { StoredMessage, Transport } from "./transport.ts";
import { createWorkforce } from "./workforce.ts";

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
  /** Whether slow attempts are given to a second worker where slots are idle (default true). */
  readonly copies?: boolean;
  /** Most short tasks that travel in one message (default 64). */
  readonly together?: number;
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

/** Missed heartbeats, with half a one for its way. */
const MISSED = 3.5;
/** Milliseconds for which the end waits for copies that are on their way. */
const LAST_COPIES = 3000;
/** Milliseconds for which a cancelling is told again and again. */
const TOLD = 60_000;

/** @throws ManyfoldError (`environment`) where the namespace's streams are not to be had */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { link, names, run, clock, timers, blobs, limits = {}, notice = () => undefined } = options;
  const beat = (options.beat ?? 2) * 1000;
  const id = randomUUID().slice(0, 8);
  const open = new Map<string, Open>();
  const bundles = adaptiveBundles(options.together);
  const durations = createDurations();
  const shares = createShares(clock, MISSED * beat);
  const workers = createWorkforce(clock, names, notice);
  const earlier = earlierOutcomes(link, names, run, blobs);
  const copies = createCopies({
    link,
    names,
    run,
    session: id,
    limits,
    clock,
    patience: MISSED * beat,
  });
  /** Attempts that nobody is to go on with, by the session they are named after. */
  const cancelled = new Map<
    string,
    { session: string; task: string; attempt: number; since: number }
  >();
  /** Since when silence counts: before, nothing could be heard. */
  let listening = clock.monotonic();
  let ended = false;

  const started = (one: Open, worker: string) => {
    one.worker ??= worker;
    one.unheld = undefined;
    if (one.sent !== undefined) one.sent.taken ??= clock.monotonic();
    one.options.onStarted(one.worker);
  };
  /** Takes a message that is said to be outcomes at its word, where word and subject agree. */
  const hear = ({ subject, data, sequence }: StoredMessage) => {
    const message = decode(OutcomeMessage, data);
    const bundled = subject.split(".").at(-3) === "bundle";
    for (const outcome of message?.outcomes ?? []) {
      const { task } = outcome;
      const one = open.get(task);
      outbox.heard(task);
      if (outcome.status === "done") {
        if (!bundled && names.success({ run, task }) !== subject) break;
        const { result, seconds } = outcome;
        const worker = message?.worker ?? "";
        stopOthers(task, worker);
        if (one === undefined) continue;
        started(one, worker);
        bundles.tell(seconds);
        durations.tell(kindOf(one.task.spec), seconds * 1000);
        one.settle({ status: "stored", result, seconds, worker });
      } else if (outcome.status === "verdict") {
        // Another coordinator's, of a run that this one took over.
        if (names.success({ run, task }) !== subject) break;
        one?.settle(failed(outcome.failure));
      } else {
        const { session, attempt } = outcome;
        const own = names.failure({ run, session, task, attempt }) === subject;
        if (!own && !bundled) break;
        if (session === copies.session) copies.ended(task);
        if (session !== id || one?.task.attempt !== attempt) continue;
        started(one, message?.worker ?? "");
        one.settle(failed(outcome.failure));
      }
    }
    if (!bundled) evict(subject, sequence);
  };
  const outbox = createOutbox({
    link,
    names,
    run,
    session: id,
    limits,
    blobs,
    clock,
    bundles,
    earlier,
    slotsFor: ({ task }) => workers.slots(task.spec.variant),
    window: (slots) => shares.window(slots),
    open: () => open.size,
    hear,
    started,
  });

  /** What its open tasks need of a worker. */
  const variants = () => new Set([...open.values()].map(({ task }) => task.spec.variant));

  const control = (over: boolean): void => {
    if (!link.up) return;
    const told = [...cancelled.values()].slice(-4096);
    for (const session of [id, copies.session]) {
      const own = session === id;
      const its = told.filter((one) => one.session === session);
      if (!own && !over && its.length === 0) continue;
      const message: ControlMessage = {
        version: VERSION,
        run,
        session,
        cancelled: its.map(({ task, attempt }) => ({ task, attempt })),
        open: own ? outbox.out.size : 0,
        waiting: own && outbox.waiting,
        variants: own ? [...variants()] : [],
        ended: over,
      };
      link.publish(names.control(run, session), encode(message));
    }
  };

  const cancel = (session: string, { id: task, attempt }: Task) => {
    const since = clock.monotonic();
    cancelled.set(`${session}.${task}.${attempt}`, { session, task, attempt, since });
  };

  /** A task has its result: whoever else is at it may stop. */
  const stopOthers = (task: Hash, by: string | undefined) => {
    const copy = copies.stop(task);
    const one = open.get(task);
    const sent = one?.sent?.copied === true ? one.sent : undefined;
    if (copy === undefined && sent === undefined) return;
    if (copy !== undefined && copy.worker !== by) cancel(copies.session, copy.task);
    if (one !== undefined && sent !== undefined && one.worker !== by) {
      cancel(id, one.task);
      // Whoever stands still with it may never acknowledge it.
      const { sequence, open: others } = sent;
      if (others.size === 1 && sequence !== undefined) void removeMessage(names.tasks, sequence);
    }
    control(false);
  };

  const lose = (one: Open, why: string) => {
    one.settle(failed(failureOf("lost", why)));
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

  const onControl = (data: Uint8Array) => {
    const message = decode(ControlMessage, data);
    if (message === undefined) return;
    if (message.session === id || message.session === copies.session) return;
    const own = variants();
    const rival = own.size === 0 || message.variants.some((variant) => own.has(variant));
    if (message.ended || !rival) shares.forget(message.session);
    else shares.hear(message.session, message);
    outbox.sendSoon();
  };

  /** Nobody is known to have it: looks for its outcome, then for its message, then gives it up. */
  const check = async (one: Open) => {
    const { task } = one;
    const name = nameOf(run, id, task);
    const { sent } = one;
    if (sent === undefined) return;
    const subjects = [names.success(name), names.failure(name)];
    if (outbox.bundled(one)) subjects.push(names.bundle(sent.name));
    for (const subject of subjects) {
      const found = await link.streams.get(names.results, { last: subject });
      if (found !== undefined) hear(found);
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

  const onBeat = (data: Uint8Array) => {
    const message = decode(BeatMessage, data);
    if (message === undefined) {
      const stranger = decode(AnyBeat, data);
      if (stranger !== undefined && stranger.version !== VERSION) workers.hearStranger(stranger);
      return;
    }
    const { worker, running } = message;
    workers.hear(message);
    outbox.sendSoon();
    const held = new Set<string>();
    for (const name of running) {
      if (name.run !== run) continue;
      if (name.session === copies.session) copies.held(name, worker);
      if (name.session !== id) continue;
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
    if (message.returned === true) return outbox.resend(one);
    started(one, message.worker);
    if (message.point !== undefined && one.worker === message.worker) {
      one.options.onProgress(message.point);
    }
  };

  const onCopyNews = (data: Uint8Array) => {
    const message = decode(NewsMessage, data);
    if (message !== undefined) copies.onNews(message);
  };

  const tick = () => {
    const now = clock.monotonic();
    if (!link.up) return;
    for (const [key, { since }] of cancelled) if (now - since > TOLD) cancelled.delete(key);
    // What other runs leave to this one, and this one to others, is told again and again.
    if (cancelled.size > 0 || open.size > 0) control(false);
    outbox.sendSoon();
    if (now - listening > MISSED * beat) {
      for (const worker of workers.forgetSilent(now - MISSED * beat)) copies.lose(worker);
    }
    const wanted = new Set<Variant>();
    for (const one of open.values()) {
      if (one.worker === undefined) {
        wanted.add(one.task.spec.variant);
        if (one.sent !== undefined && now - one.sent.since > 5 * beat) checkSoon(one);
      } else if (!workers.has(one.worker) && now - listening > MISSED * beat) {
        lose(one, `The worker ${one.worker} is silent.`);
      }
    }
    copies.look();
    if (options.copies !== false && !outbox.waiting) copyStragglers(now);
    workers.watch(wanted);
  };

  const copyStragglers = (now: number) => {
    const candidates = [...outbox.out].flatMap((sent) => {
      const [first] = sent.open;
      if (sent.copied || sent.sequence === undefined || first === undefined) return [];
      const usual = [...sent.open].reduce(
        (sum, { task }) => sum + (durations.usual(kindOf(task.spec)) ?? Number.NaN),
        0,
      );
      return {
        sent,
        elapsed: now - (sent.taken ?? sent.since + MISSED * beat),
        usual: Number.isNaN(usual) ? undefined : usual,
        idle: workers.idle(sent.variant, first.worker) - copies.unheld,
      };
    });
    const stage = { slots: workers.slots(), copies: copies.count, least: beat };
    for (const { sent } of stragglersAmong(candidates, stage)) {
      sent.copied = true;
      copy(sent).catch(() => undefined);
    }
  };

  /** What went out together is copied one by one, and can only be answered one by one from now on. */
  const copy = async (sent: Sent) => {
    await outbox.close(sent);
    for (const one of sent.open) copies.send(one);
  };

  await prepareNamespace(link, names, options.lease);
  const { lastSequence } = await link.streams.state(names.results);
  for (const name of await removeTasks(link, names, run)) await outbox.shut(name);
  await tidyTasks(link, names);
  await earlier.look();
  const subscriptions = [
    link.subscribe(names.beats, ({ data }) => onBeat(data)),
    link.subscribe(names.news(run, id), ({ data }) => onNews(data)),
    link.subscribe(names.news(run, copies.session), ({ data }) => onCopyNews(data)),
    link.subscribe(names.controls, ({ data }) => onControl(data)),
  ];
  const stopReading = readStream(
    link,
    { stream: names.results, filter: names.outcomes(run), from: lastSequence + 1 },
    hear,
  );
  const stopTicking = timers.every(Math.min(1000, beat / 2), tick);
  options.drain?.addEventListener("abort", withdraw, { once: true });
  const stopListening = link.onReconnect(() => {
    listening = clock.monotonic();
  });

  return {
    get room() {
      return bundles.ahead(workers.slots());
    },
    attempt(task, laneOptions) {
      return new Promise((resolve, reject) => {
        const { signal } = laneOptions;
        const close = () => {
          if (open.get(task.id) !== one) return false;
          open.delete(task.id);
          outbox.leave(one);
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
          if (one.sent !== undefined) {
            cancel(id, task);
            stopOthers(task.id, undefined);
            control(false);
          }
          lose(one, String(signal.reason));
        };
        const one: Open = {
          task,
          options: laneOptions,
          sent: undefined,
          again: false,
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
        outbox.add(one);
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
      // A copy that is still on its way would come to stay, with nobody to take it back.
      const there = new AbortController();
      const late = timers.sleep(LAST_COPIES, there.signal).catch(() => undefined);
      await Promise.race([copies.settled(), late]);
      there.abort();
      // Its own alone: another coordinator may have taken the run over.
      await removeTasks(link, names, run, copies.session).catch(() => []);
      const several = await removeTasks(link, names, run, id).catch(() => []);
      for (const name of several) await outbox.shut(name).catch(() => undefined);
    },
  };
}
