import { randomUUID } from "node:crypto";
import { openThreadPool, type ThreadPool } from "@manyfold/workers";
import { type Link, natsExecutor, type Names, startNatsWorker } from "@manyfold/workers/nats";
import { executorContract } from "@manyfold/workers/testing";
import type { BlobStore } from "@manyfold/protocol";
import { afterAll, beforeAll } from "vitest";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

describeWithServer("NATS executor", () => {
  let server: TestServer;
  let link: Link;
  beforeAll(async () => {
    server = await startServer();
    link = await testLink(server.url);
  });

  // Threads take a while to start: one pool per number of them serves all tests.
  const pools = new Map<number, Promise<ThreadPool>>();
  afterAll(async () => {
    for (const pool of pools.values()) await (await pool).close();
  });

  const startWorker = async (names: Names, blobs: BlobStore, slots: number, memory?: number) => {
    const opened = pools.get(slots) ?? openThreadPool({ workers: slots, clock, timers, grace: 1 });
    pools.set(slots, opened);
    const pool = await opened;
    const own = await testLink(server.url);
    await startNatsWorker({
      link: own,
      names,
      blobs,
      clock,
      timers,
      pool: { ...pool, close: async () => undefined },
      variants: ["js"],
      id: `here-${randomUUID().slice(0, 8)}`,
      host: "here",
      manyfold: "test",
      beat: 0.2,
      lease: 2,
      ...(memory !== undefined && { memory }),
    });
    return own;
  };

  executorContract("nats", {
    make: async ({ workers, blobs, limits, memory, timers: counted }) => {
      const names = await freshNames(link);
      let own = await startWorker(names, blobs, workers, memory);
      const executor = natsExecutor({
        link,
        names,
        run: "run",
        blobs,
        clock,
        timers: counted,
        slots: workers,
        beat: 0.2,
        lease: 2,
        ...(limits && { limits }),
      });
      const crash = async () => {
        await own.close();
        own = await startWorker(names, blobs, workers, memory);
      };
      return { executor, crash };
    },
    clock,
    timers,
    workers: [2, 1, 3],
    stopsAfter: "progress",
  });
});
