import type { Executor } from "@manyfold/protocol";
import { executorOver, type Lanes } from "../lanes.ts";
import { concludeTask, successOf } from "./reports.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

export interface NatsExecutorOptions extends SessionOptions {
  /** Most slots, once that many are of use: workers are many, or tasks short (default: `slots`). */
  readonly mostSlots?: number;
  /** Tasks that are out at once; at least the slots of all workers, or some stand idle. */
  readonly slots: number;
  /** Name of this machine, for people (default "local"). */
  readonly host?: string;
}

/**
 * Runs tasks on the workers that are connected to a server, wherever they are; they may come and go.
 * The server keeps the first success of a task. An attempt whose worker falls silent fails as
 * `lost`; what happens then is the coordinator's.
 */
export function natsExecutor(options: NatsExecutorOptions): Executor {
  const { slots, blobs, clock, host = "local" } = options;
  let session: Session | undefined;
  const lanes: Lanes = {
    kind: "nats",
    get slots() {
      return Math.max(slots, Math.min(options.mostSlots ?? slots, session?.room ?? 0));
    },
    async open() {
      session = await openSession(options);
    },
    async rest() {
      await session?.end();
      session = undefined;
    },
    async close() {
      // The link is its owner's.
    },
    async run(task, attempt) {
      if (session === undefined) throw new Error("no session");
      return session.attempt(task, attempt);
    },
  };
  return {
    ...executorOver(lanes, { host, blobs, clock }),
    lateSuccess: (task) => successOf(options.link, options.names, options.run, task),
    conclude: (task, verdict) =>
      concludeTask(options.link, options.names, options.run, task, verdict),
  };
}
