import { ManyfoldError } from "@manyfold/protocol";

/** Node's code of a failed system call: ENOENT, EACCES, ... */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What people call the causes that they can do something about. */
const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "nothing there",
  ENOTDIR: "a path that leads through a file",
  EISDIR: "a folder",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "a read-only file system",
  ENOSPC: "a full disk",
  EDQUOT: "a used-up quota",
  EMFILE: "too many open files",
  EIO: "a fault of the device",
  ENAMETOOLONG: "a name that is too long",
  ELOOP: "a link that leads to itself",
};

/** Causes that are the machine's, not those of a path that was named wrongly. */
const ENVIRONMENT: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EIO"]);

/** A failed system call on a path that the user named, as the user should read it. */
export function pathError(
  error: unknown,
  path: string,
  condition: string,
  help: string,
): ManyfoldError {
  if (error instanceof ManyfoldError) return error;
  const code = systemCode(error);
  if (code === undefined) throw error;
  return new ManyfoldError({
    code: ENVIRONMENT.has(code) ? "environment" : "input",
    path,
    condition,
    got: CAUSES[code] ?? code,
    help,
  });
}

/** {@link pathError} for a place that something is to be written to. */
export function notWritable(error: unknown, path: string): ManyfoldError {
  return pathError(
    error,
    path,
    "a place that can be written to",
    "Name another place, or change its permissions.",
  );
}
