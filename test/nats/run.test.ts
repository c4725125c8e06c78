import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExperimentInput, RunDocument } from "@manyfold/protocol";
import { readJournal } from "@manyfold/files";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bag, search, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document, manyfold, type Running, start } from "../e2e/program.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

/** Tasks of a few tenths of a second, so that there is a middle to be killed in. */
const slow = {
  ...bag,
  name: "slow",
  train: { ...bag.train, epochs: 300, batch: 1 },
  ensemble: { bagging: { members: 24 } },
} satisfies ExperimentInput;

const weightsOf = ({ artifact }: RunDocument) =>
  readFileSync(join(artifact ?? "", "weights.safetensors")).toString("hex");

describeWithServer("runs over NATS", () => {
  let server: TestServer;
  let cluster: readonly string[];
  const workers: Running[] = [];
  beforeAll(async () => {
    server = await startServer();
    cluster = ["--executor", "nats", "--servers", server.url];
  });
  afterAll(async () => {
    for (const { process } of workers) process.kill("SIGKILL");
    await Promise.all(workers.map(({ outcome }) => outcome));
  });

  const startWorker = (name: string): Running => {
    const cache = join(folder, name);
    const flags = ["--servers", server.url, "--slots", "1", "--cache-dir", cache];
    const worker = start(["worker", ...flags]);
    workers.push(worker);
    return worker;
  };
  const inline = (config: string) =>
    document(["run", config, "--out", out, "--executor", "inline"]);

  /** The id of the run that a process is doing, once so many of its tasks are done. */
  const doneTasks = async (parent: string, least: number): Promise<string> => {
    for (;;) {
      await sleep(20);
      try {
        const [id = ""] = readdirSync(parent);
        let done = 0;
        for await (const { type } of readJournal(join(parent, id, "journal.log"))) {
          if (type === "completed") done++;
        }
        if (done >= least) return id;
      } catch {
        // There is no journal yet.
      }
    }
  };

  test("without a server end with exit code 3 and say what to start", async () => {
    const config = writeExperiment(folder, bag);
    const nowhere = ["--executor", "nats", "--servers", "nats://127.0.0.1:1", "--out", out];
    for (const args of [
      ["run", config, ...nowhere],
      ["worker", ...nowhere.slice(2, 4)],
    ]) {
      const { code, stderr } = await manyfold(args);
      expect({ args, code }).toEqual({ args, code: 3 });
      expect(stderr).toContain("Start one with: nats-server -js");
    }
  });

  test("wait for a worker and say so by name", async () => {
    const config = writeExperiment(folder, bag);
    const run = start(["run", config, ...cluster, "--namespace", "empty", "--out", out]);
    let said = "";
    const heard = new Promise<void>((resolve) => {
      run.process.stderr.on("data", (text: string) => {
        said += text;
        if (said.includes("No worker takes tasks of variant")) resolve();
      });
    });
    await heard;
    expect(said).toContain("namespace empty");
    run.process.kill("SIGKILL");
    await run.outcome;
  });

  test("give the bits of an inline run on two workers, which both worked", async () => {
    startWorker("one");
    startWorker("two");
    for (const experiment of [slow, search]) {
      const config = writeExperiment(folder, experiment);
      const there = await document(["run", config, ...cluster, "--out", out]);
      const here = await inline(config);
      expect(there.ledger).toBe(here.ledger);
      expect(weightsOf(there)).toBe(weightsOf(here));
      expect(there).toMatchObject({ status: "done", reproducible: true, tasks: here.tasks });
      expect(there.metrics).toEqual(here.metrics);
      if (experiment === search) continue;
      const { workers: named } = there.execution;
      expect(named.map(({ tasks }) => tasks > 0)).toEqual([true, true]);
      expect(named.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(24);
    }
  });

  test("lose nothing with a worker that is killed, nor with the server", async () => {
    const config = writeExperiment(folder, { ...slow, seed: 11 });
    const parent = join(folder, "killed");
    const run = start(["run", config, ...cluster, "--out", parent, "--json"]);
    await doneTasks(parent, 3);
    workers[0]?.process.kill("SIGKILL");
    await doneTasks(parent, 5);
    await server.restart();
    startWorker("three");
    const { code, stdout, stderr } = await run.outcome;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const there = JSON.parse(stdout) as RunDocument;
    const here = await inline(config);
    expect(there.ledger).toBe(here.ledger);
    expect(weightsOf(there)).toBe(weightsOf(here));
    expect(there.tasks).toEqual({ total: 24, completed: 24, failed: 0 });
    expect(there.execution.lost).toBeGreaterThan(0);
  });

  test("are taken over elsewhere by their id, and the first coordinator is shut out", async () => {
    const config = writeExperiment(folder, { ...slow, seed: 12 });
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    const run = start(["run", config, ...cluster, "--out", first, "--json"]);
    const id = await doneTasks(first, 3);
    run.process.kill("SIGSTOP");
    const there = await document(["resume", id, ...cluster, "--out", second]);
    run.process.kill("SIGCONT");
    const { code, stdout } = await run.outcome;
    expect(code).toBe(2);
    expect(stdout).toContain("another coordinator");
    const here = await inline(config);
    expect(there.ledger).toBe(here.ledger);
    expect(weightsOf(there)).toBe(weightsOf(here));
    // Once more from the first one's folder: it catches up, and has the same result.
    const again = await document(["resume", join(first, id), ...cluster]);
    expect(again.ledger).toBe(here.ledger);
    await expect(manyfold(["resume", "nobody-knows", ...cluster])).resolves.toMatchObject({
      code: 2,
    });
  });
});
