import type { Command } from "commander";
import type { ClusterFlags } from "../cluster.ts";
import { CLUSTER_HELP, clusterOptions, loadNats, openCluster } from "../cluster.ts";
import { print } from "../terminal.ts";

/** Milliseconds to listen: each worker is heard every two seconds. */
const LISTEN = 2500;

export function registerWorkers(program: Command): void {
  clusterOptions(program.command("workers").description("list the workers of a cluster"))
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nExample:\n  manyfold workers --servers nats://head:4222\n${CLUSTER_HELP}\n`,
    )
    .action(async ({ json, ...flags }: ClusterFlags & { json?: boolean }) => {
      const cluster = await openCluster(flags, "workers");
      try {
        const { listWorkers } = await loadNats();
        const heard = await listWorkers(cluster.link, cluster.names, LISTEN);
        const workers = heard.map(({ worker, host, slots, variants, manyfold, running }) => {
          return { id: worker, host, slots, running: running.length, variants, manyfold };
        });
        if (json) return print(JSON.stringify({ status: "done", workers }));
        if (workers.length === 0) return print("No worker was heard.");
        for (const { id, slots, running, variants, manyfold } of workers) {
          print(`${id}  ${running}/${slots}  ${variants.join(",")}  ${manyfold}`);
        }
      } finally {
        await cluster.close();
      }
    });
}
