import { type Clock, ManyfoldError, type Timers } from "@manyfold/protocol";
import { messageOf } from "../outcome.ts";
import { askCoordinator } from "./census.ts";
import { epochOf, takenOver } from "./journal.ts";
import { decode, encode, LeaseMessage } from "./messages.ts";
import type { Names } from "./subjects.ts";
import { refusalCode, type Transport } from "./transport.ts";

/** Who coordinates a run, as the server has it. */
export interface LeaseView extends LeaseMessage {
  /** Its place in the stream: another one with every renewal. */
  readonly sequence: number;
}

/** The right to coordinate a run, renewed by timer. */
export interface Lease {
  /** Grows with every coordinator of the run: what it writes carries it. */
  readonly epoch: number;
  /** Aborted once somebody else has taken the run over; its reason is the error that says so. */
  readonly lost: AbortSignal;
  /** Ends the renewing and says that nobody coordinates the run any more. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly run: string;
  /** Names this process. */
  readonly owner: string;
  readonly host: string;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Seconds without a renewal after which others may have it (default 10). */
  readonly seconds?: number;
  /** Takes it from a holder that lives, who is then shut out (default false). */
  readonly takeOver?: boolean;
  /** Told that it has to wait, and for whom. */
  readonly notice?: (text: string) => void;
}

const SECONDS = 10;
/** Milliseconds between two looks at somebody else's lease. */
const LOOK = 200;

/** The lease of a run; undefined where it never had a coordinator, or was removed. */
export async function readLease(
  link: Transport,
  names: Names,
  run: string,
): Promise<LeaseView | undefined> {
  const found = await link.streams.get(names.leases, { last: names.lease(run) });
  const message = found && decode(LeaseMessage, found.data);
  return found && message?.run === run ? { ...message, sequence: found.sequence } : undefined;
}

/**
 * Takes the lease of a run. One whose holder answers is refused; one whose holder does not is waited
 * for until it was not renewed for its time, by this machine's own monotonic clock.
 *
 * A lease only says who should write. What keeps a coordinator out that does not know yet is the
 * log, which is opened with the lease's epoch.
 *
 * @throws ManyfoldError (`journal`) where somebody else coordinates the run: who, and until when
 */
export async function claimLease(
  link: Transport,
  names: Names,
  options: LeaseOptions,
): Promise<Lease> {
  const { run, owner, host, clock, timers, seconds = SECONDS, takeOver = false } = options;
  const subject = names.lease(run);
  const lost = new AbortController();
  const before = await readLease(link, names, run);
  if (before?.state === "held" && !takeOver) await awaitEnd(link, names, before, options);

  const epoch = Math.max(before?.epoch ?? 0, await epochOf(link, names, run)) + 1;
  const write = async (state: LeaseMessage["state"], last: number): Promise<number> => {
    const until = clock.now() + seconds * 1000;
    const message: LeaseMessage = { version: 1, run, epoch, owner, host, seconds, until, state };
    try {
      return await link.streams.publish(subject, encode(message), { last });
    } catch (error) {
      if (refusalCode(error) !== 10071) throw error;
      const now = await readLease(link, names, run);
      // One's own, whose answer was lost on its way.
      if (now?.owner === owner && now.epoch === epoch) return now.sequence;
      throw now === undefined ? removed(run) : takenOver(run, now);
    }
  };

  let sequence: number;
  try {
    sequence = await write("held", before?.sequence ?? 0);
  } catch (error) {
    if (refusalCode(error) !== undefined) throw refused(run, error);
    const now = await readLease(link, names, run);
    if (error instanceof ManyfoldError && now !== undefined) throw inUse(run, now);
    throw error;
  }
  let renewing: Promise<void> | undefined;
  const renew = async () => {
    try {
      sequence = await write("held", sequence);
    } catch (error) {
      // A full store may have room again before anybody misses the lease.
      if (refusalCode(error) !== undefined) return;
      stop();
      // What is not a takeover (a closed link) ends the run where it is met.
      if (error instanceof ManyfoldError) lost.abort(error);
    } finally {
      renewing = undefined;
    }
  };
  const stop = timers.every((seconds * 1000) / 3, () => {
    if (link.up) renewing ??= renew();
  });

  return {
    epoch,
    lost: lost.signal,
    async release() {
      stop();
      if (!link.up || lost.signal.aborted) return;
      await renewing;
      await write("ended", sequence).catch(() => undefined);
    },
  };
}

/** Waits until a holder that does not answer has not renewed for the lease's time. */
async function awaitEnd(
  link: Transport,
  names: Names,
  before: LeaseView,
  options: LeaseOptions,
): Promise<void> {
  const { run, host, seconds } = before;
  const { clock, notice = () => undefined } = options;
  const since = clock.monotonic();
  const answer = await askCoordinator(link, names, run, "state");
  if (answer !== undefined) throw inUse(run, (await readLease(link, names, run)) ?? before);
  notice(
    `The coordinator of ${run} on ${host} does not answer: waiting up to ${seconds} s for its lease.`,
  );
  const renewed = await awaitRenewal(link, names, before, options, since);
  if (renewed !== undefined) throw inUse(run, renewed);
}

/**
 * Watches a held lease until it is renewed, given back, or not renewed for its time by this machine's
 * own monotonic clock.
 *
 * @param since monotonic milliseconds when it was read
 * @returns the renewed lease; undefined where nobody has it any more
 */
export async function awaitRenewal(
  link: Transport,
  names: Names,
  before: LeaseView,
  { clock, timers }: Pick<LeaseOptions, "clock" | "timers">,
  since: number = clock.monotonic(),
): Promise<LeaseView | undefined> {
  while (clock.monotonic() - since < before.seconds * 1000) {
    await timers.sleep(LOOK);
    const now = await readLease(link, names, before.run);
    if (now === undefined || now.state === "ended") return undefined;
    if (now.sequence !== before.sequence) return now;
  }
  return undefined;
}

function inUse(run: string, { host, epoch, until }: LeaseView): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path: run,
    condition: "a run that nobody coordinates",
    got: `a coordinator on ${host} (epoch ${epoch}), whose lease stands until ${timeOf(until)} and is renewed`,
    help: "Stop it with manyfold cancel, or shut it out with manyfold resume --take-over.",
  });
}

function refused(run: string, error: unknown): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: `lease of ${run}`,
    condition: "taken by the server",
    got: messageOf(error),
    help: "A full store takes nothing: raise its limit, or purge blobs that no run needs.",
  });
}

function removed(run: string): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: `lease of ${run}`,
    condition: "where this coordinator left it",
    got: "none: the run was removed from the server",
  });
}

/** `12:30:05 UTC`. */
function timeOf(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(11, 19)} UTC`;
}
