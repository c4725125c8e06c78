import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { nearest } from "@manyfold/protocol";
import { pathError, systemCode } from "./system-error.ts";

/**
 * The bytes of a file that the user named.
 *
 * @throws ManyfoldError where it is missing, a folder or unreadable; a missing one is answered with
 *   the nearest name in its folder
 */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const help =
      systemCode(error) === "ENOENT"
        ? await similar(path)
        : "Name a file that you may read. Paths in a configuration are relative to it.";
    throw pathError(error, path, "a readable file", help);
  }
}

async function similar(path: string): Promise<string> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return `There is no folder ${folder} either.`;
  const near = nearest(basename(path), names);
  if (near !== undefined) return `Did you mean ${join(folder, near)}?`;
  return "Paths in a configuration are relative to it.";
}
