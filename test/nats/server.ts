import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe } from "vitest";

/** A server of a test file's own. */
export interface TestServer {
  readonly url: string;
  readonly pid: number;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and store. */
  restart(): Promise<void>;
}

const program = { server: "nats-server", guard: "setpriv" };
const installed = spawnSync(program.server, ["--version"]).status === 0;

/** `describe` where there is a server to start; else the tests are skipped, and it is said why. */
export function describeWithServer(name: string, tests: () => void): void {
  if (!installed) {
    console.warn(`SKIPPED ${name}: nats-server is missing; run test/nats/install-server.sh`);
  }
  describe.skipIf(!installed)(`${name}`, () => {
    tests();
  });
}

const cleanups: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/**
 * Starts `nats-server -js` on a free port with a store of its own; it ends with the test file.
 *
 * @param flags in place of `-js`
 */
export async function startServer(flags: readonly string[] = ["-js"]): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "manyfold-nats-"));
  let child: ChildProcess | undefined;
  const launch = async (port: number): Promise<number> => {
    for (const name of portFiles(folder)) rmSync(join(folder, name));
    const server = [program.server, "-a", "127.0.0.1", "-p", String(port)];
    const store = ["-sd", join(folder, "store"), "--ports_file_dir", folder];
    // A test that crashes would leave its server behind.
    const started = spawn(
      program.guard,
      ["--pdeathsig", "KILL", "--", ...server, ...store, ...flags],
      {
        stdio: "ignore",
      },
    );
    child = started;
    for (;;) {
      const [file] = portFiles(folder);
      const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8");
      if (text.endsWith("}")) {
        const { nats } = JSON.parse(text) as { nats: string[] };
        return Number(new URL(nats[0] ?? "").port);
      }
      if (started.exitCode !== null) throw new Error(`nats-server ended with ${started.exitCode}`);
      await sleep(3);
    }
  };
  const stop = async () => {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await ended;
  };
  const port = await launch(-1);
  cleanups.push(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    kill: stop,
    async restart() {
      await stop();
      await launch(port);
    },
  };
}

function portFiles(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".ports")) : [];
}
