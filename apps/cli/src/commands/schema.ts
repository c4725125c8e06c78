import type { Command } from "commander";
import { experimentJsonSchema } from "@manyfold/protocol";
import { print } from "../terminal.ts";

export function registerSchema(program: Command): void {
  program
    .command("schema")
    .description("print the JSON Schema of configurations, for editors")
    .option("--json", "the same; the output is JSON in any case")
    .addHelpText(
      "after",
      `
Example:
  manyfold schema > experiment.schema.json
  # then, as the first line of a configuration:
  # yaml-language-server: $schema=./experiment.schema.json
`,
    )
    .action(() => print(JSON.stringify(experimentJsonSchema(), null, 2)));
}
