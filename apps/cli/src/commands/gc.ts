import type { Command } from "commander";
import type { ClusterFlags } from "../cluster.ts";
import { CLUSTER_HELP, clusterOptions, loadNats, openCluster } from "../cluster.ts";
import { clock } from "../environment.ts";
import { print, tell } from "../terminal.ts";
import { wholeNumber } from "../whole-number.ts";

interface GcFlags extends ClusterFlags {
  readonly olderThan: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const DAY = 86_400_000;

export function registerGc(program: Command): void {
  clusterOptions(
    program
      .command("gc")
      .description("remove finished runs, and what no run needs, from a cluster's server")
      .argument("[run]", "only this run, finished or not"),
  )
    .option("--older-than <days>", "only what is older", wholeNumber("--older-than", 0, 36_500), 7)
    .option("--dry-run", "say what would go, and remove nothing")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  manyfold gc --servers nats://head:4222
  manyfold gc digits-bagging-20260101-120000-1a2b --servers nats://head:4222

Log, results and lease of a run go 7 days after it finished, then the blobs that no other run names. Runs
that are stopped stay until they are named; those at work always stay, and so do all run folders.
${CLUSTER_HELP}
`,
    )
    .action(async (run: string | undefined, { json, dryRun, olderThan, ...flags }: GcFlags) => {
      const cluster = await openCluster(flags, "gc");
      try {
        const { link, names } = cluster;
        const { collectGarbage } = await loadNats();
        const garbage = await collectGarbage(link, names, {
          clock,
          age: olderThan * DAY,
          ...(run !== undefined && { run }),
          dry: dryRun === true,
        });
        if (json) return print(JSON.stringify({ status: "done", ...garbage }));
        for (const one of garbage.runs) print(one);
        const { runs, blobs, consumers } = garbage;
        const gone = dryRun ? "would go" : "are gone";
        tell(`${runs.length} runs and ${blobs} blobs ${gone}.`);
        if (consumers.length > 0)
          tell(`Queues of earlier versions ${gone}: ${consumers.join(", ")}.`);
      } finally {
        await cluster.close();
      }
    });
}
