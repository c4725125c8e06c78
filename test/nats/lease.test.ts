import { answerForRun, claimLease, type Link, readLease } from "@manyfold/workers/nats";
import { beforeAll, expect, test } from "vitest";
import { describeWithServer, startServer, type TestServer } from "./server.ts";
import { clock, freshNames, testLink, timers } from "./world.ts";

describeWithServer("the lease of a run", () => {
  let server: TestServer;
  let link: Link;
  beforeAll(async () => {
    server = await startServer();
    link = await testLink(server.url);
  });
  const as = (owner: string) => ({ run: "run", owner, host: owner, clock, timers, seconds: 0.6 });

  test("is one coordinator's, renewed; who is refused is told whose it is and until when", async () => {
    const names = await freshNames(link);
    expect(await readLease(link, names, "run")).toBeUndefined();
    const first = await claimLease(link, names, as("ann"));
    expect(first.epoch).toBe(1);
    const silence = answerForRun(link, names, { run: "run", host: "ann" }, () => undefined);
    const refused =
      /run must be .* got a coordinator on ann \(epoch 1\), .* until \d\d:\d\d:\d\d UTC/;
    await expect(claimLease(link, names, as("bob"))).rejects.toThrow(refused);
    silence();
    // It does not answer, but it renews.
    const waited: string[] = [];
    const notice = (text: string) => waited.push(text);
    await expect(claimLease(link, names, { ...as("bob"), notice })).rejects.toThrow(refused);
    expect(waited).toEqual([expect.stringContaining("on ann does not answer")]);
    expect(first.lost.aborted).toBe(false);
    await first.release();
    const second = await claimLease(link, names, as("bob"));
    expect(second.epoch).toBe(2);
    await second.release();
    expect(await readLease(link, names, "run")).toMatchObject({ state: "ended", epoch: 2 });
  });

  test("of one that is gone runs out, and one that comes back hears of it", async () => {
    const names = await freshNames(link);
    const own = await testLink(server.url);
    await claimLease(own, names, as("ann"));
    await own.close();
    const second = await claimLease(link, names, as("bob"));
    expect(second.epoch).toBe(2);
    const third = await claimLease(link, names, { ...as("cleo"), takeOver: true });
    const lost = new Promise((resolve) => second.lost.addEventListener("abort", resolve));
    await lost;
    expect(String(second.lost.reason)).toContain("takeover by cleo (epoch 3)");
    await second.release();
    expect(await readLease(link, names, "run")).toMatchObject({ state: "held", owner: "cleo" });
    await third.release();
  });

  test("goes to one of many who ask at once", async () => {
    const names = await freshNames(link);
    const askers = Array.from({ length: 6 }, (_, i) => claimLease(link, names, as(`host${i}`)));
    const settled = await Promise.allSettled(askers);
    const winners = settled.filter(({ status }) => status === "fulfilled");
    expect(winners).toHaveLength(1);
    const refusals = settled.flatMap((each) =>
      each.status === "rejected" ? [String(each.reason)] : [],
    );
    for (const text of refusals) expect(text).toContain("a coordinator on host");
    for (const each of settled) if (each.status === "fulfilled") await each.value.release();
  });

  test("is kept over a restart of the server", async () => {
    const names = await freshNames(link);
    const lease = await claimLease(link, names, as("ann"));
    await server.restart();
    const before = await readLease(link, names, "run");
    let after = before;
    while (after?.sequence === before?.sequence) after = await readLease(link, names, "run");
    expect(after).toMatchObject({ owner: "ann", epoch: 1, state: "held" });
    expect(lease.lost.aborted).toBe(false);
    await lease.release();
  });
});
