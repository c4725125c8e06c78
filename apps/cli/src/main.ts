import { CommanderError } from "commander";
import { createProgram } from "./program.ts";
import { complain, EXIT } from "./terminal.ts";
import { usageError } from "./usage.ts";

// A reader that stops early (head, a closed pipe) is no reason to fail.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.done);
});

const program = createProgram();
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  const json = process.argv.includes("--json");
  if (!(error instanceof CommanderError)) return complain(error, json);
  // Help and version are no complaints; help that nobody asked for is, and has been printed.
  if (error.exitCode === 0) return EXIT.done;
  if (error.code === "commander.help") return EXIT.usage;
  const command = program.commands.find((each) => each.name() === process.argv[2]);
  return complain(usageError(error, command ? `manyfold ${command.name()}` : "manyfold"), json);
}
