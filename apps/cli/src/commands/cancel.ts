import type { Command } from "commander";
import { ManyfoldError } from "@manyfold/protocol";
import type { ClusterFlags } from "../cluster.ts";
import { CLUSTER_HELP, clusterOptions, loadNats, openCluster, requireRun } from "../cluster.ts";
import { print, tell } from "../terminal.ts";

export function registerCancel(program: Command): void {
  clusterOptions(
    program
      .command("cancel")
      .description("stop a run on a cluster, wherever its coordinator is; it can be resumed")
      .argument("<run>", "the run's id, see manyfold ps"),
  )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nExample:\n  manyfold cancel digits-bagging-20260101-120000-1a2b --servers nats://head:4222\n${CLUSTER_HELP}\n`,
    )
    .action(async (run: string, { json, ...flags }: ClusterFlags & { json?: boolean }) => {
      const cluster = await openCluster(flags, "cancel");
      try {
        await requireRun(cluster, run);
        const { askCoordinator } = await loadNats();
        const answer = await askCoordinator(cluster.link, cluster.names, run, "stop");
        if (answer === undefined) throw nobody(run);
        if (json) print(JSON.stringify({ status: "done", run, host: answer.host }));
        else tell(`${run} stops on ${answer.host}: what runs is let finish, nothing done is lost.`);
      } finally {
        await cluster.close();
      }
    });
}

function nobody(run: string): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: run,
    condition: "a run that is being coordinated",
    got: "one that is finished or stopped",
    help: "manyfold ps lists runs with their state.",
  });
}
