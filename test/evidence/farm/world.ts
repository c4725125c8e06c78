import { type ChildProcess, fork, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import type { Clock, Timers } from "@manyfold/protocol";
import { type Link, type Names, namesOf, openLink } from "@manyfold/workers/nats";

export const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

export const timers: Timers = {
  sleep: (milliseconds, signal) => {
    const options = signal === undefined ? {} : { signal };
    return milliseconds === 0 ? turn(undefined, options) : delay(milliseconds, undefined, options);
  },
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

/** A process of the farm, and what it has used so far. */
export interface Hand {
  usage(): Promise<{ readonly rss: number; readonly seconds: number }>;
  stop(): Promise<void>;
}

/** A server and workers of this script's own, on this machine. */
export interface Farm {
  readonly url: string;
  readonly link: Link;
  readonly names: Names;
  readonly server: Hand;
  readonly workers: readonly Hand[];
  close(): Promise<void>;
}

export async function openFarm(workers: number, slots: number): Promise<Farm> {
  const folder = mkdtempSync(join(tmpdir(), "manyfold-farm-"));
  const { url, hand: server } = await startServer(folder);
  const link = await openLink({ servers: [url], name: "farm", timers });
  const namespace = "farm";
  const hands: Hand[] = [];
  for (let worker = 0; worker < workers; worker++) {
    hands.push(await startWorker([url, namespace, `worker-${worker}`, String(slots)]));
  }
  return {
    url,
    link,
    names: namesOf(namespace),
    server,
    workers: hands,
    async close() {
      for (const hand of hands) await hand.stop();
      await link.close();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startServer(folder: string): Promise<{ url: string; hand: Hand }> {
  const flags = ["-a", "127.0.0.1", "-p", "-1", "-js", "-sd", join(folder, "store")];
  const child = spawn("nats-server", [...flags, "--ports_file_dir", folder], { stdio: "ignore" });
  let missing = false;
  child.once("error", () => (missing = true));
  for (;;) {
    if (missing) throw new Error("nats-server is missing: run test/nats/install-server.sh");
    const file = readdirSync(folder).find((name) => name.endsWith(".ports"));
    const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8");
    if (text.endsWith("}")) {
      const { nats } = JSON.parse(text) as { nats: string[] };
      return { url: nats[0] ?? "", hand: handOf(child, async () => usageOf(child.pid ?? 0)) };
    }
    await delay(5);
  }
}

async function startWorker(args: readonly string[]): Promise<Hand> {
  const child = fork(new URL("./worker.ts", import.meta.url), args, { execArgv: process.execArgv });
  await answerOf(child);
  return handOf(child, async () => {
    child.send("usage");
    return (await answerOf(child)) as { rss: number; seconds: number };
  });
}

function handOf(child: ChildProcess, usage: Hand["usage"]): Hand {
  return {
    usage,
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.connected) child.send("drain");
      else child.kill("SIGKILL");
      await ended;
    },
  };
}

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error("a worker of the farm ended"));
    child.once("exit", fail);
    child.once("message", (answer) => {
      child.off("exit", fail);
      resolve(answer);
    });
  });
}

/** What Linux says of a process that does not speak for itself. */
function usageOf(pid: number): { rss: number; seconds: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { rss: Number(fields[21]) * 4096, seconds: ticks / 100 };
}
