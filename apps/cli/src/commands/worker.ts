import { randomBytes } from "node:crypto";
import { availableParallelism, homedir, hostname } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { cacheBlobs } from "@manyfold/files";
import { variantAvailability } from "@manyfold/core";
import { Variant } from "@manyfold/protocol";
import { openThreadPool, prepareVariant, setEngineFlags } from "@manyfold/workers";
import type { ClusterFlags } from "../cluster.ts";
import { CLUSTER_HELP, clusterOptions, loadNats, openCluster, paceOf } from "../cluster.ts";
import { clock, oneBlasThread, timers } from "../environment.ts";
import { memoryBudget } from "../executors.ts";
import type { LogFlags } from "../log.ts";
import { createLog, logOptions } from "../log.ts";
import { allowedModules } from "../objective.ts";
import { EXIT } from "../terminal.ts";
import { VERSION } from "../version.ts";
import { wholeNumber } from "../whole-number.ts";

interface WorkerFlags extends ClusterFlags, LogFlags {
  readonly slots: number;
  readonly cacheDir: string;
  readonly cacheSize: number;
  readonly allowModule: readonly string[];
  readonly maxIdle?: number;
  readonly quiet?: boolean;
}

export function registerWorker(program: Command): void {
  logOptions(
    clusterOptions(
      program
        .command("worker")
        .description("take tasks from a NATS server and run them, on any machine"),
    ),
    "info",
  )
    .option("--slots <n>", "tasks at once", wholeNumber("--slots", 1, 1024), availableParallelism())
    .option("--cache-dir <dir>", "data and results kept on this host", defaultCache())
    .option("--cache-size <MiB>", "most that is kept", wholeNumber("--cache-size", 1), 8192)
    .option(
      "--allow-module <name[=file]>",
      "a module that tasks may load by this name; may be given many times (default: none)",
      (name: string, before: readonly string[]) => [...before, name],
      [],
    )
    .option("--max-idle <s>", "end after s seconds without a task", wholeNumber("--max-idle", 1))
    .option("--quiet", "say nothing while all is well")
    .addHelpText(
      "after",
      `
Example:
  manyfold worker --servers nats://head:4222

It may start before or after the run, and come and go. SIGTERM lets what runs finish for up to 30 s.
${CLUSTER_HELP}
`,
    )
    .action(async (flags: WorkerFlags) => {
      process.exitCode = await work(flags);
    });
}

function defaultCache(): string {
  const { XDG_CACHE_HOME = join(homedir(), ".cache") } = process.env;
  return join(XDG_CACHE_HOME, "manyfold", "blobs");
}

async function work(flags: WorkerFlags): Promise<number> {
  const { slots, cacheDir, maxIdle } = flags;
  const modules = allowedModules(flags.allowModule);
  const log = await createLog(flags, flags.quiet === true ? "warn" : "info");
  const cluster = await openCluster(flags, "worker");
  try {
    if (!cluster.prepared) {
      log?.info("ended: no run came");
      return EXIT.done;
    }
    const { link, names } = cluster;
    const { natsBlobs, startNatsWorker } = await loadNats();
    setEngineFlags();
    // A machine without a BLAS takes the tasks of other variants.
    oneBlasThread();
    await prepareVariant("blas").catch(() => undefined);
    const variants = Variant.options.filter((variant) => variantAvailability(variant).available);
    const id = `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`;
    const pool = await openThreadPool({ workers: slots, clock, timers });
    const worker = await startNatsWorker({
      link,
      names,
      blobs: natsBlobs(
        link,
        names,
        cacheBlobs(cacheDir, {
          limit: flags.cacheSize * 2 ** 20,
          clock,
          timers,
          onProblem: (problem) => log?.warn({ problem }, "nothing is kept on this host"),
        }),
        { patient: true },
      ),
      clock,
      timers,
      pool,
      variants,
      id,
      host: hostname(),
      manyfold: VERSION,
      memory: memoryBudget(),
      ...paceOf(flags),
      modules,
      ...(maxIdle !== undefined && { maxIdle }),
      observe: ({ run, session, task, attempt, status, seconds }) => {
        const about = { run, session, task, attempt, seconds: Number(seconds.toFixed(3)) };
        if (status === "done") log?.info(about, status);
        else log?.warn(about, status);
      },
    });
    const { namespace } = names;
    const about = { worker: id, slots, variants: variants.join(","), namespace };
    log?.info({ ...about, modules: [...modules.keys()].join(",") || "none" }, "at work");
    link.onDown(() => {
      if (!link.closed) log?.warn("the link to the server is down; going on with what is here");
    });
    link.onReconnect(() => {
      if (!link.closed) log?.info("the link to the server is up again");
    });
    const release = onStop(() => {
      log?.info("finishing the tasks that run; once more, and it ends at once");
      worker.drain();
    });
    await worker.ended;
    release();
    log?.info("ended");
    return EXIT.done;
  } finally {
    await cluster.close();
  }
}

/** The first signal drains, the second ends the process at once. */
function onStop(drain: () => void): () => void {
  let asked = false;
  const handle = () => {
    if (asked) process.exit(EXIT.interrupted);
    asked = true;
    drain();
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return () => {
    process.off("SIGINT", handle);
    process.off("SIGTERM", handle);
  };
}
