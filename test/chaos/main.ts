import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundleProgram } from "../e2e/bundle.ts";
import { type CampaignResult, runCampaign } from "./campaign.ts";
import { chaosConfig, inlineLedger } from "./experiment.ts";
import { hasServer } from "./machinery.ts";

/*
 * npm run chaos -- --seed N [--minutes M]       one seed; for so many minutes: this one and the next
 * npm run chaos -- --seeds A..B [--out FILE]    these; results are added to the file, and those that
 *                                               it has are not run again
 */

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1..50" },
    minutes: { type: "string" },
    seconds: { type: "string", default: "8" },
    out: { type: "string" },
    quiet: { type: "boolean", default: false },
  },
});

if (!hasServer()) {
  console.error("SKIPPED chaos: nats-server is missing; run test/nats/install-server.sh");
  process.exit(3);
}

const [from = 1, to = 50] = (values.seed ?? values.seeds).split("..").map(Number);
const last = values.seed === undefined ? to : values.minutes === undefined ? from : Infinity;
const deadline = performance.now() + Number(values.minutes ?? Infinity) * 60_000;

const folder = mkdtempSync(join(tmpdir(), "manyfold-chaos-"));
const program = await bundleProgram(
  join(import.meta.dirname, `../../node_modules/.cache/chaos-${process.pid}`),
);
const results: CampaignResult[] = readResults(values.out);
try {
  const config = chaosConfig(folder);
  const ledger = await inlineLedger(program, config, folder);
  for (let seed = from; seed <= last && performance.now() < deadline; seed++) {
    if (results.some((one) => one.seed === seed)) continue;
    const own = join(folder, String(seed));
    mkdirSync(own);
    const say = (text: string) => {
      if (!values.quiet) console.log(text);
    };
    const seconds = Number(values.seconds);
    const main = join(program, "main.js");
    const result = await runCampaign({
      seed,
      folder: own,
      program: main,
      config,
      ledger,
      seconds,
      say,
    });
    results.push(result);
    rmSync(own, { recursive: true, force: true });
    console.log(JSON.stringify(result));
    if (values.out !== undefined) {
      writeFileSync(values.out, `${JSON.stringify(summary(results), null, 2)}\n`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(program, { recursive: true, force: true });
}
const { faults, violations, givenUp } = summary(results);
console.log(
  `${results.length} seeds, ${faults} faults, ${violations} violations, ${givenUp} tasks given up ` +
    "after three losses (target: 200 faults over 50 seeds without a violation).",
);
process.exitCode = violations === 0 ? 0 : 1;

function summary(all: readonly CampaignResult[]) {
  const sum = (of: (one: CampaignResult) => number) =>
    all.reduce((total, one) => total + of(one), 0);
  return {
    seeds: all.length,
    faults: sum((one) => Object.values(one.faults).reduce((total, count) => total + count, 0)),
    violations: sum((one) => one.violations.length),
    tasks: sum((one) => one.tasks),
    attempts: sum((one) => one.attempts),
    lost: sum((one) => one.lost),
    givenUp: sum((one) => one.givenUp),
    results: all.toSorted((a, b) => a.seed - b.seed),
  };
}

function readResults(path: string | undefined): CampaignResult[] {
  try {
    const read = JSON.parse(readFileSync(path ?? "", "utf8")) as { results: CampaignResult[] };
    return read.results;
  } catch {
    return [];
  }
}
