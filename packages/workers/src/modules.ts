import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { hashOf } from "@manyfold/files";
import type { Failure, ModuleRef, TaskSpec } from "@manyfold/protocol";
import { failureOf, messageOf } from "./outcome.ts";

/**
 * Modules of the user's own that a worker was started with leave to load: their names as tasks say
 * them, and the files here that they are.
 */
export type AllowedModules = ReadonlyMap<string, string>;

/**
 * Why a task that names a module of the user's own is not run here; undefined where it may be. A task
 * is data: a module is loaded only if whoever started this worker allowed it by its very name.
 *
 * @param module as the task names it
 * @param allowed the worker's `--allow-module`s
 */
export function refuseModule(module: string, allowed: readonly string[]): Failure | undefined {
  if (allowed.includes(module)) return undefined;
  const list = allowed.length === 0 ? "none" : allowed.join(", ");
  return failureOf(
    "invalid",
    `The task needs the module ${JSON.stringify(module)}, and this worker allows ${list}. ` +
      `Start it with --allow-module ${module} if you trust that module.`,
  );
}

/**
 * The address under which a thread finds the module of a task, if it is the very file that the run
 * began with; undefined for a task that needs none. The address holds the content's hash, so that a
 * thread which knew another version of the file loads this one.
 */
export async function moduleOf(
  spec: TaskSpec,
  allowed: AllowedModules = new Map(),
): Promise<string | Failure | undefined> {
  if (spec.kind !== "objective") return undefined;
  const { name, hash }: ModuleRef = spec.module;
  const path = allowed.get(name);
  if (path === undefined) return refuseModule(name, [...allowed.keys()]);
  let found: string;
  try {
    found = hashOf(await readFile(path));
  } catch (error) {
    return failureOf("invalid", `The module ${JSON.stringify(name)}: ${messageOf(error)}.`);
  }
  if (found === hash) return `${pathToFileURL(path).href}?${hash.slice(0, 16)}`;
  return failureOf(
    "invalid",
    `The module ${JSON.stringify(name)} here (${path}) is another file than the run's: ` +
      `${found.slice(0, 12)} instead of ${hash.slice(0, 12)}. Bring this worker the same file.`,
  );
}
