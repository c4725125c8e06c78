import { randomBytes } from "node:crypto";
import { memoryBlobs } from "@manyfold/files";
import { ManyfoldError } from "@manyfold/protocol";
import type { Cluster, ClusterFlags } from "./cluster.ts";
import { loadNats, openCluster } from "./cluster.ts";
import { clock } from "./environment.ts";

/** One line of what `manyfold doctor` says. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  readonly ok: boolean;
  /** What to do, where something is not right. */
  readonly help?: string;
}

const MIB = 2 ** 20;
/** Milliseconds to listen for workers. */
const LISTEN = 2500;

/** Looks at a cluster as a coordinator would use it; what it may not do there is a finding. */
export async function examineCluster(flags: ClusterFlags): Promise<Finding[]> {
  let cluster: Cluster;
  try {
    cluster = await openCluster(flags, "doctor");
  } catch (error) {
    if (!(error instanceof ManyfoldError)) throw error;
    const [found = "", help] = error.message.split("\n");
    return [{ what: "nats", found, ok: false, ...(help !== undefined && { help }) }];
  }
  try {
    return [
      serverOf(cluster),
      await storeOf(cluster),
      await tripOf(cluster),
      await fleetOf(cluster),
    ];
  } finally {
    await cluster.close();
  }
}

function serverOf({ link, names }: Cluster): Finding {
  const version = link.nc.info?.version ?? "unknown";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const old = major === 2 && minor < 10;
  return {
    what: "nats",
    found: `nats-server ${version} with JetStream, namespace ${names.namespace}`,
    ok: true,
    ...(old && { help: "It works; 2.10 and later have many fixes of JetStream." }),
  };
}

async function storeOf({ link }: Cluster): Promise<Finding> {
  const { storage, limits } = await link.jsm.getAccountInfo();
  const limit = limits.max_storage;
  const left = limit < 0 ? "no limit of its own" : `of ${Math.round(limit / MIB)} MiB`;
  const tight = limit >= 0 && limit - storage < 256 * MIB;
  return {
    what: "store",
    found: `${Math.round(storage / MIB)} MiB used, ${left}`,
    ok: !tight,
    ...(tight && {
      help: "Raise max_file_store or the account's quota: a full store takes nothing.",
    }),
  };
}

/** A message there and back, and a blob of 4 MB; the blob is taken away again. */
async function tripOf({ link, names }: Cluster): Promise<Finding> {
  const { natsBlobs } = await loadNats();
  const since = clock.monotonic();
  await link.nc.flush();
  const trip = clock.monotonic() - since;
  const bytes = randomBytes(4_000_000);
  const begun = clock.monotonic();
  const { hash } = await natsBlobs(link, names, memoryBlobs()).put(bytes);
  const sent = clock.monotonic();
  const back = await natsBlobs(link, names, memoryBlobs()).get(hash);
  const rate = (from: number, to: number) => `${Math.round(4000 / (to - from))} MB/s`;
  const speed = `blobs ${rate(begun, sent)} there, ${rate(sent, clock.monotonic())} back`;
  // Nobody else knows this hash, so no reader's place in the stream is behind it.
  await link.jsm.streams.purge(names.blobs, { filter: names.blobParts(hash) });
  const ok = back !== undefined;
  return { what: "trip", found: `${trip.toFixed(1)} ms, ${speed}`, ok };
}

async function fleetOf({ link, names }: Cluster): Promise<Finding> {
  const { listWorkers } = await loadNats();
  const workers = await listWorkers(link, names, LISTEN);
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  return {
    what: "workers",
    found: `${workers.length} with ${slots} slots`,
    ok: true,
    ...(workers.length === 0 && { help: "Start one with: manyfold worker --servers ..." }),
  };
}
