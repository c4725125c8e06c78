import { hashOf } from "@manyfold/files";
import {
  type BlobStore,
  canonicalJson,
  type Clock,
  type Failure,
  type Task,
  type Timers,
  type Variant,
} from "@manyfold/protocol";
import { failureOf } from "../outcome.ts";
import type { AllowedModules } from "../modules.ts";
import type { ThreadPool } from "../thread-pool.ts";
import { listsOn } from "../threads.ts";
import { createEndedRuns } from "./ended.ts";
import { type Delivery, type Ended, type Held, keyOf, lost } from "./held.ts";
import { ControlMessage, decode, TaskMessage } from "./messages.ts";
import { standingPulls } from "./pulls.ts";
import { reportOutcomes } from "./reports.ts";
import { LEASE, prepareNamespace } from "./streams.ts";
import { type AttemptName, attemptOf, isCopy, type Names } from "./subjects.ts";
import { threadsWork } from "./threads-work.ts";
import type { Message, Transport } from "./transport.ts";
import { createVoice } from "./voice.ts";
import { createWishes } from "./wishes.ts";

export interface NatsWorkerOptions {
  readonly link: Transport;
  readonly names: Names;
  /** Where tables come from and results go: usually `natsBlobs` with a cache on this host. */
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Threads that run the tasks; the worker closes them at its end. */
  readonly pool: ThreadPool;
  /** What this machine computes; it gets no other tasks. */
  readonly variants: readonly Variant[];
  /** Its name in events and reports, and that of its machine. */
  readonly id: string;
  readonly host: string;
  readonly manyfold: string;
  /** Modules of the user's own that tasks may name (default none). */
  readonly modules?: AllowedModules;
  /** Bytes that running tasks may need together. */
  readonly memory?: number;
  /** Seconds between two heartbeats (default 2). */
  readonly beat?: number;
  /** Seconds after which the server hands out anew what nobody renewed (default 60). */
  readonly lease?: number;
  /** Seconds that running tasks have to finish once it drains (default 30). */
  readonly grace?: number;
  /** Seconds without a task after which it ends (default: never). */
  readonly maxIdle?: number;
  /** Told of each attempt that ends, for a log. */
  readonly observe?: (what: WorkerEvent) => void;
}

export interface WorkerEvent extends AttemptName {
  readonly status: "done" | Failure["code"];
  readonly seconds: number;
}

/** A worker at work. */
export interface NatsWorker {
  /** Resolves when it has ended: drained, idle for too long, or its link closed. */
  readonly ended: Promise<void>;
  /** Takes no more tasks, lets those that run finish within the grace time, hands back the rest. */
  drain(): void;
}

/** Milliseconds after which an idle worker looks whether it has been idle for too long. */
const LOOK = 1000;
/** Milliseconds for a draining worker to say what became of the tasks that it stopped. */
const LAST_WORDS = 5000;
/** Milliseconds after which the first outcomes of a message do not wait for the last. */
const WAIT = 250;
/** Messages of shorter work, in milliseconds, are fetched before there is a thread for them. */
const SHORT = 1000;

/**
 * Starts a worker: it takes tasks of its variants, runs them on its threads, stores results and
 * reports them. This thread only talks, so that leases are renewed whatever the tasks do.
 *
 * A delivery is an attempt: what the server hands out a second time was lost with its first holder,
 * and is reported so instead of being run.
 */
