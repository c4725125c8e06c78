import { AnswerMessage, AskMessage, BeatMessage, decode, encode } from "./messages.ts";
import type { Names } from "./subjects.ts";
import type { Transport } from "./transport.ts";

/**
 * Answers for a run while this process coordinates it.
 *
 * @param onStop called when somebody asks it to stop
 * @returns ends the answering
 */
export function answerForRun(
  link: Transport,
  names: Names,
  of: { readonly run: string; readonly host: string },
  onStop: () => void,
): () => void {
  return link.subscribe(names.coordinator(of.run), ({ data, reply }) => {
    const asked = decode(AskMessage, data);
    if (asked === undefined) return;
    const answer: AnswerMessage = { version: 1, host: of.host };
    if (reply !== "") link.publish(reply, encode(answer));
    if (asked.ask === "stop") onStop();
  });
}

/** Asks a run's coordinator; undefined where the run has none that answers. */
export async function askCoordinator(
  link: Transport,
  names: Names,
  run: string,
  ask: AskMessage["ask"],
): Promise<AnswerMessage | undefined> {
  try {
    const message: AskMessage = { version: 1, ask };
    const reply = await link.request(names.coordinator(run), encode(message), 2000);
    return decode(AnswerMessage, reply.data);
  } catch {
    return undefined;
  }
}

/** The ids of all runs of a namespace, in the order of their names. */
export async function listRuns(link: Transport, names: Names): Promise<string[]> {
  const subjects = await link.streams.subjects(names.log, names.subjects.log);
  return subjects.map((subject) => subject.slice(names.logOf("").length)).toSorted();
}

/** The ids of all runs that somebody has or had a lease of; they need not have a log yet. */
export async function listLeases(link: Transport, names: Names): Promise<string[]> {
  const subjects = await link.streams.subjects(names.leases, names.subjects.leases);
  return subjects.map((subject) => subject.slice(names.lease("").length)).toSorted();
}

/** The workers that are heard within so many milliseconds; each is heard every two seconds. */
export async function listWorkers(
  link: Transport,
  names: Names,
  milliseconds: number,
): Promise<BeatMessage[]> {
  const heard = new Map<string, BeatMessage>();
  const unsubscribe = link.subscribe(names.beats, ({ data }) => {
    const message = decode(BeatMessage, data);
    if (message !== undefined) heard.set(message.worker, message);
  });
  await link.timers.sleep(milliseconds);
  unsubscribe();
  return [...heard.values()].toSorted((a, b) => (a.worker < b.worker ? -1 : 1));
}
