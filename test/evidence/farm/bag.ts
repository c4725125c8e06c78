import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RunDocument } from "@manyfold/protocol";
import { parse, stringify } from "yaml";
import type { Farm } from "./world.ts";

/** Epochs with which the bag of configs/digits-bagging.yaml takes half a minute on two cores. */
const EPOCHS = 150;

/** The digits bag by the program itself, on two worker processes and on two threads in turn. */
export async function bagRatio(farm: Farm, rounds: number) {
  const folder = mkdtempSync(join(tmpdir(), "manyfold-bag-"));
  const config = join(folder, "bag.yaml");
  const digits = parse(readFileSync("configs/digits-bagging.yaml", "utf8")) as {
    data: { source: string };
    train: { epochs: number };
  };
  digits.data.source = resolve("configs/data/digits.csv");
  digits.train.epochs = EPOCHS;
  writeFileSync(config, stringify(digits));
  const cluster = ["--servers", farm.url, "--namespace", "bag"];
  const workers = ["one", "two"].map((name) =>
    program(["worker", ...cluster, "--slots", "1", "--cache-dir", join(folder, name), "--quiet"]),
  );
  const run = async (seed: number, more: readonly string[]) => {
    const since = performance.now();
    const flags = ["--seed", String(seed), "--out", join(folder, "runs"), "--json", "--quiet"];
    const found = await outputOf(program(["run", config, ...more, ...flags]));
    const document = JSON.parse(found) as RunDocument;
    return { document, seconds: (performance.now() - since) / 1000 };
  };
  const seconds: { workers: number; threads: number }[] = [];
  let equal = true;
  try {
    await delay(3000);
    for (let seed = 1; seed <= rounds; seed++) {
      const there = await run(seed, ["--executor", "nats", ...cluster]);
      const here = await run(seed, ["--executor", "threads", "--workers", "2"]);
      equal &&= there.document.ledger === here.document.ledger;
      equal &&= there.document.execution.workers.length === 2;
      seconds.push({ workers: there.seconds, threads: here.seconds });
    }
  } finally {
    for (const worker of workers) worker.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
  return { seconds, equal, ratios: seconds.map((each) => each.workers / each.threads) };
}

function program(args: readonly string[]): ChildProcess {
  const main = ["--conditions=@manyfold/source", "--import", "tsx", "apps/cli/src/main.ts"];
  return spawn(process.execPath, [...main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

function outputOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (piece: Buffer) => (text += piece.toString()));
  return new Promise((fulfil, reject) => {
    child.once("exit", (code) =>
      code === 0 ? fulfil(text) : reject(new Error(`it ended with ${code}: ${text}`)),
    );
  });
}
