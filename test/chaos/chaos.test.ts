import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { temporaryFolder } from "../e2e/folder.ts";
import { runCampaign } from "./campaign.ts";
import { chaosConfig, inlineLedger } from "./experiment.ts";
import { hasServer } from "./machinery.ts";

const folder = temporaryFolder();
const there = hasServer();
if (!there) {
  console.warn("SKIPPED chaos: nats-server is missing; run test/nats/install-server.sh");
}

// Short: `npm run chaos -- --seeds 1..50` is the long form.
describe.skipIf(!there)("real processes that are killed, stopped and cut off", () => {
  test("lose nothing and double nothing", async () => {
    const program = inject("program");
    const config = chaosConfig(folder);
    const ledger = await inlineLedger(program, config, folder);
    const said: string[] = [];
    for (const seed of [3]) {
      const result = await runCampaign({
        seed,
        folder: join(folder, String(seed)),
        program: join(program, "main.js"),
        config,
        ledger,
        seconds: 6,
        say: (text) => said.push(text),
      });
      expect({ seed, violations: result.violations, said }).toMatchObject({ violations: [] });
    }
  });
});
