import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/**
 * A folder of a test file's own, removed when its tests are done.
 *
 * @param options.memory in memory where the system has such a place: an fsync costs nothing there
 */
export function temporaryFolder(options: { memory?: boolean } = {}): string {
  const inMemory = options.memory === true && existsSync("/dev/shm");
  const folder = mkdtempSync(join(inMemory ? "/dev/shm" : tmpdir(), "manyfold-e2e-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Every file below a folder, as paths relative to it, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}
