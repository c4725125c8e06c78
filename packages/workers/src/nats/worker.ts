import {
  type BlobStore,
  type Clock,
  type Failure,
  ManyfoldError,
  taskId,
  type TaskResult,
  type Timers,
  type Variant,
} from "@manyfold/protocol";
import { failureOf, messageOf } from "../outcome.ts";
import { store } from "../store.ts";
import type { ThreadPool } from "../thread-pool.ts";
import { attemptsOn } from "../threads.ts";
import {
  type BeatMessage,
  ControlMessage,
  decode,
  encode,
  type NewsMessage,
  type OutcomeMessage,
  TaskMessage,
} from "./messages.ts";
import { LEASE, prepareNamespace } from "./streams.ts";
import { type AttemptName, attemptOf, type Names } from "./subjects.ts";
import { type Message, refusalCode, type Transport } from "./transport.ts";

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

/** A task in hand. */
interface Held {
  name: AttemptName;
  /** Where its delivery is acknowledged and renewed. */
  ack: string;
  readonly stop: AbortController;
  readonly since: number;
}

type Outcome =
  | { readonly status: "done"; readonly result: TaskResult }
  | { readonly status: "failed"; readonly failure: Failure };

/** Milliseconds after which an idle worker asks again without having been rung. */
const ASK_AGAIN = 1000;
/** Milliseconds between two points of a task's curve. */
const TELL_AGAIN = 250;
/** Milliseconds for a draining worker to say what became of the tasks that it stopped. */
const LAST_WORDS = 5000;
/** Sessions whose wishes are remembered. */
const SESSIONS = 256;

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
  const attempt = attemptsOn(async () => pool, options);
  const held = new Map<string, Held>();
  const wishes = new Map<string, ControlMessage>();
  /** Tasks on threads; a held one whose result is on its way out leaves its thread free. */
  let busy = 0;
  let draining = false;
  let idleSince = clock.monotonic();
  const wakers: (() => void)[] = [];
  let rung = false;

  const wake = () => {
    rung = true;
    for (const waker of wakers.splice(0)) waker();
  };
  const over = () => draining || link.closed;

  const keyOf = ({ run, task }: AttemptName) => `${run}.${task}`;
  const answer = (ack: string, word: "+ACK" | "+WPI" | "+TERM") => {
    // What is said while the link is down is lost: then the lease runs out, and that is dealt with.
    if (link.up && ack !== "") link.publish(ack, new TextEncoder().encode(word));
  };

  const beat = () => {
    if (!link.up) return;
    const message: BeatMessage = {
      version: 1,
      worker: id,
      host: options.host,
      slots,
      variants: [...variants],
      manyfold: options.manyfold,
      running: [...held.values()].slice(0, 4096).map(({ name }) => name),
    };
    link.publish(names.beat(tokenOf(id)), encode(message));
  };

  const tell = ({ name }: Held, point?: NewsMessage["point"]) => {
    if (!link.up) return;
    const { run, session, task, attempt: number } = name;
    const message: NewsMessage = {
      version: 1,
      worker: id,
      task,
      attempt: number,
      ...(point && { point }),
    };
    link.publish(names.news(run, session), encode(message));
  };

  /** Writes how an attempt ended; whoever was first stays. */
  const report = async (name: AttemptName, outcome: Outcome, seconds: number): Promise<void> => {
    const { run, session, task, attempt: number } = name;
    const message: OutcomeMessage =
      outcome.status === "done"
        ? { version: 1, status: "done", task, worker: id, result: outcome.result, seconds }
        : {
            version: 1,
            status: "failed",
            task,
            session,
            attempt: number,
            worker: id,
            failure: outcome.failure,
            seconds,
          };
    const subject = outcome.status === "done" ? names.success({ run, task }) : names.failure(name);
    for (;;) {
      try {
        await link.streams.publish(subject, encode(message), { last: 0 });
        return;
      } catch (error) {
        const code = refusalCode(error);
        if (code === 10071) return;
        if (code !== 10077) throw error;
        // Either somebody was first, or the stream is full: then it waits, and goes on renewing.
        if ((await link.streams.get(names.results, { last: subject })) !== undefined) return;
        await timers.sleep(500);
      }
    }
  };

  const lost = (why: string): Outcome => ({ status: "failed", failure: failureOf("lost", why) });

  const unwanted = ({ run, session, task, attempt: number }: AttemptName): string | undefined => {
    const wish = wishes.get(`${run}.${session}`);
    if (wish?.ended === true) return "The run was stopped.";
    const cancelled = wish?.cancelled.some((one) => one.task === task && one.attempt === number);
    return cancelled === true ? "This copy of the task was cancelled." : undefined;
  };

  const onControl = (data: Uint8Array) => {
    const message = decode(ControlMessage, data);
    if (message === undefined) return;
    const key = `${message.run}.${message.session}`;
    wishes.delete(key);
    wishes.set(key, message);
    for (const oldest of wishes.keys()) {
      if (wishes.size <= SESSIONS) break;
      wishes.delete(oldest);
    }
    for (const { name, stop } of held.values()) {
      const why = unwanted(name);
      if (why !== undefined) stop.abort(why);
    }
  };

  /** Runs a task and stores its result; the thread is free before the result is. */
  const work = async (one: Held, { task, limits }: TaskMessage): Promise<Outcome> => {
    let told = clock.monotonic();
    const onProgress = (point: NonNullable<NewsMessage["point"]>) => {
      if (clock.monotonic() - told < TELL_AGAIN) return;
      told = clock.monotonic();
      tell(one, point);
    };
    try {
      const outcome = await attempt(task, { signal: one.stop.signal, onProgress, limits });
      if (outcome.status === "failed") return outcome;
      release();
      try {
        return { status: "done", result: await store(blobs, outcome.output) };
      } catch (error) {
        const message = `Its result was not stored: ${messageOf(error)}`;
        return { status: "failed", failure: failureOf("exception", message) };
      }
    } catch (error) {
      // A read that failed is this attempt's; threads that do not start are this worker's.
      if (!(error instanceof ManyfoldError)) {
        return { status: "failed", failure: failureOf("exception", messageOf(error)) };
      }
      draining = true;
      wake();
      return lost(error.message);
    } finally {
      release();
    }

    function release() {
      if (!working.delete(one)) return;
      busy--;
      wake();
    }
  };
  const working = new Set<Held>();

  const take = async (message: Message): Promise<void> => {
    const ack = message.reply;
    const name = attemptOf(message.subject);
    if (name === undefined) return answer(ack, "+TERM");
    const key = keyOf(name);
    const known = held.get(key);
    if (known !== undefined) {
      // The same delivery again, or another session's wish for the same: one run serves both.
      const { name: old, ack: before } = known;
      known.name = name;
      known.ack = ack;
      if (old.session !== name.session || old.attempt !== name.attempt) answer(before, "+ACK");
      return tell(known);
    }
    const one: Held = { name, ack, stop: new AbortController(), since: clock.monotonic() };
    held.set(key, one);
    const body = decode(TaskMessage, message.data);
    const why = refusal(name, body);
    let outcome: Outcome;
    const redelivered = deliveries(ack) > 1;
    const stopped = unwanted(name);
    if (body === undefined || why !== undefined) {
      const text = why ?? "The task is not one that this version of Manyfold can read.";
      outcome = { status: "failed", failure: failureOf("invalid", text) };
    } else if (redelivered) {
      outcome = lost("The worker that had it did not renew its lease.");
    } else if (stopped !== undefined) {
      outcome = lost(stopped);
    } else {
      busy++;
      working.add(one);
      tell(one);
      outcome = await work(one, body);
    }
    const seconds = (clock.monotonic() - one.since) / 1000;
    try {
      await report(one.name, outcome, seconds);
      answer(one.ack, "+ACK");
      const status = outcome.status === "done" ? "done" : outcome.failure.code;
      options.observe?.({ ...one.name, status, seconds });
    } finally {
      held.delete(key);
      idleSince = clock.monotonic();
      wake();
    }
  };

  let pulls = 0;
  /** Asks for at most so many tasks, without waiting; resolves with how many came. */
  const pull = (consumer: string, count: number): Promise<number> =>
    new Promise((resolve) => {
      const inbox = `${link.inbox}.${++pulls}`;
      const patience = new AbortController();
      let came = 0;
      const end = () => {
        patience.abort();
        forget();
        unsubscribe();
        resolve(came);
      };
      const forget = link.onDown(end);
      const unsubscribe = link.subscribe(inbox, (message) => {
        if (message.status !== 0) return end();
        came++;
        take(message).catch(() => undefined);
        if (came === count) end();
      });
      timers.sleep(2000, patience.signal).then(end, () => undefined);
      const request = encode({ batch: count, no_wait: true });
      const subject = `$JS.API.CONSUMER.MSG.NEXT.${names.tasks}.${consumer}`;
      link.publish(subject, request, inbox);
    });

  const rest = async () => {
    if (rung) return;
    const patience = new AbortController();
    await Promise.race([
      new Promise<void>((resolve) => wakers.push(resolve)),
      timers.sleep(ASK_AGAIN, patience.signal).catch(() => undefined),
    ]);
    patience.abort();
  };

  const idleTooLong = () =>
    options.maxIdle !== undefined &&
    held.size === 0 &&
    clock.monotonic() - idleSince > options.maxIdle * 1000;

  const loop = async (consumers: readonly string[]) => {
    while (!over() && !idleTooLong()) {
      rung = false;
      let came = 0;
      for (const consumer of consumers) {
        const free = slots - busy;
        if (free > 0 && link.up) came += await pull(consumer, free);
      }
      if (came === 0) await rest();
    }
    draining = true;
  };

  const finish = async () => {
    const until = clock.monotonic() + (options.grace ?? 30) * 1000;
    while (held.size > 0 && !link.closed && clock.monotonic() < until) {
      rung = false;
      await rest();
    }
    for (const { stop } of held.values()) stop.abort("Its worker was stopped.");
    // What cannot be written now, into a full stream, is left to the lease.
    while (held.size > 0 && !link.closed && clock.monotonic() < until + LAST_WORDS) {
      rung = false;
      await rest();
    }
  };

  await prepareNamespace(link, names, lease);
  const consumers = variants.map((variant) => names.consumer(variant).name);
  const subscriptions = [
    link.subscribe(names.controls, ({ data }) => onControl(data)),
    ...variants.map((variant) => link.subscribe(names.bell(variant), wake)),
  ];
  const renew = () => {
    for (const { ack } of held.values()) answer(ack, "+WPI");
  };
  const stops = [
    timers.every((options.beat ?? 2) * 1000, beat),
    timers.every((lease * 1000) / 4, renew),
    link.onReconnect(() => {
      renew();
      beat();
      wake();
    }),
    link.onDown(wake),
  ];
  beat();

  const life = async () => {
    try {
      await loop(consumers);
      await finish();
    } finally {
      for (const stop of stops) stop();
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
    drain() {
      draining = true;
      wake();
    },
  };
}

/** Why a task is not run; undefined where it is what its subject says. */
function refusal(name: AttemptName, body: TaskMessage | undefined): string | undefined {
  if (body === undefined) return undefined;
  const { task } = body;
  const same = task.id === name.task && task.attempt === name.attempt;
  return same && taskId(task.spec) === task.id
    ? undefined
    : "The task's id is not the hash of what it asks for.";
}

/** How often the server has handed out a message: part of the address of its acknowledgement. */
function deliveries(ack: string): number {
  const tokens = ack.split(".");
  // Newer servers put domain and account in front of the stream.
  return Number(tokens[tokens.length >= 11 ? 6 : 4]);
}

/** A worker's name as part of a subject. */
function tokenOf(id: string): string {
  return id.replace(/[^A-Za-z0-9_-]/g, "_").slice(-64);
}
