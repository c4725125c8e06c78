import type { Command } from "commander";
import type { RunState } from "@manyfold/coordinator";
import { begin, fold, progressOf } from "@manyfold/coordinator";
import type { Cluster, ClusterFlags } from "../cluster.ts";
import { CLUSTER_HELP, clusterOptions, loadNats, openCluster } from "../cluster.ts";
import { print } from "../terminal.ts";

export function registerPs(program: Command): void {
  clusterOptions(program.command("ps").description("list the runs on a cluster"))
    .option("--json", "print one JSON document")
    .addHelpText("after", `\nExample:\n  manyfold ps --servers nats://head:4222\n${CLUSTER_HELP}\n`)
    .action(async ({ json, ...flags }: ClusterFlags & { json?: boolean }) => {
      const cluster = await openCluster(flags, "ps");
      try {
        const { listRuns } = await loadNats();
        const runs: Listed[] = [];
        for (const run of await listRuns(cluster.link, cluster.names)) {
          runs.push(await describe(cluster, run));
        }
        if (json) return print(JSON.stringify({ status: "done", runs }));
        if (runs.length === 0) return print("There are no runs.");
        for (const { run, state, done, total, host } of runs) {
          const where = host === null ? "" : `  on ${host}`;
          print(`${run}  ${state}  ${done}/${total}${where}`);
        }
      } finally {
        await cluster.close();
      }
    });
}

interface Listed {
  readonly run: string;
  /** `running` has a coordinator; `stopped` can be resumed. */
  readonly state: "running" | "stopped" | "done" | "partial" | "error";
  readonly done: number;
  readonly total: number;
  /** Machine of the coordinator. */
  readonly host: string | null;
}

async function describe({ link, names }: Cluster, run: string): Promise<Listed> {
  const { askCoordinator, natsJournal } = await loadNats();
  const journal = await natsJournal(link, names, run);
  let state: RunState | undefined;
  for await (const record of journal.read(0)) state = state ? fold(state, record) : begin(record);
  await journal.close();
  const { done, total } = state ? progressOf(state) : { done: 0, total: 0 };
  if (state?.finished) return { run, state: state.finished.status, done, total, host: null };
  const answer = await askCoordinator(link, names, run, "state");
  return { run, state: answer ? "running" : "stopped", done, total, host: answer?.host ?? null };
}
