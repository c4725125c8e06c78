import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { type Command, Option } from "commander";
import { directoryBlobs, fileJournal } from "@manyfold/files";
import type { BlobStore, Executor, Hash, Journal, Limits } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import type { Lease, Link, Names } from "@manyfold/workers/nats";
import { clock, timers } from "./environment.ts";
import { identityOf } from "./identity.ts";
import type { RunPaths } from "./run-folder.ts";
import { tell } from "./terminal.ts";

/** Where the cluster is. Who one is there comes from the environment or a context alone. */
export interface ClusterFlags {
  readonly servers?: string;
  readonly context?: string;
  readonly namespace: string;
  /** Seconds between two heartbeats of a worker (default 2); a run's own lease is five of them. */
  readonly beat?: number;
  /** Seconds after which the server hands out anew what nobody renewed (default 60). */
  readonly lease?: number;
}

/** The waiting times that the flags name. */
export function paceOf({ beat, lease }: ClusterFlags) {
  return { ...(beat !== undefined && { beat }), ...(lease !== undefined && { lease }) };
}

/** Seconds that suit nearly everybody as they are; tests wait for less. */
function paceOption(flags: string, description: string): Option {
  const name = flags.split(" ")[0] ?? "";
  return new Option(flags, description)
    .argParser((text) => {
      const seconds = Number(text);
      if (seconds > 0 && seconds <= 3600) return seconds;
      throw new ManyfoldError({
        code: "usage",
        path: name,
        condition: "a number > 0 and <= 3600",
        got: JSON.stringify(text),
      });
    })
    .hideHelp();
}

/** Options of the commands that talk to a cluster. */
export function clusterOptions(command: Command): Command {
  return command
    .option(
      "--servers <urls>",
      "NATS servers, with commas between (default: the context's, or nats://127.0.0.1:4222)",
    )
    .option("--context <name>", "a context of the nats command line, or the path of such a file")
    .option("--namespace <name>", "a team's own streams on the servers", "default")
    .addOption(paceOption("--beat <s>", "between two heartbeats of a worker"))
    .addOption(paceOption("--lease <s>", "after which an unanswered task is handed out anew"));
}

/** The lines of help on who one is. */
export const CLUSTER_HELP = `
Who connects is said by the environment, NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_NKEY (a file with
the seed) or NATS_CREDS (a file), or by a context of the nats command line (--context, NATS_CONTEXT). With
TLS, NATS_CA names the file of the authority, NATS_CERT and NATS_KEY those of a client certificate.`;

/** What talks to NATS, a third of the program: read only by a command that has a cluster. */
export const loadNats = () => import("@manyfold/workers/nats");

/** A connection to a namespace, with its streams made. */
export interface Cluster {
  /** False where a worker waited for its streams for as long as it may be idle, and nobody made them. */
  readonly prepared: boolean;
  readonly link: Link;
  readonly names: Names;
  /** A run's blobs: on the server, with the run's folder as the cache. */
  blobs(paths: RunPaths): BlobStore;
  /**
   * The right to coordinate a run.
   *
   * @throws ManyfoldError (`journal`) where somebody else has it, unless it is to be taken over
   */
  claim(run: string, takeOver?: boolean): Promise<Lease>;
  /** A run's journal: the truth on the server, a copy in the run's folder. */
  journal(run: string, paths: RunPaths, lease: Lease): Promise<Journal>;
  executor(options: {
    readonly run: string;
    readonly slots: number;
    readonly blobs: BlobStore;
    readonly limits: Limits;
    readonly drain: AbortSignal;
    readonly notice: (text: string) => void;
  }): Executor;
  /** Answers for a run while it is coordinated here; returns the way to end that. */
  answer(run: string, onStop: () => void): () => void;
  close(): Promise<void>;
}

/** Most tasks that are out at once, however many slots there are: each costs some memory here. */
const MOST_OUT = 8192;

/**
 * @param role shown by the server's own tools
 * @throws ManyfoldError (`environment`) where the server is not to be had
 */
export async function openCluster(
  flags: ClusterFlags & { readonly maxIdle?: number },
  role: string,
): Promise<Cluster> {
  const nats = await loadNats();
  const names = nats.namesOf(flags.namespace);
  const { servers, credentials } = await identityOf(flags.servers, flags.context);
  const link = await nats.openLink({
    servers,
    name: `manyfold ${role} ${hostname()}`,
    timers,
    credentials,
    ...(role === "worker" && { inboxes: "_INBOX_W" }),
  });
  // A worker may start before the first run, and need not have the right to make the streams.
  const idle = new AbortController();
  const patience = flags.maxIdle && setTimeout(() => idle.abort(), flags.maxIdle * 1000);
  const waiting = role === "worker" ? { onWait: tell, signal: idle.signal } : undefined;
  let prepared: boolean;
  try {
    prepared = await nats.prepareNamespace(link, names, flags.lease, waiting);
  } catch (error) {
    await link.close();
    throw error;
  } finally {
    clearTimeout(patience);
  }
  return {
    prepared,
    link,
    names,
    blobs: (paths) => nats.natsBlobs(link, names, directoryBlobs(paths.blobs)),
    claim: (run, takeOver = false) =>
      nats.claimLease(link, names, {
        run,
        owner: `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`,
        host: hostname(),
        clock,
        timers,
        takeOver,
        ...(flags.beat !== undefined && { seconds: 5 * flags.beat }),
        notice: tell,
      }),
    async journal(run, paths, lease) {
      const copy = await fileJournal(paths.journal);
      try {
        const truth = await nats.natsJournal(link, names, run, lease.epoch);
        const journal = await nats.copiedJournal(truth, copy);
        const append: Journal["append"] = async (after, records) => {
          // Between a takeover and the new one's first commit the log would still take it.
          lease.lost.throwIfAborted();
          return journal.append(after, records);
        };
        return { ...journal, append };
      } catch (error) {
        await copy.close();
        throw error;
      }
    },
    executor: (options) =>
      nats.natsExecutor({
        ...options,
        ...paceOf(flags),
        mostSlots: MOST_OUT,
        link,
        names,
        clock,
        timers,
        host: hostname(),
      }),
    answer: (run, onStop) => nats.answerForRun(link, names, { run, host: hostname() }, onStop),
    close: () => link.close(),
  };
}

/** Sends blobs that only the run's folder has: the run was begun without a cluster. */
export async function uploadBlobs(
  cluster: Cluster,
  paths: RunPaths,
  hashes: readonly Hash[],
): Promise<void> {
  const folder = directoryBlobs(paths.blobs);
  const blobs = cluster.blobs(paths);
  for (const hash of hashes) {
    const bytes = await folder.get(hash);
    if (bytes !== undefined) await blobs.put(bytes);
  }
}

/** @throws ManyfoldError (`input`) where the servers know no such run */
export async function requireRun({ link, names }: Cluster, run: string): Promise<void> {
  const { requireToken } = await loadNats();
  const subject = names.logOf(requireToken("RUN", run));
  if ((await link.streams.get(names.log, { last: subject })) !== undefined) return;
  throw new ManyfoldError({
    code: "input",
    path: run,
    condition: `the folder of a run, or the id of one on the servers (namespace ${names.namespace})`,
    help: "manyfold ps --servers ... lists them.",
  });
}

/** A worker's id ends in its process and a word of chance; what stands before is its machine. */
export function hostOf(worker: string): string {
  return worker.split("-").slice(0, -2).join("-") || worker;
}
