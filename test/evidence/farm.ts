// What a farm over NATS costs: a server, two worker processes and the coordinator on this machine.
// Options: --peers FOLDER (or MANYFOLD_PEERS) with farm_dask.py for the comparison with Dask
// distributed; --short for a tenth of the tasks; --only NAME for one of the measurements.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { dataset } from "./farm/dataset.ts";
import { bagRatio } from "./farm/bag.ts";
import { latencies, runTasks, taskMaker } from "./farm/rates.ts";
import { longRun } from "./farm/long-run.ts";
import { openFarm } from "./farm/world.ts";
import { keep } from "./experiments.ts";

const { values } = parseArgs({
  options: {
    peers: { type: "string" },
    short: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const peers = values.peers ?? process.env["MANYFOLD_PEERS"];
const scale = values.short ? 0.1 : 1;

interface Figure {
  readonly figure: number;
  readonly target: string;
  readonly holds: boolean;
  readonly [detail: string]: unknown;
}

const atLeast = (figure: number, target: number, more: object = {}): Figure => ({
  figure,
  target: `>= ${target}`,
  holds: figure >= target,
  ...more,
});
const atMost = (figure: number, target: number, more: object = {}): Figure => ({
  figure,
  target: `<= ${target}`,
  holds: figure <= target,
  ...more,
});
const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const farm = await openFarm(2, 1);
const make = await taskMaker(farm);
const lot = (count: number, milliseconds: number) =>
  Array.from({ length: Math.ceil(count) }, () => make(milliseconds));

/**
 * Tasks per second, the median of five bursts after one that warms everything up.
 *
 * @param together most tasks in a message; 1: each travels, is acknowledged and is answered by itself
 */
async function burst(most: number, together?: number): Promise<{ rate: number; cpu: object }> {
  const run = (count: number) => runTasks(farm, lot(count, 0), 512, () => undefined, together);
  await run(most);
  const rates: number[] = [];
  const count = most * scale;
  const before = await cpu();
  for (let round = 0; round < 5; round++) {
    const { done, seconds } = await run(count);
    rates.push(done / seconds);
  }
  const after = await cpu();
  const spent = Object.entries(after).map(([who, seconds]) => [
    who,
    Math.round((1e6 * (seconds - (before[who] ?? 0))) / (5 * count)),
  ]);
  return { rate: median(rates), cpu: Object.fromEntries(spent) as object };
}

async function cpu(): Promise<Record<string, number>> {
  const { user, system } = process.cpuUsage();
  const workers = await Promise.all(farm.workers.map((worker) => worker.usage()));
  return {
    server: (await farm.server.usage()).seconds,
    workers: workers.reduce((sum, { seconds }) => sum + seconds, 0),
    coordinator: (user + system) / 1e6,
  };
}

/** What Dask distributed does with two worker processes, measured right after. */
function dask(folder: string): { tasks_per_s: number; p50_ms: number } {
  const { stdout, stderr } = spawnSync(join(folder, "farm_dask.py"), { encoding: "utf8" });
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`farm_dask.py gave no figure: ${stderr.slice(-500)}`);
  return JSON.parse(line) as { tasks_per_s: number; p50_ms: number };
}

const measurements: { readonly [name: string]: () => Promise<Record<string, Figure>> } = {
  async tasks() {
    const bundled = await burst(8000);
    const single = await burst(3000, 1);
    const found = await latencies(farm, () => make(0), Math.ceil(1000 * scale));
    const at = (share: number) => found[Math.floor(share * (found.length - 1))] ?? Number.NaN;
    const mean = found.reduce((sum, each) => sum + each, 0) / found.length;
    const figures = {
      "no-op tasks per second, bundled": atLeast(bundled.rate, 3000, {
        microseconds: bundled.cpu,
      }),
      "no-op tasks per second, one in a message": atLeast(single.rate, 700, {
        microseconds: single.cpu,
      }),
      "milliseconds of a single task, median": atMost(at(0.5), 3, {
        p99: at(0.99),
        perSecondOneAfterTheOther: 1000 / mean,
      }),
    };
    if (peers === undefined) {
      console.error("No comparison with Dask: --peers FOLDER says where farm_dask.py is.");
      return figures;
    }
    const ratios: number[] = [];
    const theirs: object[] = [];
    for (let round = 0; round < 3; round++) {
      const peer = dask(peers);
      const { done, seconds } = await runTasks(farm, lot(8000, 0), 512);
      theirs.push({ ...peer, ours: done / seconds });
      ratios.push(done / seconds / peer.tasks_per_s);
    }
    return { ...figures, "times as many as Dask": atLeast(median(ratios), 5, { theirs }) };
  },
  async slots() {
    await runTasks(farm, lot(20, 100), 512);
    const tasks = lot(Math.max(60, 300 * scale), 100);
    const { seconds } = await runTasks(farm, tasks, 512);
    return {
      "slot use with tasks of 100 ms": atLeast((tasks.length * 0.1) / 2 / seconds, 0.95),
    };
  },
  async dataset() {
    const { rate, fetched } = await dataset(farm, 50e6);
    return {
      "MB per second of a dataset, request to verified file": atLeast(rate, 150),
      "times it was fetched by two workers of a host": atMost(fetched, 1),
    };
  },
  async memory() {
    const { coordinator, workers, ...more } = await longRun(farm, 100_000 * scale);
    return {
      "MiB a coordinator grows by over the last 80 % of its tasks": atMost(coordinator, 100, more),
      "MiB a worker grows by over the last 80 % of its tasks": atMost(workers, 32, more),
    };
  },
  async bag() {
    const { ratios, seconds, equal } = await bagRatio(farm, values.short ? 1 : 5);
    return {
      "wall time of a bag on two worker processes over that on two threads": atMost(
        median(ratios),
        1.15,
        { ratios, seconds },
      ),
      "equal ledgers": atLeast(Number(equal), 1),
    };
  },
};

const results: Record<string, Figure> = {};
for (const [name, measure] of Object.entries(measurements)) {
  if (values.only !== undefined && values.only !== name) continue;
  for (const [what, figure] of Object.entries(await measure())) {
    results[what] = figure;
    const shown = figure.figure.toPrecision(4);
    const { figure: _, target, holds, ...details } = figure;
    console.error(`${holds ? "holds" : "FAILS"}  ${what}: ${shown} (${target})`);
    if (Object.keys(details).length > 0) console.error(`       ${JSON.stringify(details)}`);
  }
}
await farm.close();
if (values.only === undefined && !values.short) keep("farm", results);
process.exit(Object.values(results).every(({ holds }) => holds) ? 0 : 1);
