import type { Executor } from "@manyfold/protocol";
import { executorOver, type Lanes } from "../lanes.ts";
import { concludeTask } from "./reports.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

export interface NatsExecutorOptions extends SessionOptions {
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
    slots,
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
    conclude: (task, verdict) =>
      concludeTask(options.link, options.names, options.run, task, verdict),
  };
}
