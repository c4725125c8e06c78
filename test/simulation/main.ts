import { parseArgs } from "node:util";
import { describeFault } from "./faults.ts";
import { openSubjects } from "./laboratory.ts";
import { runSchedule } from "./schedule.ts";

/*
 * npm run simulate -- [--seeds N] [--from N]      runs so many schedules
 * npm run simulate -- --seed N [--trace]          replays one
 */

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const subjects = await openSubjects();
const begun = process.cpuUsage();
let faults = 0;
let givenUp = 0;
let copies = 0;
let seconds = 0;
let failing = 0;
for (let seed = first; seed < first + count; seed++) {
  const result = await runSchedule(seed, subjects, { tracing: values.trace });
  faults += result.plan.faults.length;
  givenUp += result.givenUp > 0 ? 1 : 0;
  copies += result.copies;
  seconds += result.virtualSeconds;
  for (const line of result.trace) console.log(line);
  if (result.violations.length === 0) continue;
  failing++;
  console.log(`seed ${seed} (${result.subject}):`);
  for (const violation of result.violations) console.log(`  VIOLATION ${violation}`);
  for (const fault of result.plan.faults) console.log(`  ${describeFault(fault)}`);
  console.log(`  replay: npm run simulate -- --seed ${seed} --trace`);
  if (failing === 20) break;
}
const { user, system } = process.cpuUsage(begun);
console.log(
  `${count} schedules, ${faults} faults, ${Math.round(seconds)} virtual seconds, ` +
    `${((user + system) / 1e6).toFixed(1)} s of CPU time: ${failing} with violations, ` +
    `${givenUp} with a task given up after three losses; ` +
    `${copies} copies of slow attempts.`,
);
process.exitCode = failing === 0 ? 0 : 1;