export async function startNatsWorker(options: NatsWorkerOptions): Promise<NatsWorker> {
  const { link, names, blobs, clock, timers, pool, variants, id } = options;
  const { slots } = pool;
  const lease = options.lease ?? LEASE;
  const ending = new AbortController();
  const held = new Map<string, Held>();
  const deliveries = new Set<Delivery>();
  /** Those that wait for a thread, in the order they came. */
  const ready: Held[] = [];
  const wishes = createWishes();
  const about = {
    worker: id,
    host: options.host,
    slots,
    variants: [...variants],
    manyfold: options.manyfold,
    modules: [...(options.modules?.keys() ?? [])],
  };
  const work = threadsWork({
    blobs,
    clock,
    runList: listsOn(async () => pool, options),
    ending: ending.signal,
    onProgress: (one, point) => voice.tell(one.name, { point }),
    onBroken: () => drain(),
  });
  const voice = createVoice({
    link,
    names,
    about,
    held,
  });
  const hasEnded = createEndedRuns(link, names, clock);
  /** Of runs that have ended: nobody waits for a word of them. */
  const dropped = new WeakSet<Held>();
  /** Tasks on threads; a held one whose result is on its way out leaves its thread free. */
  let busy = 0;
  /** Mean milliseconds that messages take of late; unknown at first. */
  let pace = Number.POSITIVE_INFINITY;
  let draining = false;
  let idleSince = clock.monotonic();
  const wakers: (() => void)[] = [];

  const wake = () => {
    for (const waker of wakers.splice(0)) waker();
  };
  const over = () => draining || link.closed;

  const onControl = (data: Uint8Array) => {
    const message = decode(ControlMessage, data);
    if (message === undefined) return;
    wishes.hear(message);
    for (const { name, stop } of held.values()) {
      const why = wishes.against(name);
      if (why !== undefined) stop.abort(why);
    }
  };

  /** Lets go of what a run still has here once it has ended: nobody waits for a word of it. */
  const dropRun = (run: string) => {
    for (const one of held.values()) {
      if (one.name.run !== run) continue;
      dropped.add(one);
      one.stop.abort("The run has ended.");
    }
    const waited = ready.splice(0);
    ready.push(...waited.filter((one) => !dropped.has(one)));
    for (const one of waited) if (dropped.has(one)) forgo(one);
  };

  const dropIfEnded = async (run: string, anew: boolean) => {
    if (await hasEnded(run, anew)) dropRun(run);
  };

  /** Who was away has not heard which runs ended meanwhile. */
  const dropEnded = async () => {
    const runs = new Set([...held.values()].map(({ name }) => name.run));
    for (const run of runs) await dropIfEnded(run, true);
  };

  /** Runs tasks and stores their results; the thread is free before they are. */
  const onThread = async (list: readonly Held[]): Promise<void> => {
    const since = clock.monotonic();
    for (const one of list) voice.tellSoon(one);
    const outcomes = await work.run(list);
    const seconds = (clock.monotonic() - since) / 1000 / list.length;
    busy--;
    for (const one of list) {
      one.waits = false;
      leaveThread(one.delivery);
    }
    next();
    await Promise.all(
      list.map(async (one, at) => {
        const outcome = outcomes[at] ?? lost("The task ended without a result.");
        end(one, await work.stored(outcome), seconds);
      }),
    );
  };

  /** Its last task leaves the threads: there is room for another message. */
  const leaveThread = (delivery: Delivery) => {
    if (--delivery.unrun > 0) return;
    const took = clock.monotonic() - delivery.since;
    pace = Number.isFinite(pace) ? 0.8 * pace + 0.2 * took : took;
    pulls.askSoon();
  };

  const next = () => {
    while (busy < slots && ready.length > 0) {
      // Tasks that came together are short: a thread takes its share of them at once.
      const delivery = ready[0]?.delivery;
      const alike = ready.findIndex((one) => one.delivery !== delivery);
      const came = alike < 0 ? ready.length : alike;
      const list = ready.splice(0, Math.ceil(came / (slots - busy)));
      busy++;
      onThread(list).catch(() => undefined);
    }
  };

  const end = (one: Held, ended: Ended, seconds: number) => {
    const { name, delivery } = one;
    const { task, session, attempt: number } = name;
    held.delete(keyOf(name));
    one.after?.();
    delivery.open--;
    const silent = ended.status === "failed" && dropped.has(one);
    if (!silent)
      delivery.outcomes.push(
        ended.status === "done"
          ? { status: "done", task, result: ended.result, seconds }
          : { status: "failed", task, session, attempt: number, failure: ended.failure, seconds },
      );
    if (delivery.open === 0 || clock.monotonic() - delivery.since > WAIT) reportSoon(delivery);
    const status = ended.status === "done" ? "done" : ended.failure.code;
    options.observe?.({ ...name, status, seconds });
  };

  const reportSoon = (delivery: Delivery) => {
    report(delivery).catch(() => undefined);
    // In one write with the report.
    voice.acknowledgeAll();
    if (delivery.unrun === 0) pulls.ask();
  };

  /** Writes what has ended; a message is acknowledged once all of it is written. */
  const report = async (delivery: Delivery): Promise<void> => {
    const outcomes = delivery.outcomes.splice(0);
    const last = delivery.open === 0;
    const { name } = delivery;
    try {
      // Where more will come they are written one by one: the message's own subject takes but one.
      const lots = last ? [outcomes] : outcomes.map((one) => [one]);
      await Promise.all(lots.map((lot) => reportOutcomes(link, names, id, name, lot)));
      if (last) voice.acknowledge(delivery.ack);
    } finally {
      if (last) deliveries.delete(delivery);
      idleSince = clock.monotonic();
      wake();
    }
  };

  const take = (message: Message) => {
    const ack = message.reply;
    const name = attemptOf(message.subject);
    if (name === undefined) return voice.answer(ack, "+TERM");
    const body = decode(TaskMessage, message.data);
    const since = clock.monotonic();
    const tasks = body?.tasks ?? [];
    const limits = body?.limits ?? {};
    const count = Math.max(1, tasks.length);
    const delivery: Delivery = { name, ack, limits, since, open: count, unrun: 0, outcomes: [] };
    deliveries.add(delivery);
    const [first] = tasks;
    if (first?.id !== name.task || first.attempt !== name.attempt) {
      const text = "The task is not one that this version of Manyfold can read.";
      const failure = failureOf("invalid", text);
      const { task, session, attempt: number } = name;
      delivery.open = 0;
      delivery.outcomes.push({
        status: "failed",
        task,
        session,
        attempt: number,
        failure,
        seconds: 0,
      });
      return reportSoon(delivery);
    }
    const redelivered = deliveriesOf(ack) > 1;
    for (const task of tasks) receive(delivery, task, redelivered);
    dropIfEnded(name.run, false).catch(() => undefined);
    next();
    pulls.ask();
  };

  const receive = (delivery: Delivery, task: Task, redelivered: boolean) => {
    const name: AttemptName = { ...delivery.name, task: task.id, attempt: task.attempt };
    const known = held.get(keyOf(name));
    if (known !== undefined && isCopy(name) && name.session !== known.name.session) {
      // Another worker is to have it.
      voice.tell(name, { returned: true });
      if (--delivery.open === 0) reportSoon(delivery);
      return;
    }
    if (known?.stop.signal.aborted === true) {
      const { after } = known;
      known.after = () => {
        after?.();
        receive(delivery, task, redelivered);
        next();
      };
      return;
    }
    if (known !== undefined) {
      // The same delivery again, or another session's wish for the same: one run serves both.
      const { delivery: before } = known;
      known.name = name;
      known.delivery = delivery;
      before.open--;
      if (known.waits) {
        before.unrun--;
        delivery.unrun++;
      }
      if (before.open === 0) reportSoon(before);
      return voice.tell(known.name);
    }
    const one: Held = {
      name,
      delivery,
      task,
      stop: new AbortController(),
      waits: false,
      after: undefined,
    };
    held.set(keyOf(name), one);
    if (hashOf(new TextEncoder().encode(canonicalJson(task.spec))) !== task.id) {
      const failure = failureOf("invalid", "The task's id is not the hash of what it asks for.");
      return end(one, { status: "failed", failure }, 0);
    }
    if (redelivered) return end(one, lost("The worker that had it did not renew its lease."), 0);
    const stopped = wishes.against(name);
    if (stopped !== undefined) return end(one, lost(stopped), 0);
    one.waits = true;
    delivery.unrun++;
    if (draining) return handBack(one);
    ready.push(one);
  };

  /** Nothing of it has begun: its coordinator sends it anew, and nobody has failed. */
  const handBack = (one: Held) => {
    voice.tell(one.name, { returned: true });
    forgo(one);
  };

  /** It is acknowledged with the rest of its message, and nothing is written of it. */
  const forgo = (one: Held) => {
    const { delivery } = one;
    held.delete(keyOf(one.name));
    one.after?.();
    delivery.unrun--;
    if (--delivery.open === 0) reportSoon(delivery);
  };

  const rest = () => new Promise<void>((resolve) => wakers.push(resolve));

  const idleTooLong = () =>
    options.maxIdle !== undefined &&
    deliveries.size === 0 &&
    clock.monotonic() - idleSince > options.maxIdle * 1000;

  const drain = () => {
    draining = true;
    for (const one of ready.splice(0)) handBack(one);
    wake();
  };

  const loop = async () => {
    pulls.ask();
    while (!over() && !idleTooLong()) await rest();
    drain();
  };

  const finish = async () => {
    const until = clock.monotonic() + (options.grace ?? 30) * 1000;
    while (deliveries.size > 0 && !link.closed && clock.monotonic() < until) await rest();
    for (const { stop } of held.values()) stop.abort("Its worker was stopped.");
    // What cannot be written now, into a full stream, is left to the lease.
    while (deliveries.size > 0 && !link.closed && clock.monotonic() < until + LAST_WORDS) {
      await rest();
    }
  };

  await prepareNamespace(link, names, lease);
  const pulls = standingPulls({
    link,
    clock,
    stream: names.tasks,
    consumers: variants.map((variant) => names.consumer(variant).name),
    room() {
      if (over()) return 0;
      const waiting = [...deliveries].filter(({ unrun }) => unrun > 0).length;
      return slots + (pace < SHORT ? slots : 0) - waiting;
    },
    onMessage: take,
  });
  const subscriptions = [link.subscribe(names.controls, ({ data }) => onControl(data))];
  const renew = () => {
    for (const { ack } of deliveries) voice.answer(ack, "+WPI");
  };
  /** What has ended does not wait for a long task that came with it. */
  const reportEnded = () => {
    const now = clock.monotonic();
    for (const one of deliveries) {
      if (one.open > 0 && one.outcomes.length > 0 && now - one.since > WAIT) reportSoon(one);
    }
  };
  const stops = [
    timers.every((options.beat ?? 2) * 1000, () => voice.beat()),
    timers.every((lease * 1000) / 4, renew),
    timers.every(2 * WAIT, reportEnded),
    timers.every(LOOK, wake),
    link.onReconnect(() => {
      renew();
      voice.beat();
      pulls.renew();
      wake();
      dropEnded().catch(() => undefined);
    }),
    () => pulls.end(),
    link.onDown(wake),
  ];
  voice.beat();

  const life = async () => {
    try {
      await loop();
      await finish();
    } finally {
      for (const stop of stops) stop();
      voice.acknowledgeAll();
      ending.abort("Its worker has ended.");
      for (const { stop } of held.values()) stop.abort("Its worker has ended.");
      if (!link.closed) {
        for (const unsubscribe of subscriptions) unsubscribe();
        if (link.up) await link.flush().catch(() => undefined);
      }
      await pool.close();
    }
  };

  return {
    ended: life(),
    drain,
  };
}

/** How often the server has handed out a message: part of the address of its acknowledgement. */
function deliveriesOf(ack: string): number {
  const tokens = ack.split(".");
  // Newer servers put domain and account in front of the stream.
  return Number(tokens[tokens.length >= 11 ? 6 : 4]);
}
