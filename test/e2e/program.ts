import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { RunDocument } from "@manyfold/protocol";
import { expect, inject } from "vitest";

/** How a process ended, and what it said. */
export interface Outcome {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** See fault.ts. */
  readonly fault?: Fault;
}

type Fault =
  { readonly DIE_AT_BYTE: string; readonly SIGNAL?: string } | { readonly DIE_AT_RENAME: string };

/** A process of the program under way. */
export interface Running {
  readonly process: ChildProcessWithoutNullStreams;
  readonly outcome: Promise<Outcome>;
}

/** Starts `manyfold ARGS`. */
export function start(args: readonly string[], options: StartOptions = {}): Running {
  const folder = inject("program");
  const faulty = options.fault === undefined ? [] : ["--import", join(folder, "fault.js")];
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const child = spawn(process.execPath, [...faulty, join(folder, "main.js"), ...args], {
    cwd: options.cwd,
    env: { ...env, ...options.env, ...options.fault },
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { process: child, outcome };
}

/** Runs `manyfold ARGS` to its end. */
export function manyfold(args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
  return start(args, options).outcome;
}

/** Runs `manyfold ARGS --json` and reads the document that a run prints; checks the exit code. */
export async function document(
  args: readonly string[],
  code = 0,
  options: StartOptions = {},
): Promise<RunDocument> {
  const outcome = await ending([...args, "--json"], code, options);
  return RunDocument.parse(JSON.parse(outcome.stdout));
}

/** Runs `manyfold ARGS` to its end, which has to be this one; else the failure shows what it said. */
export async function ending(
  args: readonly string[],
  code = 0,
  options: StartOptions = {},
): Promise<Outcome> {
  const outcome = await manyfold(args, options);
  expectEnd(args, outcome, code);
  return outcome;
}

/** The same of one that was started before. */
export function expectEnd(args: readonly string[], outcome: Outcome, code = 0): void {
  const { stdout, stderr } = outcome;
  const end = { code: outcome.code, signal: outcome.signal };
  expect(end, `${args.join(" ")}\nstdout: ${stdout}\nstderr: ${stderr}`).toEqual({
    code,
    signal: null,
  });
}
