import type { Command } from "commander";
import { wholeNumber } from "../whole-number.ts";
import { tell } from "../terminal.ts";

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
    .option("--json", "errors as one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold serve runs/iris-tiny-20260101-120000-1a2b/artifact --port 8080
  curl -s localhost:8080/predict -H 'content-type: application/json' \\
    -d '{"rows":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}'
`,
    )
    .action(async (artifact: string, { port, host }: { port: number; host: string }) => {
      const { startPredictServer } = await import("@manyfold/predict");
      const server = await startPredictServer({ artifact, port, host });
      tell(
        `Serving ${artifact} at ${server.url}  (POST /predict, GET /model, GET /healthz); Ctrl-C stops.`,
      );
      const stop = () => void server.close();
      process.once("SIGINT", stop);
      process.once("SIGTERM", stop);
    });
}
