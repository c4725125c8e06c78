import type { Link } from "./link.ts";
import { AnswerMessage, AskMessage, BeatMessage, decode, encode } from "./messages.ts";
import type { Names } from "./subjects.ts";

/**
 * Answers for a run while this process coordinates it.
 *
 * @param onStop called when somebody asks it to stop
 * @returns ends the answering
 */
export function answerForRun(
  link: Link,
  names: Names,
  of: { readonly run: string; readonly host: string },
  onStop: () => void,
): () => void {
  const subscription = link.nc.subscribe(names.coordinator(of.run), {
    callback: (_, message) => {
      const asked = decode(AskMessage, message.data);
      if (asked === undefined) return;
      const answer: AnswerMessage = { version: 1, host: of.host };
      message.respond(encode(answer));
      if (asked.ask === "stop") onStop();
    },
  });
  return () => {
    if (!link.nc.isClosed()) subscription.unsubscribe();
  };
}

/** Asks a run's coordinator; undefined where the run has none that answers. */
export async function askCoordinator(
  { nc }: Link,
  names: Names,
  run: string,
  ask: AskMessage["ask"],
): Promise<AnswerMessage | undefined> {
  try {
    const message: AskMessage = { version: 1, ask };
    const reply = await nc.request(names.coordinator(run), encode(message), { timeout: 2000 });
    return decode(AnswerMessage, reply.data);
  } catch {
    return undefined;
  }
}

/** The ids of all runs of a namespace, in the order of their names. */
export async function listRuns(link: Link, names: Names): Promise<string[]> {
  const filter = names.subjects.log;
  const { state } = await link.ask(() =>
    link.jsm.streams.info(names.log, { subjects_filter: filter }),
  );
  return Object.keys(state.subjects ?? {})
    .map((subject) => subject.slice(names.logOf("").length))
    .toSorted();
}

/** The workers that are heard within so many milliseconds; each is heard every two seconds. */
export async function listWorkers(
  link: Link,
  names: Names,
  milliseconds: number,
): Promise<BeatMessage[]> {
  const heard = new Map<string, BeatMessage>();
  const subscription = link.nc.subscribe(names.beats, {
    callback: (_, { data }) => {
      const message = decode(BeatMessage, data);
      if (message !== undefined) heard.set(message.worker, message);
    },
  });
  await link.timers.sleep(milliseconds);
  subscription.unsubscribe();
  return [...heard.values()].toSorted((a, b) => (a.worker < b.worker ? -1 : 1));
}
