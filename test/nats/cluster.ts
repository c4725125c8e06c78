import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readJournal } from "@manyfold/files";
import type { ExperimentInput } from "@manyfold/protocol";
import { afterAll } from "vitest";
import { bag } from "../e2e/experiments.ts";
import { type Running, start } from "../e2e/program.ts";

/** Tasks of a few tenths of a second, so that there is a middle to be killed in. */
export const slow = {
  ...bag,
  name: "slow",
  train: { ...bag.train, epochs: 1000, batch: 1 },
  ensemble: { bagging: { members: 16 } },
} satisfies ExperimentInput;

/** Starts worker processes; they end with the test file. */
export function workerStarter(
  folder: string,
): (url: string, name: string, more?: readonly string[]) => Running {
  const workers: Running[] = [];
  afterAll(async () => {
    for (const { process } of workers) process.kill("SIGKILL");
    await Promise.all(workers.map(({ outcome }) => outcome));
  });
  return (url, name, more = []) => {
    const flags = ["--servers", url, "--slots", "1", "--cache-dir", join(folder, name)];
    const worker = start(["worker", ...flags, ...more]);
    workers.push(worker);
    return worker;
  };
}

/** The id of the only run in a folder, once so many of its tasks are done. */
export async function doneTasks(parent: string, least: number): Promise<string> {
  for (;;) {
    await sleep(20);
    try {
      if ((await countDone(parent)) >= least) return runIn(parent);
    } catch {
      // There is no journal yet.
    }
  }
}

/** Tasks of the only run in a folder that are done. */
export async function countDone(parent: string): Promise<number> {
  let done = 0;
  for await (const { type } of readJournal(join(parent, runIn(parent), "journal.log"))) {
    if (type === "completed") done++;
  }
  return done;
}

function runIn(parent: string): string {
  return readdirSync(parent)[0] ?? "";
}
