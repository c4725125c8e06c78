import { type BlobStore, blobsOf, type Hash } from "@manyfold/protocol";
import type { LaneOutcome } from "../lanes.ts";
import { failed } from "../outcome.ts";
import { decode, OutcomeMessage } from "./messages.ts";
import type { Names } from "./subjects.ts";
import type { Transport } from "./transport.ts";

/** What an earlier session of a run left: an outcome, and the worker that is named in it. */
export interface Found {
  readonly outcome: LaneOutcome;
  readonly worker: string | undefined;
}

/** Outcomes of a run's earlier sessions. */
export interface Earlier {
  /** Looks for them all: once, and none is looked for later where there were none. */
  look(): Promise<void>;
  has(task: Hash): boolean;
  /** One of a task: a verdict, or a success whose bytes are still there. It is found once. */
  find(task: Hash): Promise<Found | undefined>;
}

export function earlierOutcomes(
  link: Transport,
  names: Names,
  run: string,
  blobs: BlobStore,
): Earlier {
  /** Their subjects, by task. */
  const subjects = new Map<Hash, string>();
  const get = (subject: string) => link.streams.get(names.results, { last: subject });
  const note = async (subject: string) => {
    const [task = "", kind] = subject.split(".").slice(-2);
    if (kind === "done") subjects.set(task, subject);
    else if (subject.split(".").at(-3) === "bundle") {
      const found = await get(subject);
      const outcomes = found && decode(OutcomeMessage, found.data)?.outcomes;
      for (const { status, task: each } of outcomes ?? []) {
        if (status === "done" && !subjects.has(each)) subjects.set(each, subject);
      }
    }
  };
  return {
    async look() {
      const all = await link.streams.subjects(names.results, names.outcomes(run));
      for (const subject of all) await note(subject);
    },
    has: (task) => subjects.has(task),
    async find(task) {
      const subject = subjects.get(task);
      if (subject === undefined) return undefined;
      subjects.delete(task);
      const found = await get(subject);
      if (found === undefined) return undefined;
      const message = decode(OutcomeMessage, found.data);
      const outcome = message?.outcomes.find((each) => each.task === task);
      if (outcome?.status === "verdict") {
        return { outcome: failed(outcome.failure), worker: undefined };
      }
      if (outcome?.status === "done") {
        const { result, seconds } = outcome;
        const bytes = await Promise.all(blobsOf(result).map(({ hash }) => blobs.get(hash)));
        const stored = { status: "stored", result, seconds } as const;
        if (!bytes.includes(undefined)) return { outcome: stored, worker: message?.worker };
      }
      // Its place must be free for another; others of the same message are done once more too.
      await link.streams.remove(names.results, found.sequence).catch(() => undefined);
      return undefined;
    },
  };
}
