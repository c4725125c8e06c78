import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { hashOf } from "@manyfold/files";
import type { Experiment, Hash } from "@manyfold/protocol";
import { ManyfoldError, nearest } from "@manyfold/protocol";
import type { AllowedModules } from "@manyfold/workers";

/** A module of the user's own, as it lies on this machine. */
export interface FoundModule {
  readonly name: string;
  readonly path: string;
  readonly hash: Hash;
}

/** What looks like a file is one; all else is an installed package. */
export function isFile(name: string): boolean {
  return /^[./~]|\.[cm]?[jt]s$/.test(name);
}

/** Where a module lies: a file as seen from a folder, or what a package of that folder leads to. */
function modulePath(name: string, folder: string): string {
  return isFile(name)
    ? resolve(folder, name)
    : createRequire(join(resolve(folder), "package.json")).resolve(name);
}

/**
 * The module of an experiment's objective; undefined for one without. It is read, not loaded.
 *
 * @param folder that of the configuration
 * @throws ManyfoldError `config` at `objective.module` where there is no such file
 */
export async function findModule(
  { objective }: Experiment,
  folder: string,
): Promise<FoundModule | undefined> {
  if (!objective) return undefined;
  const { module: name } = objective;
  try {
    const path = modulePath(name, folder);
    return { name, path, hash: hashOf(await readFile(path)) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    const missing = ["ENOENT", "MODULE_NOT_FOUND"].includes(code);
    throw new ManyfoldError({
      code: "config",
      path: "objective.module",
      condition: isFile(name)
        ? "a JavaScript file, seen from this configuration's folder"
        : "an installed package, or a file as ./name.js",
      got: `${name} (${missing ? "not there" : code})`,
    });
  }
}

/**
 * Loads a module here, to see that it has the function: a run's own machine may load what the run's
 * configuration names, since somebody chose to run it.
 *
 * @throws ManyfoldError `config` where it cannot be loaded or exports no such function
 */
export async function requireExport(
  { objective }: Experiment,
  found: FoundModule | undefined,
): Promise<void> {
  if (!objective || !found) return;
  const address = `${pathToFileURL(found.path).href}?${found.hash.slice(0, 16)}`;
  let loaded: Record<string, unknown>;
  try {
    loaded = (await import(address)) as Record<string, unknown>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ManyfoldError({
      code: "config",
      path: "objective.module",
      condition: "a module that loads",
      got: `${objective.module}: ${message.split("\n")[0] ?? ""}`,
    });
  }
  if (typeof loaded[objective.export] === "function") return;
  const functions = Object.keys(loaded).filter((name) => typeof loaded[name] === "function");
  const near = nearest(objective.export, functions);
  throw new ManyfoldError({
    code: "config",
    path: "objective.export",
    condition: `a function that ${objective.module} exports`,
    got: objective.export,
    help:
      near === undefined
        ? `Functions there: ${functions.join(", ") || "none"}.`
        : `Did you mean ${near}?`,
  });
}

/**
 * The module of a run that goes on here: it has to be the file that the run began with, or its
 * trials would not be comparable.
 *
 * @param began its hash in the journal
 */
export async function sameModule(
  experiment: Experiment,
  folder: string,
  began: Hash | undefined,
): Promise<FoundModule | undefined> {
  const found = await findModule(experiment, folder);
  if (!found || found.hash === began) return found;
  throw new ManyfoldError({
    code: "input",
    path: found.path,
    condition: `the file that the run began with (sha256 ${began?.slice(0, 12) ?? "unknown"})`,
    got: `another one (${found.hash.slice(0, 12)})`,
    help: "Restore that file to go on, or start a new run with this one.",
  });
}

/** What tasks of a run may load on its own machine: its objective, and nothing else. */
export function leaveFor(found: FoundModule | undefined): AllowedModules {
  return new Map(found ? [[found.name, found.path]] : []);
}

/** The modules of `--allow-module NAME` and `NAME=FILE`. */
export function allowedModules(flags: readonly string[]): AllowedModules {
  return new Map(
    flags.map((flag): [string, string] => {
      const [name = "", file] = flag.split("=", 2);
      try {
        return [name, modulePath(file ?? name, ".")];
      } catch {
        throw new ManyfoldError({
          code: "usage",
          path: "--allow-module",
          condition: "NAME, a file or an installed package, or NAME=FILE",
          got: flag,
          help: "NAME is what configurations say in objective.module.",
        });
      }
    }),
  );
}
