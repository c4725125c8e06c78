import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A process under way. */
export interface Running {
  readonly name: string;
  readonly process: ChildProcess;
  readonly alive: boolean;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

const SERVER = "nats-server";
const IP = "ip";

/** Whether there is a server to start. */
export function hasServer(): boolean {
  return spawnSync(SERVER, ["--version"]).status === 0;
}

/** Starts a process that ends with this one, in a network namespace if one is named. */
export function startProcess(
  name: string,
  command: readonly string[],
  namespace?: string,
): Running {
  const guard = ["setpriv", "--pdeathsig", "KILL", "--"];
  const inside = namespace === undefined ? [] : [IP, "netns", "exec", namespace];
  const [program = "", ...args] = [...inside, ...guard, ...command];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let alive = true;
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr
      .setEncoding("utf8")
      .on("data", (text: string) => (stderr = (stderr + text).slice(-4000)));
    child.on("close", (code) => {
      alive = false;
      resolve({ code, stdout, stderr });
    });
  });
  return {
    name,
    process: child,
    ended,
    get alive() {
      return alive && child.exitCode === null && child.signalCode === null;
    },
  };
}

/** A server on a store of its own, killed and started again at will. */
export interface ChaosServer {
  readonly port: number;
  readonly running: Running;
  start(): Promise<void>;
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
}

/** @param host where it listens: all addresses where workers are in namespaces of their own */
export async function startServer(folder: string, host: string): Promise<ChaosServer> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "server.conf");
  writeFileSync(
    config,
    `jetstream { store_dir: ${JSON.stringify(join(folder, "store"))} }\nping_interval: "2s"\nping_max: 2\nwrite_deadline: "2s"\n`,
  );
  let port = -1;
  let running: Running;
  const portFiles = () => readdirSync(folder).filter((name) => name.endsWith(".ports"));
  const start = async () => {
    for (const name of portFiles()) rmSync(join(folder, name));
    const flags = ["-a", host, "-p", String(port), "--ports_file_dir", folder, "-c", config];
    running = startProcess("server", [SERVER, ...flags]);
    for (;;) {
      const [file] = portFiles();
      const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8");
      if (text.endsWith("}")) {
        const { nats } = JSON.parse(text) as { nats: string[] };
        port = Number(new URL(nats[0] ?? "").port);
        return;
      }
      if (!running.alive) throw new Error(`nats-server: ${(await running.ended).stderr}`);
      await sleep(5);
    }
  };
  await start();
  return {
    get port() {
      return port;
    },
    get running() {
      return running;
    },
    start,
    async end(signal) {
      running.process.kill(signal);
      await running.ended;
    },
  };
}

/** A host of its own, as far as the network goes. */
export interface Host {
  readonly namespace: string;
  /** The address of the server's machine, as this host sees it. */
  readonly gateway: string;
  /** Cuts the link, or joins it again. */
  link(state: "up" | "down"): void;
  remove(): void;
}

/**
 * Makes a network namespace with a pair of virtual interfaces; undefined where that is not permitted.
 *
 * @param number tells the hosts of this machine apart, below 16384
 */
export function makeHost(number: number): Host | undefined {
  const namespace = `mf${number}`;
  const [outside, inside] = [`mfo${number}`, `mfi${number}`];
  const net = `10.77.${number >> 6}.${(number & 63) * 4}`;
  const at = (offset: number) => net.replace(/\d+$/, (last) => String(Number(last) + offset));
  const ip = (...args: string[]) => spawnSync(IP, args).status === 0;
  const remove = () => {
    ip("link", "del", outside);
    ip("netns", "del", namespace);
  };
  if (!existsSync("/proc/self/ns/net") || !ip("netns", "add", namespace)) return undefined;
  const made =
    ip("link", "add", outside, "type", "veth", "peer", "name", inside) &&
    ip("link", "set", inside, "netns", namespace) &&
    ip("addr", "add", `${at(1)}/30`, "dev", outside) &&
    ip("link", "set", outside, "up") &&
    ip("netns", "exec", namespace, IP, "addr", "add", `${at(2)}/30`, "dev", inside) &&
    ip("netns", "exec", namespace, IP, "link", "set", inside, "up") &&
    ip("netns", "exec", namespace, IP, "link", "set", "lo", "up");
  if (!made) {
    remove();
    return undefined;
  }
  return {
    namespace,
    gateway: at(1),
    link: (state) => void ip("link", "set", outside, state),
    remove,
  };
}
