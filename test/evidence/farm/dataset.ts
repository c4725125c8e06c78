import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { directoryCache, memoryBlobs } from "@manyfold/files";
import { natsBlobs, openLink } from "@manyfold/workers/nats";
import { clock, type Farm, timers } from "./world.ts";

/** A dataset from the request to the verified file on a worker's host; the median of seven. */
export async function dataset(
  farm: Farm,
  size: number,
): Promise<{ readonly rate: number; readonly fetched: number }> {
  const folder = mkdtempSync(join(tmpdir(), "manyfold-dataset-"));
  const links = await Promise.all(
    ["one", "two"].map((name) => openLink({ servers: [farm.url], name, timers })),
  );
  const rates: number[] = [];
  let fetched = 0;
  const counted = (cache: ReturnType<typeof directoryCache>) => ({
    ...cache,
    receive(hash: string) {
      fetched++;
      return cache.receive(hash);
    },
  });
  try {
    const [one, two] = links;
    if (one === undefined || two === undefined) throw new Error("no links");
    for (let round = 0; round < 7; round++) {
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size; at += 64) bytes[at] = (at * 31 + round) % 251;
      const { hash } = await natsBlobs(farm.link, farm.names, memoryBlobs()).put(bytes);
      const cache = directoryCache(join(folder, `cache-${round}`), timers);
      const since = clock.monotonic();
      await natsBlobs(one, farm.names, cache).get(hash);
      rates.push(size / 1e6 / ((clock.monotonic() - since) / 1000));
    }
    const bytes = new Uint8Array(size).fill(7);
    const { hash } = await natsBlobs(farm.link, farm.names, memoryBlobs()).put(bytes);
    const shared = join(folder, "shared");
    await Promise.all(
      [one, two].map((link) =>
        natsBlobs(link, farm.names, counted(directoryCache(shared, timers))).get(hash),
      ),
    );
  } finally {
    for (const link of links) await link.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const rate = rates.toSorted((a, b) => a - b)[3] ?? Number.NaN;
  return { rate, fetched };
}
