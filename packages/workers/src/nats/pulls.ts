import type { Clock } from "@manyfold/protocol";
import type { Message, Transport } from "./transport.ts";

export interface PullOptions {
  readonly link: Transport;
  readonly clock: Clock;
  readonly stream: string;
  readonly consumers: readonly string[];
  /** How many messages there is room for now. */
  readonly room: () => number;
  readonly onMessage: (message: Message) => void;
}

/** Requests for tasks that stand at the server, so that a task is on its way as soon as it is there. */
export interface Pulls {
  /** Asks for as much as there is room for and nobody was asked for yet. */
  ask(): void;
  /** The same by the end of this turn of the event loop. */
  askSoon(): void;
  /** The same after the server may have forgotten what it was asked for. */
  renew(): void;
  end(): void;
}

/** Milliseconds for which a request stands. */
const STANDS = 10_000;
/** Milliseconds after which it is asked anew: before its end, of which some servers say nothing. */
const ANEW = 9000;
/** Milliseconds between two looks for requests that have ended. */
const LOOK = 500;

/** Asks consumers for messages, each by requests that stand until there is one. */
export function standingPulls(options: PullOptions): Pulls {
  const { link, clock, stream, room, onMessage } = options;
  const lines = options.consumers.map((consumer) => lineOf(consumer));
  const ask = () => {
    for (const line of lines) line.ask();
  };
  let soon = false;
  const askSoon = () => {
    if (soon) return;
    soon = true;
    const turn = async () => {
      await link.timers.sleep(0);
      soon = false;
      ask();
    };
    turn().catch(() => undefined);
  };
  const stopLooking = link.timers.every(LOOK, ask);

  function lineOf(consumer: string) {
    const inbox = `${link.inbox}.pull.${consumer}`;
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    /** Requests under way, the oldest first; the server serves them in this order. */
    let asked: { readonly number: number; left: number; readonly until: number }[] = [];
    let number = 0;
    const unsubscribe = link.subscribe(`${inbox}.*`, (message) => {
      if (message.status === 0) {
        const [oldest] = asked;
        if (oldest !== undefined && --oldest.left === 0) asked.shift();
        onMessage(message);
        return;
      }
      const ended = Number(message.subject.slice(inbox.length + 1));
      asked = asked.filter((one) => one.number !== ended);
      // What ended by its time is asked again; what was refused is, with the next look.
      if (message.status === 408) line.ask();
    });
    const line = {
      ask() {
        const now = clock.monotonic();
        asked = asked.filter(({ until }) => now < until);
        const want = room() - asked.reduce((sum, { left }) => sum + left, 0);
        if (want <= 0 || !link.up) return;
        number++;
        asked.push({ number, left: want, until: now + ANEW });
        const request = JSON.stringify({ batch: want, expires: STANDS * 1e6 });
        link.publish(subject, new TextEncoder().encode(request), `${inbox}.${number}`);
      },
      forget() {
        asked = [];
      },
      unsubscribe,
    };
    return line;
  }

  return {
    ask,
    askSoon,
    renew() {
      for (const line of lines) line.forget();
      ask();
    },
    end() {
      stopLooking();
      if (link.closed) return;
      for (const { unsubscribe } of lines) unsubscribe();
    },
  };
}
