import type { ControlMessage } from "./messages.ts";
import type { AttemptName } from "./subjects.ts";

/** Sessions whose wishes are remembered. */
const SESSIONS = 256;

/** What sessions want of a worker, by their last word. */
export interface Wishes {
  hear(message: ControlMessage): void;
  /** Why nobody wants an attempt any more; undefined where nobody has said so. */
  against(name: AttemptName): string | undefined;
}

export function createWishes(): Wishes {
  const wishes = new Map<string, ControlMessage>();
  return {
    hear(message) {
      const key = `${message.run}.${message.session}`;
      wishes.delete(key);
      wishes.set(key, message);
      for (const oldest of wishes.keys()) {
        if (wishes.size <= SESSIONS) break;
        wishes.delete(oldest);
      }
    },
    against({ run, session, task, attempt }) {
      const wish = wishes.get(`${run}.${session}`);
      if (wish?.ended === true) return "The run was stopped.";
      const cancelled = wish?.cancelled.some((one) => one.task === task && one.attempt === attempt);
      return cancelled === true ? "This copy of the task was cancelled." : undefined;
    },
  };
}
