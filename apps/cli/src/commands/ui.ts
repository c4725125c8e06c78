import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { ManyfoldError } from "@manyfold/protocol";
import { print, tell } from "../terminal.ts";
import { wholeNumber } from "../whole-number.ts";

interface UiFlags {
  port: number;
  host: string;
  json?: boolean;
}

export function registerUi(program: Command): void {
  program
    .command("ui")
    .description("a page that follows the runs of a folder while they go on")
    .argument("[dir]", "parent of the runs' folders", "runs")
    .option(
      "--port <n>",
      "port to listen on; 0 picks a free one",
      wholeNumber("--port", 0, 65_535),
      8090,
    )
    .option("--host <address>", "address to bind to; loopback unless told otherwise", "127.0.0.1")
    .option("--json", "print the address, or an error, as one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold ui runs

It reads the journals and writes nothing; runs may come, go on and go. Whoever can reach the address
can read everything it shows.
`,
    )
    .action(async (folder: string, { port, host, json }: UiFlags) => {
      await requireFolder(folder);
      const { startUi } = await import("@manyfold/ui");
      const server = await startUi({ folder, port, host });
      if (json) print(JSON.stringify({ status: "serving", url: server.url }));
      else tell(`Following ${folder} at ${server.url}  Ctrl-C stops.`);
      const stop = () => void server.close();
      process.once("SIGINT", stop);
      process.once("SIGTERM", stop);
    });
}

async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new ManyfoldError({
    code: "input",
    path,
    condition: "a folder of runs",
    got: found ? "a file" : "nothing there",
    help: "manyfold run makes one; the default is runs.",
  });
}
