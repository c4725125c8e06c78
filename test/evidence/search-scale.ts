// Searches of many trials in virtual time: the real coordinator, tasks that take as long as they are
// told to. How near to ideal the slots are used, what stragglers and lost workers cost, and that none
// of them changes what is found.  npm run evidence -- search-scale [--trials N]
import { parseArgs } from "node:util";
import { lognormal, searchOf, study, type Farm, type Study } from "../simulation/search/virtual.ts";
import { keep } from "./experiments.ts";

const { values } = parseArgs({ options: { trials: { type: "string", default: "10000" } } });
const TRIALS = Number(values.trials);

interface Figures {
  readonly what: string;
  readonly slots: number;
  readonly lag: number | "free";
  readonly wanted: number;
  readonly trials: number;
  /** Virtual seconds until the last trial was assessed, over those of slots that never idle. */
  readonly overIdeal: number;
  /** Share of the slots' time that was work, until then. */
  readonly use: number;
  readonly lostAttempts: number;
  /** Processor seconds of the coordinator and the simulation, and milliseconds of them per trial. */
  readonly cpu: number;
  readonly perTrial: number;
  readonly peakMiB: number;
  readonly ledger: string;
}

function figuresOf(what: string, slots: number, lag: number | "free", found: Study): Figures {
  const trials = new Set([...found.state.assessed.values()].map(({ trial }) => trial)).size;
  const last = found.records.findLast(({ type }) => type === "assessed")?.time ?? 0;
  const searched = found.records.findLastIndex(({ type }) => type === "assessed");
  const work = found.records
    .slice(0, searched)
    .reduce(
      (sum, one) => sum + (one.type === "completed" || one.type === "failed" ? one.seconds : 0),
      0,
    );
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  return {
    what,
    slots,
    lag,
    wanted: found.state.experiment.search?.trials ?? 0,
    trials,
    overIdeal: round(last / 1000 / (work / slots), 4),
    use: round(work / slots / (last / 1000), 4),
    lostAttempts: found.lost,
    cpu: round(found.cpu, 1),
    perTrial: round((1000 * found.cpu) / trials, 2),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    ledger: found.ledger.slice(0, 12),
  };
}

async function run(what: string, farm: Farm, search: { lag?: number; order?: string }, more = {}) {
  const trials = Math.min(TRIALS, (farm.slots > 16 ? 60 : 625) * farm.slots);
  const found = await study(searchOf({ sampler: "tpe", trials, ...search, ...more }), farm);
  const figures = figuresOf(
    what,
    farm.slots,
    search.order === "free" ? "free" : (search.lag ?? 8),
    found,
  );
  console.error(JSON.stringify(figures));
  return figures;
}

const second = () => 1;
const spread = lognormal(1, 0.5);
/** One task in fifty takes ten times as long. */
const stragglers = (task: string, attempt: number) =>
  spread(task, attempt) * (Number.parseInt(task.slice(0, 4), 16) % 50 === 0 ? 10 : 1);
const ASHA = { scheduler: { asha: { min: 1, eta: 3 } } };

const rows: Figures[] = [
  await run("one-second trials", { slots: 16, seconds: second }, { lag: 32 }),
  await run(
    "one-second trials, the coordinator's own time added",
    { slots: 16, seconds: second, charged: true },
    { lag: 32 },
  ),
  await run("lognormal durations, sigma 0.5", { slots: 16, seconds: spread }, { lag: 32 }),
  await run("the same with ASHA promote", { slots: 16, seconds: spread }, { lag: 32 }, ASHA),
];
for (const slots of [64, 1000]) {
  const bad = { slots, seconds: stragglers, perWorker: 8, lostEvery: 3600 };
  const calm = await run("lognormal durations", { slots, seconds: spread }, { lag: 2 * slots });
  rows.push(
    calm,
    await run("one in 50 ten times as long, workers lost", bad, { lag: 2 * slots }),
    await run("the same, lag of 10 times the slots", bad, { lag: 10 * slots }),
    await run("the same in free order", bad, { order: "free" }),
  );
}

const [plain, charged, uneven, asha] = rows as [Figures, Figures, Figures, Figures];
const checks = {
  "10,000 one-second trials on 16 slots within 3 % of ideal, lag twice the slots": {
    figure: plain.overIdeal,
    target: "<= 1.03",
    holds: plain.overIdeal <= 1.03,
  },
  "the same with the coordinator's own processor time on the clock": {
    figure: charged.overIdeal,
    target: "reported",
    holds: true,
  },
  "slot use for lognormal durations (sigma 0.5), lag twice the slots": {
    figure: Math.min(uneven.use, asha.use),
    target: ">= 0.9",
    holds: Math.min(uneven.use, asha.use) >= 0.9,
  },
  "all trials are there, with stragglers and lost workers": {
    figure: rows.filter(({ trials, wanted }) => trials !== wanted).length,
    target: "0 rows with another number than asked for",
    holds: rows.every(({ trials, wanted }) => trials === wanted),
  },
  "stragglers and lost workers change no ledger": {
    figure: [4, 8].map((at) => rows[at]?.ledger === rows[at + 1]?.ledger).join(", "),
    target: "true, true",
    holds: [4, 8].every((at) => rows[at]?.ledger === rows[at + 1]?.ledger),
  },
};
keep("search-scale", { trials: TRIALS, checks, rows });
if (Object.values(checks).some(({ holds }) => !holds)) process.exitCode = 1;
