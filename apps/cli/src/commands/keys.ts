import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { makeFolder } from "@manyfold/files";
import { ManyfoldError } from "@manyfold/protocol";
import { loadNats } from "../cluster.ts";
import { print, tell } from "../terminal.ts";

/** Who a cluster's server knows. */
const ROLES = ["coordinator", "worker"] as const;

export function registerKeys(program: Command): void {
  program
    .command("keys")
    .description("make the keys of a cluster's users, and the file that its server includes")
    .argument("<dir>", "folder for keys.conf, coordinator.nk and worker.nk")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Example:
  manyfold keys /etc/manyfold

The server reads keys.conf (public keys only) beside configs/cluster/nats-server.conf. Whoever connects
sets NATS_NKEY to the path of coordinator.nk or worker.nk. Files that are there are not written over.
`,
    )
    .action(async (folder: string, { json }: { json?: boolean }) => {
      await makeFolder(folder);
      const { createNkey } = await loadNats();
      const lines: string[] = [];
      const files: string[] = [];
      for (const role of ROLES) {
        const { seed, publicKey } = createNkey();
        files.push(await write(join(folder, `${role}.nk`), `${seed}\n`, 0o600));
        lines.push(`${role.toUpperCase()} = ${publicKey}`);
      }
      files.push(await write(join(folder, "keys.conf"), `${lines.join("\n")}\n`, 0o644));
      if (json) return print(JSON.stringify({ status: "done", files }));
      tell(`Written: ${files.join(", ")}. Keep the .nk files secret.`);
    });
}

/** Writes a new file; a key that is in use is not lost. */
async function write(path: string, text: string, mode: number): Promise<string> {
  try {
    await writeFile(path, text, { mode, flag: "wx" });
    return path;
  } catch {
    throw new ManyfoldError({
      code: "input",
      path,
      condition: "a new file in a folder that can be written to",
      got: "one that is there, or a place that refuses it",
      help: "Remove the old keys first, or name another folder.",
    });
  }
}
