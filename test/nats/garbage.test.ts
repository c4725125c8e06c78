import { join } from "node:path";
import { memoryBlobs } from "@manyfold/files";
import {
  claimLease,
  collectGarbage,
  type Link,
  namesOf,
  natsBlobs,
  openLink,
} from "@manyfold/workers/nats";
import { beforeAll, expect, test } from "vitest";
import { bag, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document, manyfold } from "../e2e/program.ts";
import { workerStarter } from "./cluster.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

const folder = temporaryFolder();
const startWorker = workerStarter(folder);

describeWithServer("what finished runs leave on a server", () => {
  let server: TestServer;
  let link: Link;
  const names = namesOf("default");
  beforeAll(async () => {
    server = await startServer();
    link = await openLink({ servers: [server.url], name: "test", timers });
    return () => link.close();
  });
  const gc = async (...args: string[]) => {
    const outcome = await manyfold(["gc", ...args, "--servers", server.url, "--json"]);
    const found = JSON.parse(outcome.stdout) as { runs: string[]; blobs: number };
    return { code: outcome.code, ...found };
  };
  const messages = async () => {
    const streams = [names.tasks, names.results, names.log, names.blobs, names.leases];
    const states = await Promise.all(streams.map((stream) => link.streams.state(stream)));
    return states.map((state) => state.messages);
  };

  test("goes when asked: old ones alone, or one by name; what others need stays", async () => {
    startWorker(server.url, "one");
    const nats = ["--executor", "nats", "--servers", server.url, "--out", join(folder, "runs")];
    const run = (name: string, seed: number) =>
      document(["run", writeExperiment(folder, { ...bag, name, seed }), ...nats]);
    const first = await run("first", 1);
    const second = await run("second", 1);
    // Equal tasks in two runs have equal blobs.
    expect(await gc()).toMatchObject({ code: 0, runs: [], blobs: 0 });
    const before = await messages();
    expect(await gc("--older-than", "0", "--dry-run")).toMatchObject({
      runs: [first.runId, second.runId],
    });
    expect(await messages()).toEqual(before);
    expect(await gc(first.runId)).toMatchObject({ runs: [first.runId] });
    const ps = await manyfold(["ps", "--servers", server.url]);
    expect(ps.stdout).toContain(second.runId);
    expect(ps.stdout).not.toContain(first.runId);
    // The second one grows without doing anything again: all it had is there.
    const grow = ["--members", "10", "--executor", "nats", "--servers", server.url];
    const grown = await document(["resume", second.runDir, ...grow]);
    expect(grown.tasks).toEqual({ total: 10, completed: 10, failed: 0 });
    expect(await manyfold(["gc", first.runId, "--servers", server.url])).toMatchObject({ code: 2 });
    expect(await gc("--older-than", "0")).toMatchObject({ runs: [second.runId] });
    expect(await messages()).toEqual([0, 0, 0, 0, 0]);
    // Nothing but the declared streams was ever there.
    const streams = await link.jsm.streams.names().next();
    expect(streams.toSorted()).toEqual(
      [names.tasks, names.results, names.log, names.blobs, names.leases].toSorted(),
    );
  });

  test("spares a run that has a lease and no record yet, and a coordinator that is only slow", async () => {
    const fresh = await freshNames(link);
    const own = await testLink(server.url);
    const of = { run: "begun", owner: "ann", host: "ann", clock, timers, seconds: 0.9 };
    await claimLease(own, fresh, of);
    await natsBlobs(own, fresh, memoryBlobs()).put(Uint8Array.of(1, 2, 3));
    // Nobody answers for the run, but its lease is renewed.
    const collect = (run?: string) =>
      collectGarbage(link, fresh, { clock, age: 0, ...(run !== undefined && { run }) });
    await expect(collect("begun")).rejects.toThrow("begun must be a run that nobody coordinates");
    expect(await collect()).toEqual({ runs: [], blobs: 0, consumers: [] });
    await own.close();
    expect(await collect("begun")).toMatchObject({ runs: ["begun"], blobs: 1 });
    await expect(collect("begun")).rejects.toThrow("begun must be the id of a run");
  });
});
