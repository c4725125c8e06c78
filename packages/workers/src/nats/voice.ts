import { type BeatMessage, encode, type NewsMessage } from "./messages.ts";
import { keyOf } from "./held.ts";
import { type AttemptName, type Names, VERSION } from "./subjects.ts";
import type { Transport } from "./transport.ts";

/** Milliseconds for which an acknowledgement waits for something to go along with. */
const ACKNOWLEDGE = 5;
/** Milliseconds before it is told who began a task: most are over before anybody asks. */
const TELL_SOON = 100;

export interface VoiceOptions {
  readonly link: Transport;
  readonly names: Names;
  /** What heartbeats say of the worker; the rest of them is what it holds. */
  readonly about: Omit<BeatMessage, "version" | "running">;
  /** Everything in hand, by its key. */
  readonly held: ReadonlyMap<string, { readonly name: AttemptName }>;
}

/**
 * What a worker says but for its results. Whatever is said while the link is down is lost; then leases
 * run out, and that is dealt with.
 */
export interface Voice {
  beat(): void;
  /** Tells who has an attempt, how it gets on, or that it goes back. */
  tell(name: AttemptName, more?: Pick<NewsMessage, "point" | "returned">): void;
  /** Tells who has it, if it is still in hand in a while. */
  tellSoon(one: { readonly name: AttemptName }): void;
  answer(ack: string, word: "+ACK" | "+WPI" | "+TERM"): void;
  /** Acknowledges with whatever else is sent next: a message of its own would cost as much as a result. */
  acknowledge(ack: string): void;
  acknowledgeAll(): void;
}

export function createVoice({ link, names, about, held }: VoiceOptions): Voice {
  const { worker } = about;
  /** Deliveries that are done, and not acknowledged yet. */
  const done: string[] = [];
  let newcomers: { readonly name: AttemptName }[] = [];

  const voice: Voice = {
    beat() {
      if (!link.up) return;
      const running = [...held.values()].slice(0, 4096).map(({ name }) => name);
      const message: BeatMessage = { version: VERSION, ...about, running };
      link.publish(names.beat(tokenOf(worker)), encode(message));
    },
    tell({ run, session, task, attempt }, more = {}) {
      if (!link.up) return;
      const message: NewsMessage = { version: VERSION, worker, task, attempt, ...more };
      link.publish(names.news(run, session), encode(message));
    },
    tellSoon(one) {
      newcomers.push(one);
      if (newcomers.length > 1) return;
      const tellThem = () => {
        const told = newcomers;
        newcomers = [];
        for (const each of told) if (held.get(keyOf(each.name)) === each) voice.tell(each.name);
      };
      link.timers.sleep(TELL_SOON).then(tellThem, () => undefined);
    },
    answer(ack, word) {
      if (link.up && ack !== "") link.publish(ack, new TextEncoder().encode(word));
    },
    acknowledge(ack) {
      done.push(ack);
      if (done.length > 1) return;
      link.timers.sleep(ACKNOWLEDGE).then(
        () => voice.acknowledgeAll(),
        () => undefined,
      );
    },
    acknowledgeAll() {
      for (const ack of done.splice(0)) voice.answer(ack, "+ACK");
    },
  };
  return voice;
}

/** A worker's name as part of a subject. */
function tokenOf(id: string): string {
  return id.replace(/[^A-Za-z0-9_-]/g, "_").slice(-64);
}
