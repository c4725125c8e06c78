import type { Clock, TaskEvent } from "@manyfold/protocol";
import { clipped, styled } from "./terminal.ts";

/** Tells people how far a run is. */
export interface Progress {
  /**
   * How many tasks of how many have ended, and what is going on.
   *
   * @param table lines to stand below, of so many columns at most; asked for on a terminal alone
   */
  update(
    line: { done: number; total: number; failed: number; stage: string; note?: string },
    table?: (columns: number) => readonly string[],
  ): void;
  /** A remark that stays. */
  remark(text: string): void;
  end(): void;
}

/** Shorter runs than this show no progress at all. */
const QUIET_MILLISECONDS = 600;
/** Plain lines (no terminal) come no more often than this. */
const LINE_MILLISECONDS = 10_000;
const WIDTH = 24;

/** Columns of a terminal that does not say how many it has. */
const COLUMNS = 80;

/**
 * A line, and a table where there is one, redrawn in place on a terminal; a line now and then
 * elsewhere; nothing when quiet.
 */
export function createProgress(stream: NodeJS.WriteStream, clock: Clock, quiet: boolean): Progress {
  if (quiet) return { update: () => {}, remark: () => {}, end: () => {} };
  const live = stream.isTTY === true && process.env["TERM"] !== "dumb";
  const begun = clock.monotonic();
  let drawn = 0;
  /** Lines on the terminal; the cursor stands in the last of them. */
  let lines = 0;

  /** Back to the first line, and what was drawn taken away. */
  const back = () => (lines > 1 ? `\r\u001b[${lines - 1}A\u001b[J` : "\r\u001b[2K");
  const clear = () => {
    if (live && lines > 0) stream.write(back());
    lines = 0;
  };

  return {
    update({ done, total, failed, stage, note }, table) {
      const now = clock.monotonic();
      if (now - begun < QUIET_MILLISECONDS) return;
      if (now - drawn < (live ? 80 : LINE_MILLISECONDS) && (done < total || !live)) return;
      drawn = now;
      const share = total === 0 ? 1 : done / total;
      const left = share > 0 ? ((now - begun) * (1 - share)) / share : Number.NaN;
      const counts = `${done}/${total}${failed > 0 ? styled("red", ` (${failed} failed)`) : ""}`;
      const rest = Number.isFinite(left) && done < total ? ` about ${duration(left)} left` : "";
      const text = `${stage} ${counts}${rest}${note === undefined ? "" : `  ${note}`}`;
      if (live) {
        const filled = Math.round(share * WIDTH);
        const bar = styled("cyan", "█".repeat(filled)) + styled("gray", "░".repeat(WIDTH - filled));
        // A line that wraps would leave its first part behind.
        const columns = Math.max(20, (stream.columns ?? COLUMNS) - 1);
        const most = Math.max(0, (stream.rows ?? 24) - 2);
        const below = table?.(columns).slice(0, most) ?? [];
        const drawing = [`${bar} ${text}`, ...below].map((line) => clipped(line, columns));
        stream.write(`${back()}${drawing.join("\n")}`);
        lines = drawing.length;
      } else {
        stream.write(`${text}\n`);
      }
    },
    remark(text) {
      clear();
      stream.write(`${text}\n`);
    },
    end: clear,
  };
}

/** `950 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a progress event says in a few words: the loss a member has reached. */
export function noteOf(event: TaskEvent): string | undefined {
  if (event.type !== "progress") return undefined;
  const { point, epochs } = event;
  return styled("gray", `epoch ${point.epoch}/${epochs}, loss ${point.train.toPrecision(3)}`);
}
