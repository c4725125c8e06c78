import { spawnSync } from "node:child_process";
import { cpus } from "node:os";

/** The last core, where the system can keep a process on it. */
const CORE = String(cpus().length - 1);
const canPin = spawnSync("taskset", ["-c", CORE, "true"]).status === 0;

/** Whether processes are kept on one core. */
export function pinned(): boolean {
  return canPin;
}

/** Runs a command on one core to its end; the JSON lines that it prints, null where it failed. */
export function linesOf(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Record<string, unknown>[] | null {
  const [program, ...rest] = canPin
    ? ["taskset", "-c", CORE, command, ...args]
    : [command, ...args];
  const { status, stdout } = spawnSync(program ?? command, rest, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  if (status !== 0) return null;
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
