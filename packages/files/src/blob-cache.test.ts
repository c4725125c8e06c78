import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cacheBlobs } from "./blob-cache.ts";
import { directoryCache } from "./cache.ts";
import { hashOf } from "./hash.ts";
import { temporaryFolder } from "./testing/folder.ts";

const folder = temporaryFolder();
const timers = { sleep: async () => undefined, every: () => () => undefined };
const blob = (i: number) => new Uint8Array(1000).fill(i);

test("keeps what was used last, within its limit", async () => {
  let now = 1_700_000_000_000;
  const clock = { now: () => (now += 5000), monotonic: () => 0 };
  const cache = cacheBlobs(join(folder, "cache"), { limit: 10_000, clock, timers });
  const first = await cache.put(blob(0));
  const refs = [];
  for (let i = 1; i <= 30; i++) {
    refs.push(await cache.put(blob(i)));
    // In use all the time.
    expect(await cache.get(first.hash)).toEqual(blob(0));
  }
  const there = await Promise.all(refs.map(({ hash }) => cache.has(hash)));
  const count = there.filter(Boolean).length;
  expect(count).toBeGreaterThanOrEqual(7);
  expect(count).toBeLessThanOrEqual(10);
  // The last ones, and no other.
  expect(there.lastIndexOf(false)).toBe(there.length - count - 1);
  // Another process finds the folder over its own limit, and sweeps at its first put.
  const small = cacheBlobs(join(folder, "cache"), { limit: 3000, clock, timers });
  await small.put(blob(99));
  const left = await Promise.all(refs.map(({ hash }) => small.has(hash)));
  expect(left.filter(Boolean).length).toBeLessThanOrEqual(2);
});

test("a disk that takes nothing costs the keeping, and nothing else", async () => {
  writeFileSync(join(folder, "file"), "");
  const said: string[] = [];
  const cache = cacheBlobs(join(folder, "file", "cache"), {
    limit: 1000,
    timers,
    clock: { now: () => 0, monotonic: () => 0 },
    onProblem: (message) => said.push(message),
  });
  const { hash, bytes } = await cache.put(blob(1));
  expect(bytes).toBe(1000);
  expect(await cache.get(hash)).toBeUndefined();
  expect(await cache.has(hash)).toBe(false);
  expect(said).toEqual([expect.stringContaining("file")]);
  expect(await cache.once(hash, async () => blob(1))).toEqual(blob(1));
  await expect(cache.once(hash, () => Promise.reject(new Error("far away")))).rejects.toThrow(
    "far away",
  );
});

test("a blob that comes in parts is there once it is kept, and leaves nothing where it is dropped", async () => {
  const place = join(folder, "parts");
  const cache = directoryCache(place, timers);
  const whole = new Uint8Array(3000).map((_, at) => at % 251);
  const hash = hashOf(whole);
  const receive = () => {
    const incoming = cache.receive(hash);
    for (let at = 0; at < 3000; at += 700) incoming.add(whole.subarray(at, at + 700));
    return incoming;
  };
  const dropped = receive();
  expect(dropped.hash()).toBe(hash);
  await dropped.drop();
  expect(readdirSync(join(place, hash.slice(0, 2)))).toEqual([]);
  const kept = receive();
  expect(await cache.has(hash)).toBe(false);
  expect(kept.hash()).toBe(hash);
  await kept.keep();
  expect(await cache.get(hash)).toEqual(whole);
});

test("a disk that takes nothing does not keep a blob from being received", async () => {
  const said: string[] = [];
  const options = { limit: 1000, timers, clock: { now: () => 0, monotonic: () => 0 } };
  writeFileSync(join(folder, "other"), "");
  const cache = cacheBlobs(join(folder, "other", "cache"), {
    ...options,
    onProblem: (message) => said.push(message),
  });
  const hash = hashOf(blob(1));
  const incoming = cache.receive(hash);
  incoming.add(blob(1));
  expect(incoming.hash()).toBe(hash);
  await incoming.keep();
  expect(said).toEqual([expect.stringContaining("other")]);
});
