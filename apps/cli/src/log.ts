import type { Command } from "commander";
import { Option } from "commander";
import type { TaskEvent } from "@manyfold/protocol";
import type { Logger } from "pino";
import { styled } from "./terminal.ts";

export interface LogFlags {
  readonly logLevel?: string;
  readonly logJson?: boolean;
}

const LEVELS = ["debug", "info", "warn", "error", "silent"];

/** Options of the commands that keep a log. */
export function logOptions(command: Command, level: string): Command {
  return command
    .addOption(
      new Option("--log-level <level>", `what is worth a line of log (default: ${level})`).choices(
        LEVELS,
      ),
    )
    .option("--log-json", "a line of log is a JSON object");
}

/**
 * A log on stderr: lines for people, or one JSON object each, with what they are about (run, task,
 * attempt) as fields. Undefined where nothing is to be logged.
 */
export async function createLog(flags: LogFlags, usual: string): Promise<Logger | undefined> {
  const level = flags.logLevel ?? usual;
  if (level === "silent") return undefined;
  // Most runs keep none, and start sooner without it.
  const { default: pino } = await import("pino");
  const settings = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const write = (line: string) => process.stderr.write(flags.logJson === true ? line : plain(line));
  return pino(settings, { write });
}

/** A line of what became of a task. */
export function noteEvent(log: Logger | undefined, run: string, event: TaskEvent): void {
  if (log === undefined || event.type === "progress") return;
  const { type, task, attempt, worker } = event;
  const about = { run, task, attempt, worker };
  if (type === "started") log.debug(about, type);
  else if (type === "completed") log.info({ ...about, seconds: event.seconds }, type);
  else {
    const { code, message } = event.failure;
    log.warn({ ...about, seconds: event.seconds, code, failure: message }, type);
  }
}

/** `12:30:05 done  run=... task=... attempt=1 seconds=0.42`. */
function plain(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const about = Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`);
  const loud = level === "warn" ? "yellow" : level === "error" ? "red" : undefined;
  const text = loud === undefined ? String(msg) : styled(loud, `${String(level)}: ${String(msg)}`);
  return `${[String(time).slice(11, 19), text, ...about].join(" ")}\n`;
}
