import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document, manyfold, start } from "../e2e/program.ts";
import { doneTasks, slow, workerStarter } from "./cluster.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");
const startWorker = workerStarter(folder);

describeWithServer("a cluster seen from outside", () => {
  let server: TestServer;
  let servers: readonly string[];
  beforeAll(async () => {
    server = await startServer();
    servers = ["--servers", server.url];
  });
  const listed = async (command: string) => {
    const { code, stdout } = await manyfold([command, ...servers, "--json"]);
    expect(code).toBe(0);
    return JSON.parse(stdout) as {
      runs: { run: string; state: string; done: number; total: number }[];
      workers: { id: string; slots: number; running: number }[];
    };
  };

  test("is looked at by the doctor, who leaves nothing there", async () => {
    const { code, stdout } = await manyfold(["doctor", ...servers, "--json"]);
    expect(code).toBe(0);
    const { findings } = JSON.parse(stdout) as { findings: { what: string; found: string }[] };
    const found = Object.fromEntries(findings.map((one) => [one.what, one.found]));
    expect(found).toMatchObject({
      nats: expect.stringContaining("JetStream") as string,
      trip: expect.stringContaining("MB/s there") as string,
      workers: "0 with 0 slots",
    });
    const absent = ["doctor", "--servers", "nats://127.0.0.1:1", "--json"];
    expect(await manyfold(absent)).toMatchObject({ code: 3 });
  });

  test("has no workers and no runs at first", async () => {
    expect((await listed("workers")).workers).toEqual([]);
    expect((await listed("ps")).runs).toEqual([]);
    expect(await manyfold(["cancel", "nothing", ...servers])).toMatchObject({ code: 2 });
  });

  test("stops a run that nobody works on at the first signal", async () => {
    const config = writeExperiment(folder, { ...slow, name: "unserved" });
    const run = start(["run", config, "--executor", "nats", ...servers, "--out", out, "--json"]);
    for (let state = ""; state !== "running";) {
      const [found] = (await listed("ps")).runs;
      state = found?.state ?? "";
    }
    run.process.kill("SIGTERM");
    expect(await run.outcome).toMatchObject({ code: 130 });
    expect((await listed("ps")).runs).toMatchObject([{ state: "stopped", done: 0, total: 16 }]);
  });

  test("lists, cancels and resumes a run, and a worker that is asked to end ends in peace", async () => {
    const worker = startWorker(server.url, "one");
    expect((await listed("workers")).workers).toMatchObject([{ slots: 1, running: 0 }]);
    const config = writeExperiment(folder, slow);
    const parent = join(folder, "cancelled");
    const run = start(["run", config, "--executor", "nats", ...servers, "--out", parent, "--json"]);
    const id = await doneTasks(parent, 2);
    const { runs } = await listed("ps");
    expect(runs.find((one) => one.run === id)).toMatchObject({ state: "running", total: 16 });
    expect(await manyfold(["cancel", id, ...servers])).toMatchObject({ code: 0 });
    expect(await run.outcome).toMatchObject({ code: 130 });
    expect(await manyfold(["cancel", id, ...servers])).toMatchObject({ code: 2 });

    const resumed = document(["resume", join(parent, id), "--executor", "nats", ...servers]);
    const second = startWorker(server.url, "two");
    worker.process.kill("SIGTERM");
    expect(await worker.outcome).toMatchObject({ code: 0 });
    const { execution, ledger } = await resumed;
    const inline = await document(["run", config, "--out", out, "--executor", "inline"]);
    expect(ledger).toBe(inline.ledger);
    // A worker that drains finishes what it has: nothing was lost with it.
    expect(execution.lost).toBe(0);
    expect((await listed("ps")).runs.find((one) => one.run === id)).toMatchObject({
      state: "done",
    });
    second.process.kill("SIGTERM");
    expect(await second.outcome).toMatchObject({ code: 0 });
  });
});
