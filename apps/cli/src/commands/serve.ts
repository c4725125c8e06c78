import type { Command } from "commander";
import { wholeNumber } from "../whole-number.ts";
import { print, tell } from "../terminal.ts";

interface ServeFlags {
  port: number;
  host: string;
  json?: boolean;
}

export function registerServe(program: Command): void {
  program
    .command("serve")
    .description("answer predictions over HTTP from an artifact")
    .argument("<artifact>", "an artifact's folder")
    .option(
      "--port <n>",
      "port to listen on; 0 picks a free one",
      wholeNumber("--port", 0, 65_535),
      8080,
    )
    .option("--host <address>", "address to bind to; loopback unless told otherwise", "127.0.0.1")
    .option("--json", "print the address, or an error, as one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold serve runs/iris-tiny-20260101-120000-1a2b/artifact --port 8080
  curl -s localhost:8080/predict -H 'content-type: application/json' \\
    -d '{"rows":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}'
`,
    )
    .action(async (artifact: string, { port, host, json }: ServeFlags) => {
      const { startPredictServer } = await import("@manyfold/predict");
      const server = await startPredictServer({ artifact, port, host });
      if (json) print(JSON.stringify({ status: "serving", url: server.url }));
      else {
        tell(
          `Serving ${artifact} at ${server.url}  (POST /predict, GET /model, GET /healthz); Ctrl-C stops.`,
        );
      }
      const stop = () => void server.close();
      process.once("SIGINT", stop);
      process.once("SIGTERM", stop);
    });
}
