import { randomUUID } from "node:crypto";
import { access, constants, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { notWritable, systemCode } from "./system-error.ts";

/** A name beside `path` that no other writer has; a rename from it to `path` stays on one disk. */
export function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
}

/** A file's content, in one piece or in many. */
export type Content = Uint8Array | string | Iterable<string>;

/** Writes bytes to a new file and makes them durable. */
export async function writeDurable(path: string, bytes: Content): Promise<void> {
  const file = await open(path, "wx");
  try {
    const pieces = typeof bytes === "string" || bytes instanceof Uint8Array ? [bytes] : bytes;
    for (const piece of pieces) await file.appendFile(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder's entries (creations, renames) durable, where the system knows how. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    // Windows opens no folders; some network file systems sync none.
    if (!["EISDIR", "EPERM", "EINVAL", "ENOTSUP"].includes(systemCode(error) ?? "")) throw error;
  }
}

/**
 * Makes a folder and those above it, and checks that it can be written to.
 *
 * @throws ManyfoldError, code "input", where it cannot
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeAll(path);
    // Said here, since a file's missing right to be run would be called a lack of permission.
    if (!(await stat(path)).isDirectory())
      throw Object.assign(new Error(path), { code: "ENOTDIR" });
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw notWritable(error, path);
  }
}

/** Node's own recursive mkdir never returns from file systems that refuse with ENOENT (/proc). */
async function makeAll(path: string, above = true): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || !above || dirname(path) === path) throw error;
    await makeAll(dirname(path));
    await makeAll(path, false);
  }
}

/**
 * Writes a file so that readers, and a crash at any moment, see the old content or the new, never a
 * part: a temporary name beside it, fsync, rename, fsync of the folder.
 *
 * @throws ManyfoldError, code "input", where the place cannot be written to
 */
export async function writeFileAtomic(path: string, content: Content): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    await writeDurable(temporary, content);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw notWritable(error, path);
  }
}

/**
 * Writes a folder of files as one: a temporary name beside it, all files durable, then a rename. A
 * folder that is there is moved aside first and removed after, so that a crash leaves the old one,
 * the new one, or (in the instant between two renames) the new one under its temporary name.
 *
 * @param files contents by plain file name
 * @throws ManyfoldError, code "input", where the place cannot be written to
 */
export async function writeFolderAtomic(
  path: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  const temporary = temporaryFor(path);
  const aside = temporaryFor(path);
  try {
    await mkdir(temporary);
    for (const [name, content] of Object.entries(files)) {
      await writeDurable(join(temporary, basename(name)), content);
    }
    await syncFolder(temporary);
    const before = await stat(path).catch(() => undefined);
    if (before !== undefined) await rename(path, aside);
    try {
      await rename(temporary, path);
    } catch (error) {
      if (before !== undefined) await rename(aside, path);
      throw error;
    }
    await syncFolder(dirname(path));
    await rm(aside, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw notWritable(error, path);
  }
}
