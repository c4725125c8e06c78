import type { Clock, Hash, Limits, Task } from "@manyfold/protocol";
import { encode, type NewsMessage, type TaskMessage } from "./messages.ts";
import type { Open } from "./sent.ts";
import { type AttemptName, copySession, nameOf, type Names, VERSION } from "./subjects.ts";
import type { Transport } from "./transport.ts";

export interface CopiesOptions {
  readonly link: Transport;
  readonly names: Names;
  readonly run: string;
  /** That whose attempts are copied. */
  readonly session: string;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Milliseconds for a worker to say that it has a copy. */
  readonly patience: number;
}

/**
 * Second copies of attempts that take too long. A copy has the name of its attempt in a sibling of
 * the session: its success is the task's like any other, and how it fails is nobody's business. It is
 * no attempt of its own, so the retry policy never hears of it.
 */
export interface Copies {
  /** The sibling that copies are named after. */
  readonly session: string;
  /** Copies that are out, and those of them that no worker is known to have. */
  readonly count: number;
  readonly unheld: number;
  send(one: Open): void;
  /** A worker was heard to have one. */
  held(name: AttemptName, worker: string): void;
  onNews(news: NewsMessage): void;
  /** It ended, without a success. */
  ended(task: Hash): void;
  /** Takes a task's copy back; whoever has it already is to be told. */
  stop(task: Hash): { readonly task: Task; readonly worker: string | undefined } | undefined;
  /** Forgets those of a worker that is silent. */
  lose(worker: string): void;
  /** Sends anew what no worker says it has: a worker that stands still may have been given it. */
  look(): void;
  /** Waits until nothing is on its way to the server any more. */
  settled(): Promise<unknown>;
}

/** Times that a copy is sent, for whoever gets it may be the worker that it is meant to help. */
const TRIES = 3;

interface Copy {
  readonly one: Open;
  since: number;
  tries: number;
  worker: string | undefined;
  over: boolean;
  sequence: number | undefined;
}

export function createCopies(options: CopiesOptions): Copies {
  const { link, names, run, limits, clock } = options;
  const session = copySession(options.session);
  const copies = new Map<Hash, Copy>();
  let sendings = 0;

  const pending = new Set<Promise<void>>();

  const takeBack = async (sequence: number | undefined) => {
    if (sequence === undefined) return;
    await link.streams.remove(names.tasks, sequence).catch(() => undefined);
  };

  const publish = async (copy: Copy) => {
    const { task } = copy.one;
    const name = nameOf(run, session, task);
    const message: TaskMessage = { version: VERSION, tasks: [task], limits };
    const subject = names.task(task.spec.variant, name);
    const msgID = `${session}.${++sendings}`;
    const sequence = await link.streams.publish(subject, encode(message), { msgID });
    copy.sequence = sequence;
    if (copy.over) await takeBack(sequence);
  };

  const send = (copy: Copy) => {
    copy.tries++;
    copy.since = clock.monotonic();
    copy.worker = undefined;
    // Where there is no room for it, or no right, the attempt goes on as if nobody had thought of it.
    const sent = publish(copy)
      .catch(() => drop(copy))
      .finally(() => pending.delete(sent));
    pending.add(sent);
  };

  const drop = (copy: Copy) => {
    copy.over = true;
    const { id } = copy.one.task;
    if (copies.get(id) === copy) copies.delete(id);
  };

  const again = (copy: Copy) => {
    void takeBack(copy.sequence);
    if (copy.tries < TRIES) send(copy);
    else drop(copy);
  };

  const of = (task: Hash, attempt: number): Copy | undefined => {
    const copy = copies.get(task);
    return copy?.one.task.attempt === attempt ? copy : undefined;
  };

  return {
    session,
    get count() {
      return copies.size;
    },
    get unheld() {
      return [...copies.values()].filter(({ worker }) => worker === undefined).length;
    },
    send(one) {
      // That of an attempt before is still at it.
      if (copies.has(one.task.id)) return;
      const copy: Copy = {
        one,
        since: 0,
        tries: 0,
        worker: undefined,
        over: false,
        sequence: undefined,
      };
      copies.set(one.task.id, copy);
      one.options.onCopied();
      send(copy);
    },
    held({ task, attempt }, worker) {
      const copy = of(task, attempt);
      if (copy !== undefined) copy.worker ??= worker;
    },
    onNews({ task, attempt, worker, returned }) {
      const copy = of(task, attempt);
      if (copy === undefined) return;
      if (returned !== true) copy.worker ??= worker;
      else if (copy.worker === undefined || copy.worker === worker) again(copy);
    },
    ended(task) {
      const copy = copies.get(task);
      if (copy !== undefined) drop(copy);
    },
    stop(task) {
      const copy = copies.get(task);
      if (copy === undefined) return undefined;
      void takeBack(copy.sequence);
      drop(copy);
      return { task: copy.one.task, worker: copy.worker };
    },
    lose(worker) {
      for (const copy of copies.values()) if (copy.worker === worker) drop(copy);
    },
    look() {
      const now = clock.monotonic();
      for (const copy of copies.values()) {
        if (copy.worker === undefined && now - copy.since > options.patience) again(copy);
      }
    },
    settled: () => Promise.allSettled(pending),
  };
}
