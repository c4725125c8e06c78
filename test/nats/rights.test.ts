import { readFileSync, statSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { memoryBlobs } from "@manyfold/files";
import {
  answerForRun,
  askCoordinator,
  type Link,
  namesOf,
  natsBlobs,
  openLink,
} from "@manyfold/workers/nats";
import { beforeAll, describe, expect, test } from "vitest";
import { bag, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { document, ending, expectEnd, manyfold, start } from "../e2e/program.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { timers } from "./world.ts";

const folder = temporaryFolder();
const cluster = join(import.meta.dirname, "../../configs/cluster");
const names = namesOf("default");

const systemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

describeWithServer("the server's file in configs/cluster", () => {
  const keys = join(folder, "etc");
  const as = (role: string) => ({ env: { NATS_NKEY: join(keys, `${role}.nk`) } });
  let server: TestServer;
  let at: readonly string[];
  const open = (role: string, inboxes: string): Promise<Link> =>
    openLink({
      servers: [server.url],
      name: role,
      timers,
      inboxes,
      credentials: { nkey: readFileSync(join(keys, `${role}.nk`)) },
    });

  beforeAll(async () => {
    await manyfold(["keys", keys]);
    // The test's own store comes by a flag, which the file may not say too.
    const text = readFileSync(join(cluster, "nats-server.conf"), "utf8");
    writeFileSync(join(keys, "nats-server.conf"), text.replace(/^ *store_dir.*$/m, ""));
    server = await startServer(["-c", join(keys, "nats-server.conf")]);
    at = ["--servers", server.url];
  });

  test("knows two users by keys that nobody else can read, and no third", async () => {
    for (const role of ["coordinator", "worker"]) {
      expect(statSync(join(keys, `${role}.nk`)).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(keys, "keys.conf"), "utf8")).toContain(role.toUpperCase());
    }
    expect(await manyfold(["keys", keys])).toMatchObject({ code: 2 });
    expect(await manyfold(["ps", ...at])).toMatchObject({ code: 3 });
  });

  test("a worker that may make no streams waits for them no longer than it may be idle", async () => {
    const { stderr } = await ending(
      ["worker", ...at, "--slots", "1", "--max-idle", "1"],
      0,
      as("worker"),
    );
    expect(stderr).toContain("Waiting for a coordinator to make stream TASKS_default");
    expect(stderr).toContain("no run came");
  });

  test("lets both do all of their work: run, look, check, clean up", async () => {
    // A worker may make no streams: it waits for the first coordinator, who does.
    const worker = start(
      ["worker", ...at, "--slots", "2", "--cache-dir", join(folder, "cache")],
      as("worker"),
    );
    const waiting = new Promise((resolve) => worker.process.stderr?.once("data", resolve));
    expect(String(await waiting)).toContain(
      "Waiting for a coordinator to make stream TASKS_default: this user may not.",
    );
    await ending(["doctor", ...at, "--json"], 0, as("coordinator"));
    const config = writeExperiment(folder, bag);
    const run = ["run", config, "--executor", "nats", ...at, "--out", join(folder, "runs")];
    const there = await document(run, 0, as("coordinator"));
    const here = await document([
      "run",
      config,
      "--executor",
      "inline",
      "--out",
      join(folder, "in"),
    ]);
    expect(there.ledger).toBe(here.ledger);
    const ps = await ending(["ps", ...at, "--json"], 0, as("coordinator"));
    expect(ps.stdout).toContain('"state":"done"');
    await ending(["workers", ...at], 0, as("coordinator"));
    // An earlier version has left its queues here: one is in use, another is not.
    const own = await open("coordinator", "_INBOX");
    for (const version of ["v1", "v2"]) {
      await own.streams.addConsumer(names.tasks, {
        durable_name: `${version}-js`,
        filter_subject: `mf.default.task.${version}.js.>`,
        ack_policy: "explicit",
      });
    }
    await own.streams.publish("mf.default.task.v2.js.run.s.t.1", Uint8Array.of(1));
    const gc = ["gc", ...at, "--older-than", "0", "--json"];
    const { stdout } = await ending(gc, 0, as("coordinator"));
    expect(JSON.parse(stdout)).toMatchObject({ consumers: ["v1-js"] });
    await expect(own.streams.backlog(names.tasks, "v1-js")).rejects.toMatchObject({ code: 10014 });
    expect(await own.streams.backlog(names.tasks, "v2-js")).toMatchObject({ pending: 1 });
    await own.close();
    worker.process.kill("SIGTERM");
    expectEnd(["worker"], await worker.outcome);
  });

  describe("and nothing else", () => {
    const bytes = new Uint8Array(1);
    const of = { run: "run", session: "s", task: "t", attempt: 1 };

    test("a worker", async () => {
      const link = await open("worker", "_INBOX_W");
      const forbidden: (() => Promise<unknown>)[] = [
        () => link.js.publish(names.task("js", of), bytes),
        () => link.js.publish(names.logOf("run"), bytes),
        () => link.js.publish(names.lease("run"), bytes),
        () => link.jsm.streams.delete(names.results),
        () => link.jsm.streams.purge(names.blobs),
        () => link.jsm.streams.deleteMessage(names.results, 1),
        () => link.jsm.consumers.add(names.results, { durable_name: "spy" }),
        () => link.jsm.direct.getMessage(names.log, { last_by_subj: names.logOf("run") }),
      ];
      for (const attempt of forbidden) {
        await expect(attempt()).rejects.toThrow(/permission|violation/i);
      }
      // What it may write it may read back, and the hash is checked.
      const blobs = natsBlobs(link, names, memoryBlobs());
      const { hash } = await blobs.put(Uint8Array.of(1, 2, 3));
      expect(await natsBlobs(link, names, memoryBlobs()).get(hash)).toEqual(Uint8Array.of(1, 2, 3));
      await link.close();
    });

    test("a coordinator, who may answer another", async () => {
      const link = await open("coordinator", "_INBOX");
      const silence = answerForRun(link, names, { run: "r", host: "here" }, () => undefined);
      await link.flush();
      const asking = await open("coordinator", "_INBOX");
      expect(await askCoordinator(asking, names, "r", "state")).toMatchObject({ host: "here" });
      await asking.close();
      silence();
      const other = namesOf("other");
      const forbidden: (() => Promise<unknown>)[] = [
        () => link.js.publish(other.task("js", of), bytes),
        () => link.jsm.streams.delete(names.log),
        () => link.jsm.streams.purge(names.tasks),
        () => link.jsm.streams.update(names.log, { max_msgs: 1 }),
        () => link.jsm.streams.add({ name: "OTHER", subjects: ["x"] }),
        () => link.jsm.consumers.delete(names.tasks, names.consumer("js").name),
      ];
      for (const attempt of forbidden) {
        await expect(attempt()).rejects.toThrow(/permission|violation/i);
      }
      await link.close();
    });
  });

  test.skipIf(!systemd)("the units are such that systemd finds no fault with them", () => {
    for (const unit of ["manyfold-server.service", "manyfold-worker.service"]) {
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", join(cluster, unit)], {
        encoding: "utf8",
      });
      expect({ unit, status, stderr }).toEqual({ unit, status: 0, stderr: "" });
    }
  });
});
