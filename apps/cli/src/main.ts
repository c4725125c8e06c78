import { CommanderError } from "commander";
import { createProgram } from "./program.ts";
import { complain, EXIT } from "./terminal.ts";

// A reader that stops early (head, a closed pipe) is no reason to fail.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.done);
});

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    process.exitCode = complain(error, process.argv.includes("--json"));
  }
}
