import { unwatchFile, watchFile } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { threshold } from "../threshold.ts";
import { wholeNumber } from "../whole-number.ts";
import { print, tell } from "../terminal.ts";

interface ServeFlags {
  port: number;
  host: string;
  threads: number;
  rate?: number;
  abstain?: number;
  watch?: boolean;
  json?: boolean;
}

export function registerServe(program: Command): void {
  program
    .command("serve")
    .description("answer predictions over HTTP from an artifact")
    .argument("<artifacts...>", "folders of artifacts; those of one name are versions of one model")
    .option(
      "--port <n>",
      "port to listen on; 0 picks a free one",
      wholeNumber("--port", 0, 65_535),
      8080,
    )
    .option("--host <address>", "address to bind to; loopback unless told otherwise", "127.0.0.1")
    .option(
      "--threads <n>",
      "threads for requests of many rows",
      wholeNumber("--threads", 0, 256),
      1,
    )
    .option("--rate <n>", "requests a minute of one address", wholeNumber("--rate", 1))
    .option("--abstain <threshold>", "abstain below that probability, above that spread", threshold)
    .option("--watch", "read the artifacts anew when one of them changes")
    .option("--json", "print the address, or an error, as one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold serve runs/iris-tiny-20260101-120000-1a2b/artifact --port 8080
  curl -s localhost:8080/predict -H 'content-type: application/json' \\
    -d '{"rows":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}'
  curl -s localhost:8080/predict -H 'content-type: text/csv' --data-binary @new.csv

Every address is described at /docs. SIGHUP, or POST /reload, reads the artifacts anew: all of them,
or none. With MANYFOLD_TOKEN in the environment every request has to bring that token.
`,
    )
    .action(async (artifacts: string[], flags: ServeFlags) => {
      const { port, host, threads, rate, abstain, watch, json } = flags;
      const { startPredictServer } = await import("@manyfold/predict");
      const token = process.env["MANYFOLD_TOKEN"];
      const server = await startPredictServer({
        artifact: artifacts,
        port,
        host,
        threads,
        abstain,
        token: token === "" ? undefined : token,
        processMetrics: true,
        limits: rate === undefined ? {} : { perMinute: rate },
      });
      if (json) print(JSON.stringify({ status: "serving", url: server.url }));
      else {
        const what = artifacts.join(", ");
        tell(`Serving ${what} at ${server.url}  (a page at /, addresses at /docs); Ctrl-C stops.`);
      }
      const reload = () => {
        server.reload().then(
          () => tell("Artifacts read anew."),
          (error: unknown) => tell(`Kept what is served: ${messageOf(error)}`),
        );
      };
      const unwatch = watch === true ? watchFolders(artifacts, reload) : () => undefined;
      process.on("SIGHUP", reload);
      const stop = () => {
        unwatch();
        process.off("SIGHUP", reload);
        void server.close();
      };
      process.once("SIGINT", stop);
      process.once("SIGTERM", stop);
    });
}

/** Calls when a manifest has another time or size; folders are renamed into place, so looks twice a second. */
function watchFolders(artifacts: readonly string[], changed: () => void): () => void {
  const files = artifacts.map((folder) => join(folder, "manifest.json"));
  for (const file of files) watchFile(file, { interval: 500 }, changed);
  return () => {
    for (const file of files) unwatchFile(file, changed);
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
