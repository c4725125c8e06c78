import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
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
 * Files are never replaced, since of two processes that find a dead holder the slower one would
 * remove the lock of the faster: a successor makes the file `<path>.<token of the dead holder>`,
 * which only one can. Who holds the lock is the end of this chain. Releasing removes the chain from
 * its beginning.
 *
 * @param what is locked, for the error
 * @returns releases the lock; to be called once nothing locked is used any more
 * @throws ManyfoldError, code "journal", where another process holds it
 */
export async function lockFile(path: string, what: string): Promise<() => Promise<void>> {
  const { pid } = process;
  const { start } = await statusOf(pid);
  const own: Holder = { pid, host: hostname(), start, token: randomUUID() };
  // A few rounds: each lost one means that somebody else took or left the lock meanwhile.
  for (let round = 0; round < 20; round++) {
    const holders = await chain(path, what);
    const last = holders.at(-1);
    if (last !== undefined && !(await isGone(last))) throw held(path, what, last);
    const files = [path, ...holders.map(({ token }) => `${path}.${token}`)];
    const claim = files.at(-1) as string;
    if (!(await create(claim, path, own))) continue;
    // The chain may have been released before the claim, which then claims nothing.
    if (last === undefined || (await read(path))?.token === holders[0]?.token) {
      return () => remove(files);
    }
    await rm(claim, { force: true });
  }
  throw held(path, what, undefined);
}

/** The holders of a lock, each (but the first) the successor of the one before. */
async function chain(path: string, what: string): Promise<Holder[]> {
  const holders: Holder[] = [];
  try {
    for (let file = path; ;) {
      const holder = await read(file);
      if (holder === undefined) return holders;
      holders.push(holder);
      file = `${path}.${holder.token}`;
    }
  } catch (error) {
    if (systemCode(error) !== undefined) throw notWritable(error, path);
    throw held(path, what, undefined);
  }
}

/** Makes a lock file with its content in one step; false where there is one. */
async function create(claim: string, path: string, own: Holder): Promise<boolean> {
  const temporary = `${path}.${own.token}.tmp`;
  try {
    await writeFile(temporary, JSON.stringify(own), { flag: "wx" });
    await link(temporary, claim);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw notWritable(error, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function remove(files: readonly string[]): Promise<void> {
  for (const file of files) await rm(file, { force: true });
}

/** The holder that a file names; undefined where there is no file, and an error where it names none. */
async function read(file: string): Promise<Holder | undefined> {
  const text = await readText(file);
  return text === undefined ? undefined : Holder.parse(JSON.parse(text));
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
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
