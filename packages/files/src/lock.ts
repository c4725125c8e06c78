import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { ManyfoldError } from "@manyfold/protocol";
import { z } from "zod";
import { notWritable, systemCode } from "./system-error.ts";

/** Who holds a lock: enough to tell a dead holder from a living one, on the same host. */
const Holder = z.strictObject({
  pid: z.int(),
  host: z.string(),
  /** When the process started, where the system says; a number of a process is used again. */
  start: z.string().nullable(),
  /** Of this very lock, so that only its holder removes it. */
  token: z.string(),
});
type Holder = z.infer<typeof Holder>;

/**
 * Takes an exclusive lock by a file that names its holder. The lock of a process that is gone is
 * taken over; that of another host cannot be judged and is respected.
 *
 * @param what is locked, for the error
 * @returns releases the lock; safe to call twice
 * @throws ManyfoldError, code "journal", where another process holds it
 */
export async function lockFile(path: string, what: string): Promise<() => Promise<void>> {
  const { pid } = process;
  const start = (await statusOf(pid)).start;
  const own: Holder = { pid, host: hostname(), start, token: randomUUID() };
  // A few rounds: each lost one means that somebody else took or left the lock meanwhile.
  for (let round = 0; round < 10; round++) {
    if (await create(path, own)) return () => release(path, own);
    const text = await readText(path);
    if (text === undefined) continue;
    const holder = parse(text);
    if (holder === undefined || !(await isGone(holder))) throw held(path, what, holder);
    await clear(path, text);
  }
  throw held(path, what, undefined);
}

/** Makes the lock file with its content in one step; false where there is one. */
async function create(path: string, own: Holder): Promise<boolean> {
  const temporary = `${path}.${own.token}`;
  try {
    await writeFile(temporary, JSON.stringify(own), { flag: "wx" });
    await link(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw notWritable(error, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Takes a dead process's lock out of the way, unless another one has replaced it meanwhile. */
async function clear(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return;
    throw error;
  }
  if ((await readText(aside)) !== stale) await link(aside, path).catch(() => undefined);
  await unlink(aside);
}

async function release(path: string, own: Holder): Promise<void> {
  const text = await readText(path);
  if (text !== undefined && parse(text)?.token === own.token) await rm(path, { force: true });
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): Holder | undefined {
  try {
    return Holder.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function isGone(holder: Holder): Promise<boolean> {
  if (holder.host !== hostname()) return false;
  const { alive, start } = await statusOf(holder.pid);
  return !alive || (start !== null && holder.start !== null && start !== holder.start);
}

/** Whether a process lives (a zombie does not), and when it started, where the system says. */
async function statusOf(pid: number): Promise<{ alive: boolean; start: string | null }> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemCode(error) === "ESRCH") return { alive: false, start: null };
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return { alive: true, start: null };
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  // The command's name, in brackets, may hold anything; the state follows it, the start is field 22.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const dead = fields[0] === "Z" || fields[0] === "X";
  return { alive: !dead, start: `${boot.trim()}:${fields[19] ?? ""}` };
}

function held(path: string, what: string, holder: Holder | undefined): ManyfoldError {
  return new ManyfoldError({
    code: "journal",
    path: what,
    condition: "written by one process at a time",
    got:
      holder === undefined
        ? "a lock of unknown origin"
        : `a lock of process ${holder.pid} on ${holder.host}`,
    help: `Wait for it or stop it; if it is gone for certain, delete ${path}.`,
  });
}
