import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunDocument } from "@manyfold/protocol";
import { namesOf, openLink } from "@manyfold/workers/nats";
import { beforeAll, expect, test } from "vitest";
import { bag, COMPOSED, search, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document, manyfold, type Running, start } from "../e2e/program.ts";
import { countDone, doneTasks, slow, workerStarter } from "./cluster.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { timers } from "./world.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

const startWorker = workerStarter(folder);

/** Milliseconds within which another machine goes on: its lease's time, and what it takes to start. */
const TAKEOVER = 30_000;

/** Trials that wait for results, and go on from checkpoints on whatever worker is free. */
const paced = {
  ...search,
  name: "paced",
  search: {
    ...search.search,
    sampler: "tpe" as const,
    lag: 2,
    repeats: 2,
    scheduler: { asha: { min: 1, eta: 2 } },
    budget: { stagnation: 20 },
    confirm: { trials: 2, rounds: 1 },
  },
};

const weightsOf = ({ artifact }: RunDocument) =>
  readFileSync(join(artifact ?? "", "weights.safetensors")).toString("hex");

describeWithServer("runs over NATS", () => {
  let server: TestServer;
  let cluster: readonly string[];
  let one: Running | undefined;
  beforeAll(async () => {
    server = await startServer();
    cluster = ["--executor", "nats", "--servers", server.url];
  });
  const inline = (config: string) =>
    document(["run", config, "--out", out, "--executor", "inline"]);

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

  test("wait for a worker and say so, naming those of another version", async () => {
    const config = writeExperiment(folder, bag);
    const run = start(["run", config, ...cluster, "--namespace", "empty", "--out", out]);
    const link = await openLink({ servers: [server.url], name: "test", timers });
    const [version, manyfold] = [1, "0.0.1"];
    const old = { version, worker: "attic-7-x", host: "attic", slots: 1, manyfold, running: [] };
    const beating = setInterval(() => {
      link.publish(namesOf("empty").beat("attic"), new TextEncoder().encode(JSON.stringify(old)));
    }, 100);
    let said = "";
    const heard = new Promise<void>((resolve) => {
      run.process.stderr.on("data", (text: string) => {
        said += text;
        if (said.includes("No worker takes tasks of variant")) resolve();
      });
    });
    await heard;
    clearInterval(beating);
    await link.close();
    expect(said).toContain("namespace empty");
    expect(said).toContain("attic-7-x (protocol v1, 0.0.1)");
    run.process.kill("SIGKILL");
    await run.outcome;
  });

  test("give the bits of an inline run on two workers, which both worked", async () => {
    one = startWorker(server.url, "one");
    startWorker(server.url, "two");
    for (const experiment of [slow, search, paced]) {
      const config = writeExperiment(folder, experiment);
      const there = await document(["run", config, ...cluster, "--out", out]);
      const here = await inline(config);
      expect(there.ledger).toBe(here.ledger);
      expect(weightsOf(there)).toBe(weightsOf(here));
      expect(there).toMatchObject({ status: "done", reproducible: true, tasks: here.tasks });
      expect(there.metrics).toEqual(here.metrics);
      if (experiment !== slow) continue;
      const { workers: named } = there.execution;
      expect(named.map(({ tasks }) => tasks > 0)).toEqual([true, true]);
      expect(named.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(16);
    }
    // What a task says more of its training travels too.
    for (const name of ["vat", "heads"] as const) {
      const config = writeExperiment(folder, { ...COMPOSED[name], name });
      const there = await document(["run", config, ...cluster, "--out", out]);
      const here = await inline(config);
      expect(there.ledger).toBe(here.ledger);
      expect(there.heads).toEqual(here.heads);
    }
  });

  test("lose nothing with a worker that is killed, nor with the server", async () => {
    const config = writeExperiment(folder, { ...slow, seed: 11 });
    const parent = join(folder, "killed");
    const run = start(["run", config, ...cluster, "--out", parent, "--json"]);
    await doneTasks(parent, 3);
    one?.process.kill("SIGKILL");
    await doneTasks(parent, 5);
    await server.restart();
    startWorker(server.url, "three");
    const { code, stdout, stderr } = await run.outcome;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const there = JSON.parse(stdout) as RunDocument;
    const here = await inline(config);
    expect(there.ledger).toBe(here.ledger);
    expect(weightsOf(there)).toBe(weightsOf(here));
    expect(there.tasks).toEqual({ total: 16, completed: 16, failed: 0 });
    // What the killed worker had is an attempt that was lost, or a copy was there before that was known.
    const { lost, copies = 0 } = there.execution;
    expect(lost + copies).toBeGreaterThan(0);
  });

  test("are taken over elsewhere by their id, and the first coordinator is shut out", async () => {
    const config = writeExperiment(folder, { ...slow, seed: 12 });
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    const run = start(["run", config, ...cluster, "--out", first, "--json"]);
    const id = await doneTasks(first, 3);
    run.process.kill("SIGSTOP");
    const stopped = performance.now();
    const before = await countDone(first);
    const there = document(["resume", id, ...cluster, "--out", second]);
    // The other one does a task of its own.
    await doneTasks(second, before + 1);
    expect(performance.now() - stopped).toBeLessThan(TAKEOVER);
    // It comes back while the other one is at work, and again after.
    run.process.kill("SIGCONT");
    const { code, stdout } = await run.outcome;
    expect(code).toBe(3);
    expect(stdout).toMatch(/must be coordinated by this process, got a takeover by \S+/);
    const here = await inline(config);
    expect((await there).ledger).toBe(here.ledger);
    expect(weightsOf(await there)).toBe(weightsOf(here));
    // Once more from the first one's folder: it catches up, and has the same result.
    const again = await document(["resume", join(first, id), ...cluster]);
    expect(again.ledger).toBe(here.ledger);
    // One that lives is named and left alone, unless it is to be shut out.
    const alive = start(["run", config, ...cluster, "--out", join(folder, "alive"), "--json"]);
    const its = await doneTasks(join(folder, "alive"), 2);
    const refused = await manyfold(["resume", its, ...cluster, "--out", join(folder, "third")]);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(
      /a coordinator on \S+ \(epoch 1\), whose lease stands until \d\d:/,
    );
    const taking = ["resume", its, ...cluster, "--out", join(folder, "third"), "--take-over"];
    expect((await document(taking)).ledger).toBe(here.ledger);
    expect(await alive.outcome).toMatchObject({ code: 3 });
    await expect(manyfold(["resume", "nobody-knows", ...cluster])).resolves.toMatchObject({
      code: 2,
    });
  });
});
